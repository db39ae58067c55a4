"""Channels that are shared with other organisations, as far as Slack has told."""

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import Thread
from bot.store import Store, now
from bot.store.engine import insert_into
from bot.store.schema import channels

_IS_SHARED = select(channels.c.shared).where(
    channels.c.workspace == bindparam("workspace"), channels.c.channel == bindparam("channel")
)


async def is_shared(connection: AsyncConnection, place: Thread) -> bool:
    """Whether Slack has told that other organisations are in this channel."""
    where = {"workspace": place.workspace, "channel": place.channel}
    return bool((await connection.execute(_IS_SHARED, where)).scalar_one_or_none())


async def remember_shared(store: Store, place: Thread) -> None:
    """Slack says so."""
    async with store.read() as connection:
        if await is_shared(connection, place):
            return
    async with store.write() as tx:
        said = {"shared": True, "at": await now(tx)}
        row = insert_into(tx, channels).values(workspace=place.workspace, channel=place.channel, **said)
        key = [channels.c.workspace, channels.c.channel]
        await tx.execute(row.on_conflict_do_update(index_elements=key, set_=said))
