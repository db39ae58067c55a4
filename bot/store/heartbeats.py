"""Which processes of the bot are alive, and when they last received an event of Slack's."""

from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select

from bot.store import Store, now
from bot.store.connection import Connection
from bot.store.dialects import BUSY_SECONDS, upsert
from bot.store.schema import heartbeats

ALIVE_SECONDS = 180.0
"""A replica without a heartbeat for this long is gone: it beats every minute."""
KEEP_SECONDS = 30 * 86400.0


@dataclass(frozen=True, slots=True)
class Pulse:
    """How many replicas are alive, how many seconds ago any of them received an event, and was told that Slack dropped
    some; None: never.
    """

    replicas: int
    event_ago: float | None
    dropped_ago: float | None = None


async def beat(store: Store, replica: str, event_ago: float | None, dropped_ago: float | None = None) -> int:
    """Store that this replica is alive, and its part of a `Pulse`; returns how many are. Old rows are deleted."""
    async with store.write() as tx:
        at = await now(tx)
        ago = {"last_event_at": event_ago, "dropped_at": dropped_ago}
        since = {name: None if seconds is None else at - seconds for name, seconds in ago.items()}
        await upsert(tx, heartbeats, {"replica": replica}, {"seen_at": at, **since})
        await tx.execute(delete(heartbeats).where(heartbeats.c.seen_at < at - KEEP_SECONDS))
        return (await pulse(tx)).replicas


async def rehearse(store: Store, replica: str) -> None:
    """Write a heartbeat and take it back: raises where the database takes no writes.

    Both are committed: what is rolled back never reaches SQLite's disk, which may be full.
    """
    async with store.write(patience=2 * BUSY_SECONDS) as tx:  # many writers are no failure
        await tx.execute(insert(heartbeats).values(replica=replica, seen_at=0.0))
        await tx.execute(delete(heartbeats).where(heartbeats.c.replica == replica))


async def pulse(connection: Connection) -> Pulse:
    """What the replicas last wrote."""
    at = await now(connection)
    alive = func.count().filter(heartbeats.c.seen_at >= at - ALIVE_SECONDS)
    latest = (func.max(heartbeats.c.last_event_at), func.max(heartbeats.c.dropped_at))
    replicas, *times = (await connection.execute(select(alive, *latest).select_from(heartbeats))).one()
    event_ago, dropped_ago = (None if since is None else max(0.0, at - since) for since in times)
    return Pulse(replicas, event_ago, dropped_ago)
