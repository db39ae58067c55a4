"""Cards and the insights on them: what a card shows, and every move an insight makes.

The law: `move` is the only place that changes an insight's state, along `insights.MOVES`, and it writes the
transition down in the same transaction.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import metrics
from bot.insights import may_move
from bot.model import Card, CardItem, InsightType, State, Thread
from bot.store.jobs import JobKind, enqueue
from bot.store.schema import card_insights, cards, insights, transitions

COUNTED = 1_000
"""Insights of one place that are counted: a busy channel has as many as anybody wants to know."""
SHOWN = (
    card_insights.c.group,
    card_insights.c.joined_version,
    card_insights.c.poster,
    card_insights.c.message_ts,
)
"""What an insight has on one card only."""


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


# Made once, see `jobs`.
_GET = select(cards).where(cards.c.id == bindparam("card"))
_ITEMS = (
    select(insights, *SHOWN)
    .join(card_insights, card_insights.c.insight == insights.c.id)
    .where(card_insights.c.card == bindparam("of_card"))
    .order_by(card_insights.c.group, insights.c.id)
)
_SHOW = (
    update(cards)
    .where(cards.c.id == bindparam("card"))
    .values(
        ts=bindparam("now_at"), shown_version=bindparam("now_shown"), digest=bindparam("now_reads"), posting_since=None
    )
)
_BUMP = update(cards).where(cards.c.id == bindparam("card")).values(version=cards.c.version + 1)


async def get(connection: AsyncConnection, card: str) -> Card | None:
    row = (await connection.execute(_GET, {"card": card})).one_or_none()
    return None if row is None else _card(row)


async def last_added(connection: AsyncConnection, thread: Thread) -> Card | None:
    """The thread's newest card that shows something which we put on a case."""
    added = (
        select(card_insights.c.card)
        .join(insights, insights.c.id == card_insights.c.insight)
        .where(card_insights.c.card == cards.c.id, insights.c.state == State.ADDED, insights.c.ours)
    )
    newest = select(cards).where(_in(thread), added.exists()).order_by(cards.c.first_link_at.desc()).limit(1)
    row = (await connection.execute(newest)).one_or_none()
    return None if row is None else _card(row)


async def counts(connection: AsyncConnection, place: Thread) -> dict[State, int]:
    """How many insights on the cards of a thread, or of a whole channel, stand where; counted up to COUNTED of them."""
    some = (
        select(insights.c.id, insights.c.state)
        .join(card_insights, card_insights.c.insight == insights.c.id)
        .join(cards, cards.c.id == card_insights.c.card)
        .where(_in(place))
        .distinct()
        .limit(COUNTED + 1)
        .subquery()
    )
    found = await connection.execute(select(some.c.state, func.count()).group_by(some.c.state))
    known = {State(row[0]): int(row[1]) for row in found}
    return {state: known[state] for state in State if state in known}


async def items(connection: AsyncConnection, card: str) -> list[CardItem]:
    """The card's insights in the order in which they joined."""
    return [_item(row) for row in await connection.execute(_ITEMS, {"of_card": card})]


async def by_id(connection: AsyncConnection, ids: Collection[int]) -> list[CardItem]:
    """These insights, each as one of the cards shows it."""
    found = await connection.execute(
        select(insights, *SHOWN)
        .join(card_insights, card_insights.c.insight == insights.c.id)
        .where(insights.c.id.in_(ids))
        .order_by(insights.c.id)
    )
    return list({row.id: _item(row) for row in found}.values())


async def move(tx: AsyncConnection, ids: Collection[int], change: Change, *, was: State) -> list[int]:
    """Move these insights if that is one of the life's moves, as far as they still `was`; those that moved."""
    if not ids or not may_move(was, change.state, deliberate=change.deliberate):
        return []
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
    if change.state is State.ADDED:
        values["sent_at"] = 0.0
    still = (insights.c.id.in_(ids)) & (insights.c.state == was)
    moved = await tx.execute(update(insights).where(still).values(**values).returning(insights.c.id))
    found = sorted(moved.scalars())
    await record(tx, dict.fromkeys(found, ""), was, change)
    return found


