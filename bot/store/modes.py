"""Modes: how much the bot does by itself in a thread, or in a whole channel."""

from sqlalchemy import bindparam, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.insights import Mode
from bot.model import Thread
from bot.store import Store, now
from bot.store.engine import insert_into
from bot.store.schema import modes

_OF = select(modes.c.thread_ts, modes.c.mode).where(
    modes.c.workspace == bindparam("workspace"),
    modes.c.channel == bindparam("channel"),
    modes.c.thread_ts.in_([literal(""), bindparam("thread_ts")]),
)


async def of(connection: AsyncConnection, thread: Thread) -> Mode | None:
    """What a person set for the thread, else for its channel; None: nobody set anything."""
    where = {"workspace": thread.workspace, "channel": thread.channel, "thread_ts": thread.ts}
    found = await connection.execute(_OF, where)
    rows = {row.thread_ts: Mode(row.mode) for row in found}
    return rows.get(thread.ts, rows.get(""))


async def say(store: Store, place: Thread, mode: Mode, by: str) -> bool:
    """Set the mode of a thread or a whole channel; whether that changed anything."""
    async with store.write() as tx:
        if await of(tx, place) is mode:
            return False
        said = {"mode": mode, "by": by, "at": await now(tx)}
        key = {"workspace": place.workspace, "channel": place.channel, "thread_ts": place.ts}
        row = insert_into(tx, modes).values(**key, **said)
        columns = [modes.c.workspace, modes.c.channel, modes.c.thread_ts]
        await tx.execute(row.on_conflict_do_update(index_elements=columns, set_=said))
        return True
