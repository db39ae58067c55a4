"""Mentions that were carried out: Slack may tell of one more than once, and each is answered once."""

from sqlalchemy import select

from bot.model import Thread
from bot.store import Store, now
from bot.store.engine import insert_into
from bot.store.schema import mentions


async def was_heard(store: Store, place: Thread, ts: str) -> bool:
    """Whether this message's mention was carried out."""
    mine = select(mentions.c.at).where(
        mentions.c.workspace == place.workspace, mentions.c.channel == place.channel, mentions.c.ts == ts
    )
    async with store.read() as connection:
        return (await connection.execute(mine)).one_or_none() is not None


async def hear(store: Store, place: Thread, ts: str) -> bool:
    """Write down that it was; False: somebody else did it at the same time."""
    async with store.write() as tx:
        row = insert_into(tx, mentions).values(
            workspace=place.workspace, channel=place.channel, ts=ts, at=await now(tx)
        )
        written = await tx.execute(row.on_conflict_do_nothing().returning(mentions.c.at))
        return written.one_or_none() is not None
