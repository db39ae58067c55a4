"""Jobs: rows of work. Whoever claims one does it; a lease ends, so a dead process loses nothing.

The law: work is added and its job enqueued in one transaction, and whoever ends a job locks its row first. A job that
is enqueued again while it is held is not deleted when it is done, it runs once more: so its holder need not look for
new work at the end, and no work is left without a job.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Double, Insert, Integer, Row, and_, bindparam, case, func, or_, select, text, update
from sqlalchemy.sql.dml import ReturningInsert

from bot.model import Thread
from bot.store.connection import Connection
from bot.store.dialects import insert_on, server_now
from bot.store.schema import insights, jobs
from bot.store.transaction import Job, JobKind, Transaction

BATCH = 100
"""Datadog takes 1 to 100 insights in one request."""


def case_key(org: str, case_id: str) -> str:
    """The key of a case's job."""
    return f"{org}/{case_id}"


def case_of(key: str) -> tuple[str, str]:
    """The organisation and the case that a job is for."""
    org, _, case_id = key.partition("/")
    return org, case_id


def thread_key(thread: Thread) -> str:
    """The key of a thread's job."""
    return f"{thread.workspace}/{thread.channel}/{thread.ts}"


def thread_of(key: str) -> Thread:
    return Thread(*key.split("/"))


class LeaseLost(Exception):
    """Somebody else holds the job now: what this holder would write is void."""


# Made once: to make one of these takes longer than SQLite needs to carry it out, and each click runs a dozen.
_IS_FREE = or_(jobs.c.token.is_(None), jobs.c.due_at < server_now())
"""Nobody holds it, or its lease is over: a held job is due when its lease ends."""
_LEASE_ENDS = server_now() + bindparam("lease", type_=Double)
_NOW_AT_LAST = {"token": None, "again_at": None, "due_at": server_now()}
_FAILING_FOR = func.coalesce(server_now() - jobs.c.since, 0.0).label("failing_for")
_DUE = (
    select(jobs.c.id)
    .where(jobs.c.kind == bindparam("of_kind"), jobs.c.due_at <= server_now())
    .order_by(jobs.c.due_at)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
    .cte("due")
)
_CLAIM = (
    update(jobs)
    .where(jobs.c.id == _DUE.c.id)
    .values(token=bindparam("taker"), due_at=_LEASE_ENDS, again_at=None)
    .returning(jobs, _FAILING_FOR)
)
_HELD = and_(jobs.c.id == bindparam("job"), jobs.c.token == bindparam("holder"))
_RENEW = update(jobs).where(_HELD).values(due_at=_LEASE_ENDS).returning(server_now())
_RELEASE = update(jobs).where(_HELD).values(**_NOW_AT_LAST)
_FORGET = (
    jobs.delete().where(jobs.c.id == bindparam("job"), jobs.c.enqueued == bindparam("as_claimed")).returning(jobs.c.id)
)
_KEEP = (
    update(jobs)
    .where(jobs.c.id == bindparam("job"))
    .values(
        **_NOW_AT_LAST,
        attempts=0,
        since=None,
        note="",
        batch_size=bindparam("batch"),
        refused=bindparam("of_singles"),
    )
)
_AGAIN = _KEEP.values(due_at=func.coalesce(jobs.c.again_at, server_now()))
_NEXT_TRY = case((jobs.c.token.is_not(None), server_now()), else_=jobs.c.due_at).label("due_at")
_WAITS_FOR = select(jobs.c.note, _NEXT_TRY).where(jobs.c.kind == bindparam("kind"), jobs.c.key == bindparam("key"))
_WAIT = select(func.min(jobs.c.due_at) - server_now())
_NEXT_DUE = select(*(_WAIT.where(jobs.c.kind == kind).scalar_subquery().label(kind) for kind in JobKind))
"""Each kind by itself: the index tells the least, where a GROUP BY would read all of it."""

