"""Cards and the insights on them: what a card shows, and every move an insight makes.

The law: `move` is the only place that changes an insight's state, along `insights.MOVES`, and it writes the
transition down in the same transaction.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.insights import CARD_HOLDS, CARD_OPEN_SECONDS, State, may_move
from bot.model import InsightType, Thread
from bot.store.lanes import LaneKind, postpone, wake
from bot.store.schema import card_insights, cards, insights, transitions

GROUP_HOLDS = 10
"""Slack's limit of options in one element of checkboxes."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card's row."""

    id: str
    thread: Thread
    org: str
    case_id: str
    poster: str | None
    message_ts: str
    ts: str | None
    version: int
    shown_version: int
    posting_since: float | None
    continued: bool
    ended: str | None
    tell: int
    told: int
    telling_since: float | None


@dataclass(frozen=True, slots=True)
class Item:
    """One insight on a card; times are epoch seconds of the database's clock."""

    id: int
    type: InsightType
    scope: str
    resource_id: str
    ref: str
    host: str
    state: State
    group: int
    joined_version: int
    by: str | None
    at: float
    confirmed_at: float | None
    sent: bool
    ours: bool
    left_out: bool
    note: str


@dataclass(frozen=True, slots=True)
class Change:
    """A move to make: the new state, when (epoch s), by whom (None: the bot itself), and what goes with it."""

    state: State
    at: float
    by: str | None = None
    note: str = ""
    ours: bool | None = None
    left_out: bool = False
    deliberate: bool = False


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a card collects links before it is posted, seconds: after the last link, and after the first."""

    delay: float = 2.0

    @property
    def at_most(self) -> float:
        return 2.5 * self.delay


async def get(connection: AsyncConnection, card: str) -> Card | None:
    row = (await connection.execute(select(cards).where(cards.c.id == card))).one_or_none()
    return None if row is None else _card(row)


async def items(connection: AsyncConnection, card: str) -> list[Item]:
    """The card's insights in the order in which they joined."""
    found = await connection.execute(
        select(insights, card_insights.c.group, card_insights.c.joined_version)
        .join(card_insights, card_insights.c.insight == insights.c.id)
        .where(card_insights.c.card == card)
        .order_by(card_insights.c.group, insights.c.id)
    )
    return [_item(row) for row in found]


async def move(tx: AsyncConnection, insight: int, change: Change, *, was: State | None = None) -> bool:
    """Make one move if it is one of the life's and the insight still `was` there; False: nothing changed."""
    old = (await tx.execute(select(insights.c.state).where(insights.c.id == insight))).scalar_one()
    if (was is not None and old != was) or not may_move(State(old), change.state, deliberate=change.deliberate):
        return False
    values: dict[str, object] = {
        "state": change.state,
        "at": change.at,
        "note": change.note,
        "left_out": change.left_out,
    }
    if change.by is not None:
        values["by"] = change.by
    if change.ours is not None:
        values["ours"] = change.ours
    if change.state is State.CONFIRMED:
        values["confirmed_at"] = change.at
    if change.state in (State.DISMISSED, State.UNDONE):
        values["sent_at"] = None
    mine = (insights.c.id == insight) & (insights.c.state == old)
    if not (await tx.execute(update(insights).where(mine).values(**values))).rowcount:
        return False
    await record(tx, insight, old, change)
    return True


async def record(tx: AsyncConnection, insight: int, old: str | None, change: Change, message: str = "") -> None:
    """One line of the audit."""
    await tx.execute(
        insert(transitions).values(
            at=change.at,
            insight=insight,
            old=old,
            new=change.state,
            by=change.by,
            message=message or None,
            note=change.note,
        )
    )


async def touch(tx: AsyncConnection, moved: Collection[int]) -> None:
    """Every card that shows one of these gets a new version, and its lane is due."""
    if not moved:
        return
    showing = select(card_insights.c.card).where(card_insights.c.insight.in_(moved)).distinct()
    for card in sorted((await tx.execute(showing)).scalars()):
        await bump(tx, card)


