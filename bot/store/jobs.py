"""Lanes: rows of work. Whoever claims one does it; a lease ends, so a dead process loses nothing.

The law: whoever adds work and whoever finishes it locks the lane's row first. Otherwise a finish that saw nothing
left could delete the lane under an add that had just found it, and the work would be stranded for ever.
"""

import secrets
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Double, Insert, Select, and_, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.engine import insert_on, server_now
from bot.store.schema import lanes

BATCH = 100
"""Datadog takes 1 to 100 insights in one request."""


class LaneKind(StrEnum):
    """What a lane's holder does: find out a thread's case, show a card, or bring insights to a case."""

    THREAD = "thread"
    CARD = "card"
    CASE = "case"


@dataclass(frozen=True, slots=True)
class Lane:
    """A claimed lane. `token` fences every later write; `since` (epoch s) is the first failure in a row."""

    id: int
    kind: LaneKind
    key: str
    token: str
    attempts: int
    since: float | None
    batch_size: int
    refused: int


@dataclass(frozen=True, slots=True)
class Retry:
    """When and why a lane is tried again: `after` seconds from now. `blame`: it counts as a failed attempt."""

    after: float
    note: str
    blame: bool = True


class LeaseLost(Exception):
    """Somebody else holds the lane now: what this holder would write is void."""


# Made once: to make one of these takes longer than SQLite needs to carry it out, and each click runs a dozen.
_FREE = or_(lanes.c.lease_until.is_(None), lanes.c.lease_until < server_now())
_DUE = (
    select(lanes.c.id)
    .where(lanes.c.due_at <= server_now(), _FREE)
    .order_by(lanes.c.due_at)
    .limit(1)
    .with_for_update(skip_locked=True)
    .scalar_subquery()
)
_LEASED = server_now() + bindparam("lease", type_=Double)
_CLAIM = update(lanes).where(lanes.c.id == _DUE).values(token=bindparam("taker"), lease_until=_LEASED).returning(lanes)
_HELD = and_(lanes.c.id == bindparam("lane"), lanes.c.token == bindparam("holder"))
_HOLD = update(lanes).where(_HELD).values(lease_until=lanes.c.lease_until).returning(server_now())
_HOLD_ON = update(lanes).where(_HELD).values(lease_until=_LEASED).returning(server_now())
_FORGET = lanes.delete().where(lanes.c.id == bindparam("lane"))
_WAITS_FOR = select(lanes.c.note, lanes.c.due_at).where(
    lanes.c.kind == bindparam("kind"), lanes.c.key == bindparam("key")
)


@cache
def _wake(dialect: str) -> Insert:
    due = server_now() + bindparam("after", type_=Double)
    row = insert_on(dialect, lanes).values(
        kind=bindparam("of_kind"),
        key=bindparam("of_key"),
        due_at=due,
        attempts=0,
        batch_size=BATCH,
        refused=0,
        note="",
    )
    sooner = func.min if dialect == "sqlite" else func.least
    return row.on_conflict_do_update(
        index_elements=[lanes.c.kind, lanes.c.key], set_={"due_at": sooner(lanes.c.due_at, due)}
    )


@cache
def _next_due(dialect: str) -> Select[Any]:
    later = func.max if dialect == "sqlite" else func.greatest
    return select(func.min(later(lanes.c.due_at, func.coalesce(lanes.c.lease_until, 0.0))) - server_now())


async def wake(tx: AsyncConnection, kind: LaneKind, key: str, *, after: float = 0.0) -> None:
    """Make sure the lane exists and is due within `after` seconds; locks its row until the transaction ends."""
    await tx.execute(_wake(tx.dialect.name), {"of_kind": kind, "of_key": key, "after": after})


async def postpone(tx: AsyncConnection, kind: LaneKind, key: str, due_at: float) -> None:
    """Wake the lane at `due_at` (server's epoch s) even where that is later than before; a held lane stays held."""
    await wake(tx, kind, key, after=0.0)
    await tx.execute(update(lanes).where(lanes.c.kind == kind, lanes.c.key == key).values(due_at=due_at))


