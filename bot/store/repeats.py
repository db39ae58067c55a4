"""What somebody pastes again after it was removed or dismissed, or without an id; each is told them once."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import String, bindparam, select

from bot.insights import Decision
from bot.model import CardItem, State, Thread
from bot.store import cards, schema
from bot.store.conditions import place, this_channel, this_thread
from bot.store.connection import Connection
from bot.store.schema import card_insights, insights, sightings

_NOT_AGAIN = (Decision.DISMISSED, Decision.UNDONE)
_BY = sightings.c.poster == bindparam("by_poster")
_MESSAGES = bindparam("messages", expanding=True, type_=String)
_before = sightings.alias("before")
_TOLD_BEFORE = select(_before.c.id).where(
    _before.c.insight == sightings.c.insight,
    _before.c.poster == sightings.c.poster,
    _before.c.reason.in_(_NOT_AGAIN),
    _before.c.id < sightings.c.id,
)
_NEWEST_CARD = (
    select(card_insights.c.card)
    .join(schema.cards, schema.cards.c.id == card_insights.c.card)
    .where(card_insights.c.insight == sightings.c.insight, schema.cards.c.workspace == sightings.c.workspace)
    .order_by(schema.cards.c.first_link_at.desc())
    .limit(1)
    .scalar_subquery()
)
_AGAIN = (
    select(sightings.c.insight, sightings.c.message_ts, _NEWEST_CARD.label("card"))
    .join(insights, insights.c.id == sightings.c.insight)
    .where(this_channel(sightings), sightings.c.message_ts.in_(_MESSAGES), _BY, ~_TOLD_BEFORE.exists())
    .where(sightings.c.reason.in_(_NOT_AGAIN), insights.c.state.in_((State.DISMISSED, State.UNDONE)))
)
_WITHOUT_ID = (
    select(sightings.c.id)
    .where(
        this_thread(sightings), _BY, sightings.c.reason == Decision.NEEDS_ID, sightings.c.message_ts.not_in(_MESSAGES)
    )
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Repeat:
    """An insight that a message brings again, and the newest card that shows it."""

    item: CardItem
    card: str
    message_ts: str


async def first_repeats(connection: Connection, thread: Thread, poster: str, messages: Collection[str]) -> list[Repeat]:
    """What this person brings again in these messages, of which they were not told before."""
    values = {**place(thread), "by_poster": poster, "messages": messages}
    rows = {row.insight: row for row in await connection.execute(_AGAIN, values) if row.card}
    items = await cards.by_id(connection, list(rows)) if rows else []
    return [Repeat(item, rows[item.id].card, rows[item.id].message_ts) for item in items]


async def pasted_without_id(connection: Connection, thread: Thread, poster: str, messages: Collection[str]) -> bool:
    """Whether other messages of this person in this thread brought a page without an id, alone."""
    values = {**place(thread), "by_poster": poster, "messages": messages}
    return (await connection.execute(_WITHOUT_ID, values)).first() is not None
