"""Reactions that asked for something: Slack may send one more than once, and one that was taken off after that."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select

from bot.model import Case, State, Thread
from bot.store import cards, ties
from bot.store.conditions import in_channel, of_case
from bot.store.connection import Connection
from bot.store.dialects import upsert
from bot.store.schema import insights, reactions
from bot.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Reaction:
    """A person's reaction to the message `ts`, set or taken off at `event_ts`. `channel`: without a thread."""

    channel: Thread
    ts: str
    user: str
    event_ts: str

    @property
    def key(self) -> dict[str, str]:
        """Of its row."""
        here = self.channel
        return {"workspace": here.workspace, "channel": here.channel, "ts": self.ts, "by": self.user}


async def was_heard(connection: Connection, reaction: Reaction) -> bool:
    """Whether this was carried out, or what came later of the same reaction."""
    latest = (await connection.execute(_of(reaction))).one_or_none()
    return latest is not None and latest.event_ts >= reaction.event_ts


async def hear(tx: Transaction, reaction: Reaction, at: float, case: Case | None = None) -> bool:
    """Remember that it was set, and what is confirmed for this case at this time; False: it `was_heard`."""
    confirms = {"org": case.org if case else None, "case_id": case.case_id if case else None, "at": at}
    values = {"event_ts": reaction.event_ts, **confirms}
    return await upsert(
        tx, reactions, reaction.key, values, changes=values, where=reactions.c.event_ts < reaction.event_ts
    )


async def take_off(tx: Transaction, reaction: Reaction, change: cards.Change) -> None:
    """Remember that it was taken off, and make this change to what it confirmed and what was never sent."""
    taken = {"event_ts": reaction.event_ts}
    older = reactions.c.event_ts < reaction.event_ts
    if not await upsert(tx, reactions, reaction.key, {**taken, "at": change.at}, changes=taken, where=older):
        return
    row = (await tx.execute(_of(reaction))).one()
    if row.org is None:
        return
    await ties.lock_case(tx, row.org, row.case_id)
    unsent = (
        of_case(insights, row.org, row.case_id)
        & (insights.c.state == State.CONFIRMED)
        & (insights.c.by == reaction.user)
        & (insights.c.confirmed_at == row.at)
        & insights.c.sent_at.is_(None)
    )
    ids = list((await tx.execute(select(insights.c.id).where(unsent))).scalars())
    await cards.touch(tx, await cards.move(tx, ids, change, was=State.CONFIRMED))


def _of(reaction: Reaction) -> Select[Any]:
    mine = (reactions.c.ts == reaction.ts) & (reactions.c.by == reaction.user)
    return select(reactions).where(in_channel(reactions, reaction.channel), mine)