_SINCE = case((jobs.c.since < jobs.c.due_at, jobs.c.since), else_=jobs.c.due_at)
_DEPTHS = select(jobs.c.kind, func.count(), server_now() - func.min(_SINCE)).group_by(jobs.c.kind)
_ASKED_FOR = select(server_now() - func.min(insights.c.at)).where(text("state IN ('confirmed', 'undoing')"))
"""As its partial index says it, word for word: SQLite uses that for nothing else."""


@cache
def _enqueue(dialect: str) -> Insert:
    due = server_now() + bindparam("after", type_=Double)
    sooner = _sooner(dialect)
    return _insert(dialect, due_at=due).on_conflict_do_update(
        index_elements=[jobs.c.kind, jobs.c.key],
        set_={
            "due_at": case((jobs.c.token.is_(None), sooner(jobs.c.due_at, due)), else_=jobs.c.due_at),
            "again_at": case((jobs.c.token.is_not(None), sooner(func.coalesce(jobs.c.again_at, due), due))),
            "enqueued": jobs.c.enqueued + 1,
        },
    )


@cache
def _take(dialect: str) -> ReturningInsert[Any]:
    """As `_enqueue`, due at once; a job that nobody holds is taken, too."""
    row = _insert(dialect, due_at=_LEASE_ENDS, token=bindparam("taker"))
    again = _sooner(dialect)(func.coalesce(jobs.c.again_at, server_now()), server_now())
    return row.on_conflict_do_update(
        index_elements=[jobs.c.kind, jobs.c.key],
        set_={
            "due_at": case((_IS_FREE, row.excluded.due_at), else_=jobs.c.due_at),
            "token": case((_IS_FREE, row.excluded.token), else_=jobs.c.token),
            "again_at": case((_IS_FREE, None), else_=again),
            "enqueued": jobs.c.enqueued + 1,
        },
    ).returning(jobs, _FAILING_FOR)


def _insert(dialect: str, **values: Any) -> Any:
    fresh = {"enqueued": 1, "attempts": 0, "batch_size": BATCH, "refused": 0, "note": ""}
    return insert_on(dialect, jobs).values(kind=bindparam("of_kind"), key=bindparam("of_key"), **fresh, **values)


def _sooner(dialect: str) -> Any:
    return func.min if dialect == "sqlite" else func.least


async def enqueue(tx: Transaction, kind: JobKind, key: str, *, after: float = 0.0) -> None:
    """Make sure the job exists and is due within `after` seconds; locks its row until the transaction ends.

    What is due at once is taken by this very transaction, where this process can do it and nobody else holds it.
    """
    if (kind, key) in tx.taken:
        return  # its holder begins after this transaction, and sees what it wrote
    values = {"of_kind": kind, "of_key": key}
    taker = tx.taker
    if after > 0.0 or taker is None or not (taker.can_start(kind, key) and taker.reserve(kind)):
        await tx.execute(_enqueue(tx.dialect.name), {**values, "after": after})
        tx.due_in = min(tx.due_in, after)
        return
    token = secrets.token_hex(8)
    try:
        row = (await tx.execute(_take(tx.dialect.name), {**values, "taker": token, "lease": taker.lease})).one()
    except BaseException:
        taker.give_back(kind)
        raise
    if row.token == token:
        tx.taken[kind, key] = _job(row)
    else:
        taker.give_back(kind)


async def reschedule(tx: Transaction, kind: JobKind, key: str, after: float) -> None:
    """Make the job due in `after` seconds even where that is later than before; a held job stays held."""
    await enqueue(tx, kind, key, after=max(after, 0.001))
    held, due_at = jobs.c.token.is_not(None), server_now() + after
    times = {"due_at": case((held, jobs.c.due_at), else_=due_at), "again_at": case((held, due_at))}
    await tx.execute(update(jobs).where(jobs.c.kind == kind, jobs.c.key == key).values(times))


async def claim(tx: Transaction, kind: JobKind, lease: float, most: int = 1) -> list[Job]:
    """The jobs of a kind that are due longest, now held for `lease` seconds; one statement on both databases."""
    values = {"of_kind": kind, "most": most, "taker": secrets.token_hex(8), "lease": lease}
    rows = await tx.execute(_CLAIM, values)
    return [_job(row) for row in rows]


