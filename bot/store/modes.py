"""Modes: how much the bot does by itself in a thread, or in a whole channel."""

from sqlalchemy import bindparam, literal, select

from bot.insights import Mode
from bot.model import Thread
from bot.store import Store, now
from bot.store.conditions import place, this_channel
from bot.store.connection import Connection
from bot.store.dialects import upsert
from bot.store.schema import modes

_OF = select(modes.c.thread_ts, modes.c.mode).where(
    this_channel(modes), modes.c.thread_ts.in_([literal(""), bindparam("thread_ts")])
)


async def of(connection: Connection, thread: Thread) -> Mode | None:
    """What a person set for the thread, else for its channel; None: nobody set anything."""
    rows = {row.thread_ts: Mode(row.mode) for row in await connection.execute(_OF, place(thread))}
    return rows.get(thread.ts, rows.get(""))


async def say(store: Store, thread: Thread, mode: Mode, by: str) -> bool:
    """Set the mode of a thread or a whole channel; returns whether that changed anything."""
    async with store.write() as tx:
        if await of(tx, thread) is mode:
            return False
        return await upsert(tx, modes, place(thread), {"mode": mode, "by": by, "at": await now(tx)})