async def record(tx: AsyncConnection, messages: Mapping[int, str], old: State | None, change: Change) -> None:
    """One line of the audit per insight; `messages`: the message that brought it, workspace/channel/ts."""
    if not messages:
        return
    lines = [
        {
            "at": change.at,
            "insight": insight,
            "old": old,
            "new": change.state,
            "by": change.by,
            "message": message or None,
            "note": change.note,
        }
        for insight, message in messages.items()
    ]
    await tx.execute(insert(transitions), lines)
    # One that is rolled back counts, too: those are few.
    metrics.moves.labels(str(change.state)).inc(len(lines))


async def touch(tx: AsyncConnection, moved: Collection[int]) -> None:
    """Every card that shows one of these gets a new version, and its job is due."""
    if not moved:
        return
    showing = select(card_insights.c.card).where(card_insights.c.insight.in_(moved)).distinct()
    for card in sorted((await tx.execute(showing)).scalars()):
        await bump(tx, card)


async def bump(tx: AsyncConnection, card: str) -> None:
    """A new version of one card; its job first (see `jobs`)."""
    await enqueue(tx, JobKind.CARD, card)
    await tx.execute(_BUMP, {"card": card})


async def shown(tx: AsyncConnection, card: str, version: int, ts: str, digest: str) -> None:
    """Slack shows this version under this ts. Under the job's `check_lease`."""
    await tx.execute(_SHOW, {"card": card, "now_at": ts, "now_shown": version, "now_reads": digest})


async def nothing_to_show(tx: AsyncConnection, card: str, version: int) -> None:
    """It was never posted and all its offers were taken back: there is nothing to post."""
    await tx.execute(update(cards).where(cards.c.id == card).values(shown_version=version))


async def lost(tx: AsyncConnection, card: str) -> None:
    """Its message cannot be changed any more: what became of it is to be posted as a new reply."""
    await tx.execute(update(cards).where(cards.c.id == card).values(ts=None, posting_since=None))


async def move_to_dm(tx: AsyncConnection, card: Card, channel: str) -> None:
    """The card lives in somebody's direct messages now, outside any thread. Under `check_lease`."""
    there = (cards.c.workspace == card.thread.workspace) & (cards.c.channel == channel) & (cards.c.thread_ts == "")
    await tx.execute(update(cards).where(there, cards.c.open, cards.c.id != card.id).values(open=False))
    moved = {"channel": channel, "thread_ts": "", "posting_since": None}
    await tx.execute(update(cards).where(cards.c.id == card.id).values(**moved))


async def owe_late_reply(tx: AsyncConnection, insight: int) -> None:
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
    due = cards.c.late_replies_posted + 1
    await tx.execute(update(cards).where(cards.c.id == showing).values(late_replies_due=due))


async def late_reply_leaves(tx: AsyncConnection, card: str, at: float) -> None:
    """Commit, before the reply leaves, that it may arrive."""
    await tx.execute(update(cards).where(cards.c.id == card).values(late_reply_since=at))


async def late_reply_posted(tx: AsyncConnection, card: str, number: int) -> None:
    """The thread was told of late failures so many times."""
    await tx.execute(update(cards).where(cards.c.id == card).values(late_replies_posted=number, late_reply_since=None))


async def posting(tx: AsyncConnection, card: str, at: float) -> None:
    """Commit, before the post leaves, that it may arrive."""
    await tx.execute(update(cards).where(cards.c.id == card).values(posting_since=at))


async def end(tx: AsyncConnection, card: str, reason: str) -> None:
    """Slack will not show this card any more, for good."""
    await tx.execute(update(cards).where(cards.c.id == card).values(ended=reason, open=False))


def _in(place: Thread) -> ColumnElement[bool]:
    here = (cards.c.workspace == place.workspace) & (cards.c.channel == place.channel)
    return here & (cards.c.thread_ts == place.ts) if place.ts else here


def _card(row: Row[Any]) -> Card:
    thread = Thread(row.workspace, row.channel, row.thread_ts)
    return Card(
        row.id,
        thread,
        row.org,
        row.case_id,
        row.ts,
        row.version,
        row.shown_version,
        row.digest,
        row.posting_since,
        row.continued,
        row.ended,
        row.late_replies_due,
        row.late_replies_posted,
        row.late_reply_since,
        row.asks is not None,
    )


def _item(row: Row[Any]) -> CardItem:
    return CardItem(
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
        draft=row.draft,
        note=row.note,
        poster=row.poster,
        message_ts=row.message_ts,
    )
