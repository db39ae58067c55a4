"""Mentions of the bot that were answered: Slack may send one more than once."""

from sqlalchemy import select

from bot.model import Thread
from bot.store import Store, now
from bot.store.conditions import in_channel
from bot.store.dialects import insert_on
from bot.store.schema import mentions


async def was_heard(store: Store, thread: Thread, ts: str) -> bool:
    """Whether the mention in this message was answered."""
    known = select(mentions.c.at).where(in_channel(mentions, thread), mentions.c.ts == ts)
    async with store.read() as connection:
        return (await connection.execute(known)).first() is not None


async def hear(store: Store, thread: Thread, ts: str) -> bool:
    """Remember that it was answered; False: somebody else did at the same time."""
    async with store.write() as tx:
        row = {"workspace": thread.workspace, "channel": thread.channel, "ts": ts, "at": await now(tx)}
        new = insert_on(tx.dialect.name, mentions).values(**row).on_conflict_do_nothing()
        return (await tx.execute(new.returning(mentions.c.at))).first() is not None