async def claim(tx: AsyncConnection, lease: float) -> Lane | None:
    """The lane that is due longest and not held, now held for `lease` seconds; one statement on both databases."""
    row = (await tx.execute(_CLAIM, {"taker": secrets.token_hex(8), "lease": lease})).one_or_none()
    if row is None:
        return None
    return Lane(row.id, LaneKind(row.kind), row.key, row.token, row.attempts, row.since, row.batch_size, row.refused)


async def hold(tx: AsyncConnection, lane: Lane, lease: float | None = None) -> float:
    """Lock the lane's row for this transaction and return the server's now; raises LeaseLost when it is not ours."""
    mine = {"lane": lane.id, "holder": lane.token}
    longer = {} if lease is None else {"lease": lease}
    now = (await tx.execute(_HOLD_ON if longer else _HOLD, mine | longer)).scalar_one_or_none()
    if now is None:
        raise LeaseLost(lane.key)
    return now


async def release(tx: AsyncConnection, lane: Lane, *, more: bool, batch_size: int = BATCH, refused: int = 0) -> None:
    """After success, under `hold`: the lane goes, or stays due at once where `more` is left to do.

    A lane that was woken for later (a card that collects links) keeps that time.
    """
    if more:
        await tx.execute(
            update(lanes)
            .where(lanes.c.id == lane.id)
            .values(
                token=None,
                lease_until=None,
                attempts=0,
                since=None,
                note="",
                batch_size=batch_size,
                refused=refused,
            )
        )
    else:
        await tx.execute(_FORGET, {"lane": lane.id})


async def retry(tx: AsyncConnection, lane: Lane, again: Retry) -> float:
    """After a failure, under `hold`: not held any more, due in `again.after` seconds. Returns that time (epoch s)."""
    values = {
        "token": None,
        "lease_until": None,
        "due_at": server_now() + again.after,
        "note": again.note,
    }
    if again.blame:
        values |= {"attempts": lane.attempts + 1, "since": func.coalesce(lanes.c.since, server_now())}
    answer = await tx.execute(update(lanes).where(lanes.c.id == lane.id).values(**values).returning(lanes.c.due_at))
    return answer.scalar_one()


async def next_due(connection: AsyncConnection) -> float | None:
    """Seconds until some lane can be claimed (0 or less: now); None when there are no lanes."""
    return (await connection.execute(_next_due(connection.dialect.name))).scalar_one_or_none()


async def waits_for(connection: AsyncConnection, kind: LaneKind, key: str) -> tuple[str, float]:
    """What a lane waits for, in words, and when it is due again; no words: it waits for nothing."""
    row = (await connection.execute(_WAITS_FOR, {"kind": kind, "key": key})).one_or_none()
    return (row.note, row.due_at) if row else ("", 0.0)


async def hand_back(tx: AsyncConnection, lane: Lane) -> None:
    """A holder that stops gives the lane to whoever comes next, without waiting for the lease to end."""
    held = and_(lanes.c.id == lane.id, lanes.c.token == lane.token)
    await tx.execute(update(lanes).where(held).values(token=None, lease_until=None))


@dataclass(frozen=True, slots=True)
class Depth:
    """How many lanes of a kind there are, and for how many seconds the oldest has been due."""

    kind: LaneKind
    lanes: int
    oldest: float


async def depths(connection: AsyncConnection) -> list[Depth]:
    """One entry per kind, those without lanes included."""
    found = await connection.execute(
        select(lanes.c.kind, func.count(), server_now() - func.min(lanes.c.due_at)).group_by(lanes.c.kind)
    )
    known = {row[0]: Depth(LaneKind(row[0]), row[1], max(0.0, row[2])) for row in found}
    return [known.get(kind, Depth(kind, 0, 0.0)) for kind in LaneKind]