def _job(row: Row[Any]) -> Job:
    columns = ("id", "key", "token", "enqueued", "attempts", "failing_for", "batch_size", "refused")
    return Job(kind=JobKind(row.kind), **{name: getattr(row, name) for name in columns})


async def check_lease(tx: Transaction, job: Job, lease: float) -> float:
    """Lock the job's row for this transaction and return the server's now; raises LeaseLost when it is not ours.

    `lease`: seconds for which it is held from now on.
    """
    mine = {"job": job.id, "holder": job.token, "lease": lease}
    now = (await tx.execute(_RENEW, mine)).scalar_one_or_none()
    if now is None:
        raise LeaseLost(job.key)
    return now


async def complete(tx: Transaction, job: Job) -> None:
    """Delete a job after success, under `check_lease`; one that was enqueued while it was held is freed instead."""
    gone = await tx.execute(_FORGET, {"job": job.id, "as_claimed": job.enqueued})
    if gone.scalar_one_or_none() is None:
        await tx.execute(_AGAIN, {"job": job.id, "batch": BATCH, "of_singles": 0})
        tx.due_in = 0.0


async def keep(tx: Transaction, job: Job, *, batch_size: int = BATCH, refused: int = 0) -> None:
    """Free a job that has work left after success, under `check_lease`: due now, and its failures are forgotten."""
    await tx.execute(_KEEP, {"job": job.id, "batch": batch_size, "of_singles": refused})
    tx.due_in = 0.0


async def retry(tx: Transaction, job: Job, after: float, note: str, *, counts_as_attempt: bool = True) -> float:
    """Free a job after a failure, under `check_lease`, due in `after` seconds. Returns that time (epoch s)."""
    values = {"token": None, "again_at": None, "due_at": server_now() + after, "note": note}
    if counts_as_attempt:
        values |= {"attempts": job.attempts + 1, "since": func.coalesce(jobs.c.since, server_now())}
    tx.due_in = min(tx.due_in, after)
    answer = await tx.execute(update(jobs).where(jobs.c.id == job.id).values(**values).returning(jobs.c.due_at))
    return answer.scalar_one()


async def next_due(connection: Connection, kinds: Collection[JobKind]) -> dict[JobKind, float]:
    """For each of these kinds that has jobs: seconds until one can be claimed (0 or less: now)."""
    waits = (await connection.execute(_NEXT_DUE)).one()
    return {kind: wait for kind in kinds if (wait := getattr(waits, kind)) is not None}


async def waits_for(connection: Connection, kind: JobKind, key: str) -> tuple[str, float]:
    """What a job waits for, as a sentence, and when it is due (epoch s); an empty sentence: it waits for nothing."""
    row = (await connection.execute(_WAITS_FOR, {"kind": kind, "key": key})).one_or_none()
    return (row.note, row.due_at) if row else ("", 0.0)


async def release(tx: Transaction, job: Job) -> None:
    """Free a job whose holder stops, at once instead of when its lease ends."""
    await tx.execute(_RELEASE, {"job": job.id, "holder": job.token})


@dataclass(frozen=True, slots=True)
class Depth:
    """How many jobs of a kind there are, and for how many seconds the oldest work has waited.

    Of cases: since a person confirmed or undid it, whenever the next try is; of others: since it was first due.
    """

    kind: JobKind
    jobs: int
    oldest: float


async def depths(connection: Connection) -> list[Depth]:
    """One entry per kind, those without jobs included."""
    rows = await connection.execute(_DEPTHS)
    known = {kind: (count, max(0.0, oldest)) for kind, count, oldest in rows}  # a newer version may have more kinds
    asked_for = (await connection.execute(_ASKED_FOR)).scalar_one()
    known[JobKind.CASE] = (known.get(JobKind.CASE, (0, 0.0))[0], max(0.0, asked_for or 0.0))
    return [Depth(kind, *known.get(kind, (0, 0.0))) for kind in JobKind]
