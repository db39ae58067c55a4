"""Tracing: what became of the links of one message."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import Identity, State, Thread
from bot.store.offering import identity_of
from bot.store.schema import card_insights, cards, insights, sightings
from bot.store.seen import SightingState, in_thread


@dataclass(frozen=True, slots=True)
class Trace:
    """A link as it was seen: `reason` says why it is not offered; the rest is its insight's, where it became one.

    `card_channel` and `card_ts`: the newest card in Slack that shows it.
    """

    state: SightingState
    reason: str
    became: State | None
    by: str | None
    at: float
    card_channel: str
    card_ts: str


async def trace(connection: AsyncConnection, thread: Thread, message_ts: str) -> dict[Identity, Trace]:
    """By identity, every link of this message that was written down."""
    found = await connection.execute(
        select(
            sightings,
            insights.c.state.label("became"),
            insights.c.by.label("moved_by"),
            insights.c.at.label("moved_at"),
        )
        .outerjoin(insights, insights.c.id == sightings.c.insight)
        .where(in_thread(thread), sightings.c.message_ts == message_ts)
    )
    traces: dict[Identity, Trace] = {}
    for row in list(found):
        channel, ts = await _card(connection, row.insight) if row.insight else ("", "")
        became = State(row.became) if row.became else None
        traces[identity_of(row)] = Trace(
            SightingState(row.state), row.reason or "", became, row.moved_by, row.moved_at or row.at, channel, ts
        )
    return traces


async def _card(connection: AsyncConnection, insight: int) -> tuple[str, str]:
    showing = (
        select(cards.c.channel, cards.c.ts)
        .join(card_insights, card_insights.c.card == cards.c.id)
        .where(card_insights.c.insight == insight, cards.c.ts.is_not(None), cards.c.ended.is_(None))
        .order_by(cards.c.first_link_at.desc())
        .limit(1)
    )
    row = (await connection.execute(showing)).one_or_none()
    return (row.channel, row.ts) if row else ("", "")
