"""Which processes of the bot live, and when Slack last told one of them something."""

from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import Store, now
from bot.store.engine import BUSY_SECONDS, insert_into
from bot.store.schema import heartbeats

ALIVE_SECONDS = 180.0
"""Whoever has not beaten for this long is gone: it beats every minute."""
KEEP_SECONDS = 30 * 86400.0


@dataclass(frozen=True, slots=True)
class Pulse:
    """How many replicas live, and how many seconds ago Slack last told any of them something, if ever."""

    replicas: int
    event_ago: float | None


async def beat(store: Store, replica: str, event_ago: float | None) -> None:
    """This replica lives, and heard an event so many seconds ago (None: none yet); those long gone are forgotten."""
    async with store.write() as tx:
        at = await now(tx)
        event_at = None if event_ago is None else at - event_ago
        row = insert_into(tx, heartbeats).values(replica=replica, seen_at=at, last_event_at=event_at)
        await tx.execute(
            row.on_conflict_do_update(
                index_elements=[heartbeats.c.replica], set_={"seen_at": at, "last_event_at": event_at}
            )
        )
        await tx.execute(delete(heartbeats).where(heartbeats.c.seen_at < at - KEEP_SECONDS))


async def rehearse(store: Store, replica: str) -> None:
    """Write the heartbeat of a replica that there is not, and take it back: fails where nothing can be written."""
    with suppress(_Rehearsed):
        async with store.write(patience=2 * BUSY_SECONDS) as tx:  # many writers are no failure
            await tx.execute(insert(heartbeats).values(replica=replica, seen_at=0.0))
            raise _Rehearsed


class _Rehearsed(Exception):
    """Takes a transaction back."""


async def pulse(connection: AsyncConnection) -> Pulse:
    """What the replicas have written down."""
    at = await now(connection)
    alive = func.count().filter(heartbeats.c.seen_at >= at - ALIVE_SECONDS)
    found = (
        await connection.execute(select(alive, func.max(heartbeats.c.last_event_at)).select_from(heartbeats))
    ).one()
    replicas, last_event_at = found
    return Pulse(replicas, None if last_event_at is None else max(0.0, at - last_event_at))
