"""Jobs: rows of work. Whoever claims one does it; a lease ends, so a dead process loses nothing.

The law: work is added and its job enqueued in one transaction, and whoever ends a job locks its row first. A job that
was enqueued since its claim stays, so its holder need not look again for work, and none is stranded by the job's end.
"""

import secrets
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Double, Insert, Select, and_, bindparam, func, or_, select, update

from bot.model import Thread
from bot.store.connection import Connection
from bot.store.engine import insert_on, server_now
from bot.store.schema import jobs
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
_FREE = or_(jobs.c.lease_until.is_(None), jobs.c.lease_until < server_now())
_DUE = (
    select(jobs.c.id)
    .where(jobs.c.due_at <= server_now(), _FREE)
    .order_by(jobs.c.due_at)
    .limit(1)
    .with_for_update(skip_locked=True)
    .scalar_subquery()
)
_LEASED = server_now() + bindparam("lease", type_=Double)
_CLAIM = (
    update(jobs)
    .where(jobs.c.id == _DUE)
    .values(token=bindparam("taker"), lease_until=_LEASED)
    .returning(jobs, func.coalesce(server_now() - jobs.c.since, 0.0).label("failing_for"))
)
_HELD = and_(jobs.c.id == bindparam("job"), jobs.c.token == bindparam("holder"))
_CHECK = update(jobs).where(_HELD).values(lease_until=jobs.c.lease_until).returning(server_now())
_RENEW = update(jobs).where(_HELD).values(lease_until=_LEASED).returning(server_now())
_FORGET = (
    jobs.delete().where(jobs.c.id == bindparam("job"), jobs.c.enqueued == bindparam("as_claimed")).returning(jobs.c.id)
)
_KEEP = (
    update(jobs)
    .where(jobs.c.id == bindparam("job"))
    .values(
        token=None,
        lease_until=None,
        attempts=0,
        since=None,
        note="",
        batch_size=bindparam("batch"),
        refused=bindparam("of_singles"),
    )
)
_WAITS_FOR = select(jobs.c.note, jobs.c.due_at).where(jobs.c.kind == bindparam("kind"), jobs.c.key == bindparam("key"))


@cache
def _enqueue(dialect: str) -> Insert:
    due = server_now() + bindparam("after", type_=Double)
    row = insert_on(dialect, jobs).values(
        kind=bindparam("of_kind"),
        key=bindparam("of_key"),
        due_at=due,
        enqueued=1,
        attempts=0,
        batch_size=BATCH,
        refused=0,
        note="",
    )
    sooner = func.min if dialect == "sqlite" else func.least
    return row.on_conflict_do_update(
        index_elements=[jobs.c.kind, jobs.c.key],
        set_={"due_at": sooner(jobs.c.due_at, due), "enqueued": jobs.c.enqueued + 1},
    )


@cache
def _next_due(dialect: str) -> Select[Any]:
    later = func.max if dialect == "sqlite" else func.greatest
    return select(func.min(later(jobs.c.due_at, func.coalesce(jobs.c.lease_until, 0.0))) - server_now())


async def enqueue(tx: Transaction, kind: JobKind, key: str, *, after: float = 0.0) -> None:
    """Make sure the job exists and is due within `after` seconds; locks its row until the transaction ends."""
    await tx.execute(_enqueue(tx.dialect.name), {"of_kind": kind, "of_key": key, "after": after})


async def reschedule(tx: Transaction, kind: JobKind, key: str, due_at: float) -> None:
    """Make the job due at `due_at` (server's epoch s) even where that is later than before; a held job stays held."""
    await enqueue(tx, kind, key, after=0.0)
    await tx.execute(update(jobs).where(jobs.c.kind == kind, jobs.c.key == key).values(due_at=due_at))


async def claim(tx: Transaction, lease: float) -> Job | None:
    """The job that is due longest and not held, now held for `lease` seconds; one statement on both databases."""
    row = (await tx.execute(_CLAIM, {"taker": secrets.token_hex(8), "lease": lease})).one_or_none()
    if row is None:
        return None
    return Job(
        id=row.id,
        kind=JobKind(row.kind),
        key=row.key,
        token=row.token,
        enqueued=row.enqueued,
        attempts=row.attempts,
        failing_for=row.failing_for,
        batch_size=row.batch_size,
        refused=row.refused,
    )


async def check_lease(tx: Transaction, job: Job, lease: float | None = None) -> float:
    """Lock the job's row for this transaction and return the server's now; raises LeaseLost when it is not ours."""
    mine = {"job": job.id, "holder": job.token}
    longer = {} if lease is None else {"lease": lease}
    now = (await tx.execute(_RENEW if longer else _CHECK, mine | longer)).scalar_one_or_none()
    if now is None:
        raise LeaseLost(job.key)
    return now


async def complete(tx: Transaction, job: Job) -> None:
    """After success, under `check_lease`: the job goes, unless it was enqueued since it was claimed."""
    gone = await tx.execute(_FORGET, {"job": job.id, "as_claimed": job.enqueued})
    if gone.scalar_one_or_none() is None:
        await keep(tx, job)


async def keep(tx: Transaction, job: Job, *, batch_size: int = BATCH, refused: int = 0) -> None:
    """After success with work left, under `check_lease`: the job is free, and its failures are forgotten.

    Its time stays: that has come, or the job was rescheduled meanwhile (a card that collects links).
    """
    await tx.execute(_KEEP, {"job": job.id, "batch": batch_size, "of_singles": refused})


async def retry(tx: Transaction, job: Job, after: float, note: str, *, counts_as_attempt: bool = True) -> float:
    """After a failure, under `check_lease`: free, and due in `after` seconds. Returns that time (epoch s)."""
    values = {"token": None, "lease_until": None, "due_at": server_now() + after, "note": note}
    if counts_as_attempt:
        values |= {"attempts": job.attempts + 1, "since": func.coalesce(jobs.c.since, server_now())}
    answer = await tx.execute(update(jobs).where(jobs.c.id == job.id).values(**values).returning(jobs.c.due_at))
    return answer.scalar_one()


async def next_due(connection: Connection) -> float | None:
    """Seconds until some job can be claimed (0 or less: now); None when there are no jobs."""
    return (await connection.execute(_next_due(connection.dialect.name))).scalar_one_or_none()


async def waits_for(connection: Connection, kind: JobKind, key: str) -> tuple[str, float]:
    """What a job waits for, as a sentence, and when it is due (epoch s); an empty sentence: it waits for nothing."""
    row = (await connection.execute(_WAITS_FOR, {"kind": kind, "key": key})).one_or_none()
    return (row.note, row.due_at) if row else ("", 0.0)


async def release(tx: Transaction, job: Job) -> None:
    """A holder that stops frees the job at once, before its lease ends."""
    held = and_(jobs.c.id == job.id, jobs.c.token == job.token)
    await tx.execute(update(jobs).where(held).values(token=None, lease_until=None))


@dataclass(frozen=True, slots=True)
class Depth:
    """How many jobs of a kind there are, and for how many seconds the oldest has been due."""

    kind: JobKind
    jobs: int
    oldest: float


async def depths(connection: Connection) -> list[Depth]:
    """One entry per kind, those without jobs included."""
    found = await connection.execute(
        select(jobs.c.kind, func.count(), server_now() - func.min(jobs.c.due_at)).group_by(jobs.c.kind)
    )
    known = {row[0]: Depth(JobKind(row[0]), row[1], max(0.0, row[2])) for row in found}
    return [known.get(kind, Depth(kind, 0, 0.0)) for kind in JobKind]