async def bump(tx: AsyncConnection, card: str) -> None:
    """A new version of one card; its lane first (see `lanes`)."""
    await wake(tx, LaneKind.CARD, card)
    await tx.execute(update(cards).where(cards.c.id == card).values(version=cards.c.version + 1))


@dataclass(frozen=True, slots=True)
class Place:
    """Where offered insights go: the thread's card about one case, and what its first message was."""

    thread: Thread
    org: str
    case_id: str
    poster: str | None
    message_ts: str


async def join(tx: AsyncConnection, place: Place, offered: Sequence[int], timing: Timing, at: float) -> None:
    """Put insights on the thread's open card; a new card takes over when that is full or old."""
    rest = list(offered)
    card = await _open_card(tx, place)
    while rest:
        if card is None or await _full(tx, card.id) or card.first_link_at < at - CARD_OPEN_SECONDS:
            card = await _take_over(tx, place, card, at)
        room = CARD_HOLDS - await _count(tx, card.id)
        await _put_on(tx, card.id, rest[:room])
        rest = rest[room:]
        await _schedule(tx, card, timing, at)


async def shown(tx: AsyncConnection, card: str, version: int, ts: str) -> bool:
    """Slack shows this version under this ts; returns whether a newer one waits. Under the lane's `hold`."""
    await tx.execute(update(cards).where(cards.c.id == card).values(ts=ts, shown_version=version, posting_since=None))
    newest = (await tx.execute(select(cards.c.version).where(cards.c.id == card))).scalar_one()
    return newest > version


async def nothing_to_show(tx: AsyncConnection, card: str, version: int) -> None:
    """It was never posted and all its offers were taken back: there is nothing to post."""
    await tx.execute(update(cards).where(cards.c.id == card).values(shown_version=version))


async def lost(tx: AsyncConnection, card: str) -> None:
    """Its message cannot be changed any more: what became of it is to be posted as a new reply."""
    await tx.execute(update(cards).where(cards.c.id == card).values(ts=None, posting_since=None))


async def tell_late(tx: AsyncConnection, insight: int) -> None:
    """The newest card that shows this insight is to say in its thread that it failed, once."""
    showing = (
        select(cards.c.id)
        .join(card_insights, card_insights.c.card == cards.c.id)
        .where(card_insights.c.insight == insight)
        .order_by(cards.c.first_link_at.desc(), cards.c.id)
        .limit(1)
        .scalar_subquery()
    )
    # Several that fail at once are one message: it is due until what is told has caught up.
    due = cards.c.told + 1
    await tx.execute(update(cards).where(cards.c.id == showing).values(tell=due))


async def telling(tx: AsyncConnection, card: str, at: float) -> None:
    """Commit, before the reply leaves, that it may arrive."""
    await tx.execute(update(cards).where(cards.c.id == card).values(telling_since=at))


async def told(tx: AsyncConnection, card: str, number: int) -> None:
    """The thread was told of late failures so many times."""
    await tx.execute(update(cards).where(cards.c.id == card).values(told=number, telling_since=None))


async def posting(tx: AsyncConnection, card: str, at: float) -> None:
    """Commit, before the post leaves, that it may arrive."""
    await tx.execute(update(cards).where(cards.c.id == card).values(posting_since=at))


async def end(tx: AsyncConnection, card: str, reason: str) -> None:
    """Slack will not show this card any more, for good."""
    await tx.execute(update(cards).where(cards.c.id == card).values(ended=reason, open=False))


# --- joining ---


async def _open_card(tx: AsyncConnection, place: Place) -> Row[Any] | None:
    mine = (
        (cards.c.workspace == place.thread.workspace)
        & (cards.c.channel == place.thread.channel)
        & (cards.c.thread_ts == place.thread.ts)
        & (cards.c.org == place.org)
        & (cards.c.case_id == place.case_id)
    )
    return (await tx.execute(select(cards).where(mine, cards.c.open))).one_or_none()


