"""Cards and the insights on them: what a card shows, and every move an insight makes.

The law: `move` alone changes an insight's state, along `insights.MOVES`, and adds the line of the audit in the same
transaction.
"""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Boolean, Double, Integer, String, bindparam, case, func, insert, select, update
from sqlalchemy.engine import Row

from bot import metrics
from bot.insights import may_move
from bot.model import Card, CardItem, State, Thread, item_type
from bot.store.conditions import TYPES, in_place, in_thread, place, this_thread, thread_at
from bot.store.connection import Connection, Result
from bot.store.jobs import enqueue, thread_key
from bot.store.schema import card_insights, cards, insights, transitions
from bot.store.transaction import JobKind, Transaction

SHOWN = (card_insights.c.group, card_insights.c.joined_version, card_insights.c.poster, card_insights.c.message_ts)
"""What an insight has on one card only."""


@dataclass(frozen=True, slots=True)
class Change:
    """A move to make: the new state, when (epoch s), by whom (None: the bot itself), and what else changes.

    `thread`: where somebody confirmed it.
    """

    state: State
    at: float
    by: str | None = None
    note: str = ""
    ours: bool | None = None
    left_out: bool = False
    deliberate: bool = False
    thread: Thread | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a card collects links before it is posted: `delay` seconds from the last link, `at_most` in all.

    `comment`, `comment_at_most`: the same of changes before a thread's comment on its case is written; None: never.
    """

    delay: float = 2.0
    comment: float | None = None

    @property
    def at_most(self) -> float:
        return 2.5 * self.delay

    @property
    def comment_at_most(self) -> float:
        return 4.0 * (self.comment or 0.0)


_CARD_COLUMNS = [field.name for field in fields(Card) if field.name in cards.c and field.name not in ("id", "asks")]
_ITEM_COLUMNS = [
    *(field.name for field in fields(CardItem) if field.name in insights.c and field.name not in ("type", "state")),
    *(column.name for column in SHOWN),
]

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
_MOVE = (
    update(insights)
    .where(insights.c.id.in_(bindparam("moving", expanding=True)), insights.c.state == bindparam("was"))
    .values(
        state=bindparam("becomes"),
        at=bindparam("when"),
        note=bindparam("because"),
        left_out=bindparam("unticked"),
        by=func.coalesce(bindparam("whose", type_=String), insights.c.by),
        from_thread=func.coalesce(bindparam("whence", type_=String), insights.c.from_thread),
        ours=func.coalesce(bindparam("is_ours", type_=Boolean), insights.c.ours),
        confirmed_at=func.coalesce(bindparam("confirmed", type_=Double), insights.c.confirmed_at),
        sent_at=case(
            (bindparam("keeps_sent", type_=Boolean), insights.c.sent_at), else_=bindparam("sent", type_=Double)
        ),
    )
    .returning(insights.c.id, insights.c.from_thread)
)
_AUDIT = insert(transitions)
_AFFECTED = (
    select(card_insights.c.card)
    .where(card_insights.c.insight.in_(bindparam("moved", expanding=True, type_=Integer)))
    .distinct()
)
_ON_CARDS = (
    select(card_insights.c.insight)
    .join(cards, cards.c.id == card_insights.c.card)
    .where(card_insights.c.insight.in_(bindparam("these", expanding=True)))
)
# By whether it is another thread.
_SHOWN_IN = {
    False: _ON_CARDS.where(this_thread(cards), cards.c.ended.is_(None)),
    True: _ON_CARDS.where(~this_thread(cards)),
}
_CREATE = insert(cards).returning(cards)
_POSTING = update(cards).where(cards.c.id == bindparam("card")).values(posting_since=bindparam("since"))
_BUMP = update(cards).where(cards.c.id == bindparam("card")).values(version=cards.c.version + 1)


async def get(connection: Connection, card: str) -> Card | None:
    return _card(await connection.execute(_GET, {"card": card}))


async def last_added(connection: Connection, thread: Thread) -> Card | None:
    """The thread's newest card that shows an insight that the bot added."""
    added = (
        select(card_insights.c.card)
        .join(insights, insights.c.id == card_insights.c.insight)
        .where(card_insights.c.card == cards.c.id, insights.c.state == State.ADDED, insights.c.ours)
    )
    newest = (
        select(cards).where(in_place(cards, thread), added.exists()).order_by(cards.c.first_link_at.desc()).limit(1)
    )
    return _card(await connection.execute(newest))


async def create(
    tx: Transaction, kind: str, thread: Thread, org: str, case_id: str, at: float, **more: object
) -> Row[Any]:
    """Insert a card that is not posted yet; `more`: its other columns."""
    fresh = {"id": secrets.token_hex(6), "shown_version": 0, "first_link_at": at}
    row = {"kind": kind, **place(thread), "org": org, "case_id": case_id, **fresh, **more}
    return (await tx.execute(_CREATE, row)).one()


async def items(connection: Connection, card: str) -> list[CardItem]:
    """The card's insights in the order in which they joined."""
    return [_item(row) for row in await connection.execute(_ITEMS, {"of_card": card}) if row.type in TYPES]


async def shown_in(connection: Connection, thread: Thread, ids: Collection[int], *, others: bool = False) -> set[int]:
    """Which of these insights a card in this thread shows; `others`: a card in another thread does, or did."""
    return set((await connection.execute(_SHOWN_IN[others], {**place(thread), "these": ids})).scalars())


async def by_id(connection: Connection, ids: Collection[int]) -> list[CardItem]:
    """These insights, each as one of its cards shows it."""
    rows = await connection.execute(
        select(insights, *SHOWN)
        .join(card_insights, card_insights.c.insight == insights.c.id)
        .where(insights.c.id.in_(ids))
        .order_by(insights.c.id)
    )
    return list({row.id: _item(row) for row in rows if row.type in TYPES}.values())


