"""How offered insights come onto a card: the thread's open one, or a new one that takes over.

A card holds so many insights and takes links for so long; then the next one stands nearer to where people read.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, insert, or_, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.insights import CARD_HOLDS, CARD_OPEN_SECONDS, ROLLING_SECONDS
from bot.model import State, Thread
from bot.store import Store, cards, now, schema, ties
from bot.store.cards import Timing
from bot.store.jobs import JobKind, enqueue, reschedule
from bot.store.schema import card_insights, insights

GROUP_HOLDS = 10
"""Slack's limit of options in one element of checkboxes."""


@dataclass(frozen=True, slots=True)
class CardEntry:
    """An insight that comes onto a card, and whose message brought it there."""

    insight: int
    poster: str | None
    message_ts: str
    draft: bool = False


@dataclass(frozen=True, slots=True)
class CardPlace:
    """Where offered insights go: the thread's card about one case.

    `rolling`: that of the last bot's post in this channel, whose thread may be another; a new one goes to this thread.
    """

    thread: Thread
    org: str
    case_id: str
    rolling: bool = False

    @property
    def open_seconds(self) -> float:
        return ROLLING_SECONDS if self.rolling else CARD_OPEN_SECONDS


# Made once, see `jobs`.
_UNDECIDED = (
    select(insights.c.id)
    .join(card_insights, card_insights.c.insight == insights.c.id)
    .where(card_insights.c.card == schema.cards.c.id, insights.c.state.in_([State.OFFERED, State.WITHDRAWN]))
)
_ASKING = (
    select(schema.cards)
    .where(
        schema.cards.c.workspace == bindparam("workspace"),
        schema.cards.c.channel == bindparam("channel"),
        schema.cards.c.org == bindparam("org"),
        schema.cards.c.case_id == bindparam("case_id"),
        schema.cards.c.open,
        or_(_UNDECIDED.exists(), schema.cards.c.ts.is_(None) & schema.cards.c.posting_since.is_(None)),
    )
    .order_by(schema.cards.c.first_link_at.desc())
    .limit(1)
)
_OPEN = _ASKING.where(schema.cards.c.thread_ts == bindparam("thread_ts"))
_OPEN_ROLLING = _ASKING.where(schema.cards.c.rolling)
_ITS_INSIGHTS = card_insights.c.card == bindparam("of_card")
_COUNT = select(func.count()).select_from(card_insights).where(_ITS_INSIGHTS)
_LAST_GROUP = select(func.coalesce(func.max(card_insights.c.group), 0)).where(_ITS_INSIGHTS)
_NEXT_VERSION = (
    update(schema.cards)
    .where(schema.cards.c.id == bindparam("of_card"))
    .values(version=schema.cards.c.version + 1)
    .returning(schema.cards.c.version)
)
_LEAVE = card_insights.delete().where(_ITS_INSIGHTS, card_insights.c.insight.in_(bindparam("joining", expanding=True)))
_JOIN = insert(card_insights)


async def join(tx: AsyncConnection, place: CardPlace, offered: Sequence[CardEntry], timing: Timing, at: float) -> None:
    """Put insights on the thread's open card; a new card takes over when that is full or old."""
    rest = list(offered)
    card = await _open_card(tx, place)
    while rest:
        held = 0 if card is None else await _count(tx, card.id)
        if card is None or held >= CARD_HOLDS or card.first_link_at < at - place.open_seconds:
            card = await _roll_over(tx, place, card, at)
            held = await _count(tx, card.id)
        room = CARD_HOLDS - held
        await _schedule(tx, card, timing, at)  # locks the job, which comes before its card
        await _put_on(tx, card.id, rest[:room])
        rest = rest[room:]


async def removed(store: Store, where: Thread, ts: str, timing: Timing) -> None:
    """Somebody deleted this message: if it was a card, links that come later get a new one."""
    async with store.read() as connection:
        here = (schema.cards.c.workspace == where.workspace, schema.cards.c.channel == where.channel)
        mine = select(schema.cards.c.id).where(*here, schema.cards.c.ts == ts, schema.cards.c.ended.is_(None))
        found = (await connection.execute(mine)).scalar_one_or_none()
        card = await cards.get(connection, found) if found else None
    if card is not None:
        async with store.write() as tx:
            await ties.lock_case(tx, card.org, card.case_id)
            await enqueue(tx, JobKind.CARD, card.id)
            await close(tx, card, "message_deleted", timing)