async def _count(tx: AsyncConnection, card: str) -> int:
    count = select(func.count()).select_from(card_insights).where(card_insights.c.card == card)
    return (await tx.execute(count)).scalar_one()


async def _full(tx: AsyncConnection, card: str) -> bool:
    return await _count(tx, card) >= CARD_HOLDS


async def _take_over(tx: AsyncConnection, place: Place, old: Row[Any] | None, at: float) -> Row[Any]:
    """A new open card, with what is undecided on the old one. A full undecided card keeps its own: it is no less."""
    undecided: list[int] = []
    if old is not None:
        undecided = [item.id for item in await items(tx, old.id) if item.state is State.OFFERED]
        undecided = undecided if len(undecided) < CARD_HOLDS else []
        await wake(tx, LaneKind.CARD, old.id)
        gone = (card_insights.c.card == old.id) & card_insights.c.insight.in_(undecided)
        await tx.execute(card_insights.delete().where(gone))
        await tx.execute(
            update(cards)
            .where(cards.c.id == old.id)
            .values(open=False, continued=bool(undecided), version=cards.c.version + 1)
        )
    new = (
        insert(cards)
        .values(
            id=secrets.token_hex(6),
            kind="insights",
            workspace=place.thread.workspace,
            channel=place.thread.channel,
            thread_ts=place.thread.ts,
            org=place.org,
            case_id=place.case_id,
            poster=place.poster,
            message_ts=place.message_ts,
            version=0,
            shown_version=0,
            first_link_at=at,
            open=True,
            continued=False,
        )
        .returning(cards)
    )
    card = (await tx.execute(new)).one()
    await _put_on(tx, card.id, undecided)
    return card


async def _put_on(tx: AsyncConnection, card: str, joining: Sequence[int]) -> None:
    """New groups of checkboxes: a group's options never change while offered, or Slack forgets people's ticks."""
    if not joining:
        return
    version = (
        await tx.execute(
            update(cards).where(cards.c.id == card).values(version=cards.c.version + 1).returning(cards.c.version)
        )
    ).scalar_one()
    last = select(func.coalesce(func.max(card_insights.c.group), 0)).where(card_insights.c.card == card)
    group = (await tx.execute(last)).scalar_one()
    rows = [
        {
            "card": card,
            "insight": insight,
            "group": group + 1 + place // GROUP_HOLDS,
            "joined_version": version,
        }
        for place, insight in enumerate(joining)
    ]
    again = (card_insights.c.card == card) & card_insights.c.insight.in_(joining)
    await tx.execute(card_insights.delete().where(again))  # withdrawn from this card before
    await tx.execute(insert(card_insights), rows)


async def _schedule(tx: AsyncConnection, card: Row[Any], timing: Timing, at: float) -> None:
    if card.ts is None and card.posting_since is None:
        due = min(at + timing.delay, card.first_link_at + timing.at_most)
        await postpone(tx, LaneKind.CARD, card.id, due)
    else:
        await wake(tx, LaneKind.CARD, card.id, after=timing.delay)


def _card(row: Row[Any]) -> Card:
    thread = Thread(row.workspace, row.channel, row.thread_ts)
    return Card(
        row.id,
        thread,
        row.org,
        row.case_id,
        row.poster,
        row.message_ts,
        row.ts,
        row.version,
        row.shown_version,
        row.posting_since,
        row.continued,
        row.ended,
        row.tell,
        row.told,
        row.telling_since,
    )


def _item(row: Row[Any]) -> Item:
    return Item(
        id=row.id,
        type=InsightType(row.type),
        scope=row.scope,
        resource_id=row.resource_id,
        ref=row.ref,
        host=row.host,
        state=State(row.state),
        group=row.group,
        joined_version=row.joined_version,
        by=row.by,
        at=row.at,
        confirmed_at=row.confirmed_at,
        sent=row.sent_at is not None,
        ours=row.ours,
        left_out=row.left_out,
        note=row.note,
    )