async def move(tx: Transaction, ids: Collection[int], change: Change, *, was: State) -> dict[int, str | None]:
    """Move those of these insights that are still in `was`, if that move exists.

    Returns the ids that moved, each with the key of the thread where somebody confirmed it.
    """
    if not ids or not may_move(was, change.state, deliberate=change.deliberate):
        return {}
    values: dict[str, object] = {"moving": ids, "was": was, "becomes": change.state, "when": change.at}
    values |= {"because": change.note, "unticked": change.left_out, "whose": change.by, "is_ours": change.ours}
    values["whence"] = change.thread and thread_key(change.thread)
    values["confirmed"] = change.at if change.state is State.CONFIRMED else None
    values["keeps_sent"] = change.state not in (State.DISMISSED, State.UNDONE, State.ADDED)
    values["sent"] = 0.0 if change.state is State.ADDED else None
    moved = {row.id: row.from_thread for row in sorted(await tx.execute(_MOVE, values))}
    await record(tx, dict.fromkeys(moved, ""), was, change)
    return moved


async def record(tx: Transaction, messages: Mapping[int, str], old: State | None, change: Change) -> None:
    """Add a line to the audit for each insight; `messages`: by insight, the message with its link."""
    if not messages:
        return
    line = {"at": change.at, "old": old, "new": change.state, "by": change.by, "note": change.note}
    lines = [{**line, "insight": insight, "message": message or None} for insight, message in messages.items()]
    await tx.execute(_AUDIT, lines)
    # Moves of a transaction that is rolled back are counted, too: they are few.
    metrics.moves.labels(str(change.state)).inc(len(lines))


async def touch(tx: Transaction, moved: Collection[int], *, after: float = 0.0) -> None:
    """Give every card that shows one of these insights a new version, and make its job due in `after` seconds."""
    if not moved:
        return
    for card in sorted((await tx.execute(_AFFECTED, {"moved": moved})).scalars()):
        await bump(tx, card, after=after)


async def bump(tx: Transaction, card: str, *, after: float = 0.0) -> None:
    """Give a card a new version; its job is enqueued first (see `jobs`)."""
    await enqueue(tx, JobKind.CARD, card, after=after)
    await tx.execute(_BUMP, {"card": card})


async def shown(tx: Transaction, card: str, version: int, ts: str, digest: str) -> None:
    """Store that Slack shows this version under this ts. Under the job's `check_lease`."""
    await tx.execute(_SHOW, {"card": card, "now_at": ts, "now_shown": version, "now_reads": digest})


async def nothing_to_show(tx: Transaction, card: str, version: int) -> None:
    """Store that there is nothing to post: the card never was, and all its offers were withdrawn."""
    await _set(tx, card, shown_version=version, posting_since=None)


async def lost(tx: Transaction, card: str) -> None:
    """Have the card posted again as a new reply: its message cannot be changed any more."""
    await _set(tx, card, ts=None, posting_since=None)


async def move_to_dm(tx: Transaction, card: Card, channel: str, refused: str | None) -> None:
    """Move the card, which was `refused` in its thread, to somebody's direct messages. Under `check_lease`."""
    in_dm = in_thread(cards, Thread(card.thread.workspace, channel, ""))
    await tx.execute(update(cards).where(in_dm, cards.c.open, cards.c.id != card.id).values(open=False))
    await _set(tx, card.id, channel=channel, thread_ts="", posting_since=None, refused=refused)


async def owe_late_reply(tx: Transaction, insight: int) -> None:
    """Have the newest card that shows this insight post a reply that says the insight failed."""
    newest = (
        select(cards.c.id)
        .join(card_insights, card_insights.c.card == cards.c.id)
        .where(card_insights.c.insight == insight)
        .order_by(cards.c.first_link_at.desc(), cards.c.id)
        .limit(1)
        .scalar_subquery()
    )
    # Not `late_replies_due + 1`: insights that fail at once share one reply.
    due = cards.c.late_replies_posted + 1
    await tx.execute(update(cards).where(cards.c.id == newest).values(late_replies_due=due))


async def late_reply_leaves(tx: Transaction, card: str, at: float) -> None:
    """Store when the reply is sent. Commit it before: even without an answer the reply may have arrived."""
    await _set(tx, card, late_reply_since=at)


async def late_reply_posted(tx: Transaction, card: str, number: int) -> None:
    """Store how many replies about late failures the thread has now."""
    await _set(tx, card, late_replies_posted=number, late_reply_since=None)


async def posting(tx: Transaction, card: str, at: float) -> None:
    """Store when the card is posted. Commit it before: even without an answer the card may have arrived."""
    await tx.execute(_POSTING, {"card": card, "since": at})


async def not_posted(tx: Transaction, card: str) -> None:
    """Store that Slack certainly did not get the card."""
    await _set(tx, card, posting_since=None)


async def end(tx: Transaction, card: str, reason: str) -> None:
    """Store why Slack will never show this card again."""
    await _set(tx, card, ended=reason, open=False)


async def _set(tx: Transaction, card: str, **values: object) -> None:
    await tx.execute(update(cards).where(cards.c.id == card).values(**values))


def _card(rows: Result) -> Card | None:
    row = rows.one_or_none()
    return row and Card(
        id=row.id,
        thread=thread_at(row),
        asks=row.asks is not None,
        **{name: getattr(row, name) for name in _CARD_COLUMNS},
    )


def _item(row: Row[Any]) -> CardItem:
    return CardItem(
        type=item_type(row.type),
        state=State(row.state),
        sent=row.sent_at is not None,
        **{name: getattr(row, name) for name in _ITEM_COLUMNS},
    )
