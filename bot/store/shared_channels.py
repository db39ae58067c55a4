"""Channels that are shared with other organisations, or were, as far as we have seen."""

from sqlalchemy import select

from bot.model import Thread
from bot.store import Store, now
from bot.store.conditions import place, this_channel
from bot.store.connection import Connection
from bot.store.dialects import upsert
from bot.store.schema import channels

_IS_SHARED = select(channels.c.shared).where(this_channel(channels))


async def is_shared(connection: Connection, thread: Thread) -> bool:
    """Whether we have seen that other organisations are in this thread's channel."""
    return bool((await connection.execute(_IS_SHARED, place(thread.whole_channel))).scalar_one_or_none())


async def remember(store: Store, thread: Thread, *, shared: bool) -> None:
    """Remember whether other organisations are in this thread's channel: they may have been, and have left."""
    async with store.read() as connection:
        if await is_shared(connection, thread) == shared:
            return
    async with store.write() as tx:
        key = {"workspace": thread.workspace, "channel": thread.channel}
        await upsert(tx, channels, key, {"shared": shared, "at": await now(tx)})