async def close(tx: AsyncConnection, card: cards.Card, reason: str, timing: Timing) -> None:
    """Slack shows this card no more. What joined it after it was last shown, nobody has seen: a new card offers it.

    Under `lock_case` and the card's job.
    """
    await cards.end(tx, card.id, reason)
    if card.ts is None:
        return
    items = await cards.items(tx, card.id)
    unseen = [item for item in items if item.state is State.OFFERED and item.joined_version > card.shown_version]
    if not unseen:
        return
    leaving = (card_insights.c.card == card.id) & card_insights.c.insight.in_(item.id for item in unseen)
    await tx.execute(card_insights.delete().where(leaving))
    offered = [CardEntry(item.id, item.poster, item.message_ts, item.draft) for item in unseen]
    await join(tx, CardPlace(card.thread, card.org, card.case_id), offered, timing, await now(tx))


async def is_asking(connection: AsyncConnection, place: CardPlace) -> bool:
    """Whether a card offers something here already."""
    return await _open_card(connection, place) is not None


async def _open_card(tx: AsyncConnection, place: CardPlace) -> Row[Any] | None:
    """The card that later links join: one that nobody has decided on, or that was not posted yet."""
    where = {"workspace": place.thread.workspace, "channel": place.thread.channel, "org": place.org}
    where |= {"case_id": place.case_id} | ({} if place.rolling else {"thread_ts": place.thread.ts})
    return (await tx.execute(_OPEN_ROLLING if place.rolling else _OPEN, where)).one_or_none()


def _of(place: CardPlace) -> ColumnElement[bool]:
    return and_(
        schema.cards.c.workspace == place.thread.workspace,
        schema.cards.c.channel == place.thread.channel,
        schema.cards.c.rolling if place.rolling else schema.cards.c.thread_ts == place.thread.ts,
        schema.cards.c.org == place.org,
        schema.cards.c.case_id == place.case_id,
    )


async def _count(tx: AsyncConnection, card: str) -> int:
    return (await tx.execute(_COUNT, {"of_card": card})).scalar_one()


async def _roll_over(tx: AsyncConnection, place: CardPlace, old: Row[Any] | None, at: float) -> Row[Any]:
    """A new open card, with what is undecided on the old one. A full undecided card keeps its own: it is no less."""
    undecided: list[CardEntry] = []
    if old is not None:
        offered = [item for item in await cards.items(tx, old.id) if item.state is State.OFFERED]
        if len(offered) < CARD_HOLDS:
            undecided = [CardEntry(item.id, item.poster, item.message_ts) for item in offered]
        await enqueue(tx, JobKind.CARD, old.id)
        gone = (card_insights.c.card == old.id) & card_insights.c.insight.in_(each.insight for each in undecided)
        await tx.execute(card_insights.delete().where(gone))
        await tx.execute(
            update(schema.cards)
            .where(schema.cards.c.id == old.id)
            .values(open=False, continued=bool(undecided), version=schema.cards.c.version + 1)
        )
    all_decided = update(schema.cards).where(_of(place), schema.cards.c.open)
    await tx.execute(all_decided.values(open=False))
    new = (
        insert(schema.cards)
        .values(
            id=secrets.token_hex(6),
            kind="insights",
            workspace=place.thread.workspace,
            channel=place.thread.channel,
            thread_ts=place.thread.ts,
            org=place.org,
            case_id=place.case_id,
            version=0,
            shown_version=0,
            first_link_at=at,
            open=True,
            continued=False,
            rolling=place.rolling,
        )
        .returning(schema.cards)
    )
    card = (await tx.execute(new)).one()
    await _put_on(tx, card.id, undecided)
    return card


async def _put_on(tx: AsyncConnection, card: str, joining: Sequence[CardEntry]) -> None:
    """New groups of checkboxes: a group's options never change while offered, or Slack forgets people's ticks."""
    if not joining:
        return
    version = (await tx.execute(_NEXT_VERSION, {"of_card": card})).scalar_one()
    group = (await tx.execute(_LAST_GROUP, {"of_card": card})).scalar_one()
    rows = [
        {
            "card": card,
            "insight": each.insight,
            "group": group + 1 + place // GROUP_HOLDS,
            "joined_version": version,
            "poster": each.poster,
            "message_ts": each.message_ts,
        }
        for place, each in enumerate(joining)
    ]
    again = {"of_card": card, "joining": [each.insight for each in joining]}
    await tx.execute(_LEAVE, again)  # withdrawn from this card before
    await tx.execute(_JOIN, rows)


async def _schedule(tx: AsyncConnection, card: Row[Any], timing: Timing, at: float) -> None:
    if card.ts is None and card.posting_since is None:
        due = min(at + timing.delay, card.first_link_at + timing.at_most)
        await reschedule(tx, JobKind.CARD, card.id, due)
    else:
        await enqueue(tx, JobKind.CARD, card.id, after=timing.delay)
