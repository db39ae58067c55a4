"""The open card of a thread and a case: what joins it, and when a new one takes over.

A card holds a limited number of insights and takes links for a limited time; then the next card is posted nearer to
where people read.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import Insert, and_, bindparam, func, not_, or_, select, update
from sqlalchemy.engine import Row

from bot.insights import CARD_HOLDS, lies_far, moves_on, takes_more
from bot.model import Card, CardItem, NoteType, State, Thread
from bot.policy import is_app
from bot.store import Store, now, ties
from bot.store.cards import Timing, bump, by_id, create, end, get, items, posting
from bot.store.conditions import UNDECIDED, in_channel, in_thread, place, this_case, this_channel, thread_at
from bot.store.connection import Connection
from bot.store.dialects import insert_on
from bot.store.jobs import enqueue, reschedule
from bot.store.pace import may_post
from bot.store.schema import card_insights, cards, insights
from bot.store.transaction import JobKind, Transaction

GROUP_HOLDS = 10
"""Slack's limit of options in one element of checkboxes."""
CONTINUED_SECONDS = 30.0
"""When a card says that it is continued, at the latest: sooner, once the new card is in Slack and has an address."""


@dataclass(frozen=True, slots=True)
class CardEntry:
    """An insight that joins a card, and the author and ts of the message with its link."""

    insight: int
    poster: str | None
    message_ts: str


@dataclass(frozen=True, slots=True)
class CardPlace:
    """Where offered insights go: the thread's card about one case.

    `rolling`: the card that bots' posts in this channel share, whatever thread it is in; a new one goes to this thread.
    `latest`: as in `lies_far`.
    """

    thread: Thread
    org: str
    case_id: str
    rolling: bool = False
    latest: Sequence[str] = ()

    @property
    def values(self) -> dict[str, str]:
        """The values of `this_case` and `this_thread`."""
        return {**place(self.thread), "org": self.org, "case_id": self.case_id}


# Made once, see `jobs`.
_IS_UNDECIDED = insights.c.state.in_(UNDECIDED)
HELD = (
    select(insights.c.id)
    .join(card_insights, card_insights.c.insight == insights.c.id)
    .where(card_insights.c.card == cards.c.id)
)
"""What a card holds, for a statement on cards."""
# A draft or a note that nobody answers holds no card open on which all else is decided.
_ASKING = or_(
    and_(cards.c.ts.is_(None), cards.c.posting_since.is_(None)),
    HELD.where(_IS_UNDECIDED, not_(insights.c.draft), insights.c.type != NoteType.NOTE).exists(),
    and_(HELD.where(_IS_UNDECIDED).exists(), not_(HELD.where(not_(_IS_UNDECIDED)).exists())),
)
_OF_CASE = (
    select(cards, _ASKING.label("asking"))
    .where(this_channel(cards), this_case(cards), cards.c.open)
    .order_by(cards.c.first_link_at.desc())
    .limit(1)
)
_ON_CARD = card_insights.c.card == bindparam("of_card")
_COUNT = select(func.count()).select_from(card_insights).where(_ON_CARD)
_LAST_GROUP = select(func.coalesce(func.max(card_insights.c.group), 0)).where(_ON_CARD)
_NEXT_VERSION = (
    update(cards)
    .where(cards.c.id == bindparam("of_card"))
    .values(version=cards.c.version + 1)
    .returning(cards.c.version, _LAST_GROUP.scalar_subquery().label("last_group"))
)
_LEAVE = card_insights.delete().where(_ON_CARD, card_insights.c.insight.in_(bindparam("leaving", expanding=True)))
# By whether it is a rolling card.
_HERE = cards.c.thread_ts == bindparam("thread_ts")
_OPEN = {False: _OF_CASE.where(_HERE), True: _OF_CASE.where(cards.c.rolling)}
_MOVED = (
    select(card_insights.c.insight)
    .join(cards, cards.c.id == card_insights.c.card)
    .where(card_insights.c.insight.in_(bindparam("moved", expanding=True)), this_channel(cards), this_case(cards))
)
_GOT_LINKS = select(cards.c.id).where(
    cards.c.id == bindparam("of_card"),
    cards.c.open,
    ~cards.c.rolling,
    HELD.where(card_insights.c.joined_version > cards.c.shown_version).exists(),
)
_CONTINUE = (
    update(cards)
    .where(cards.c.id == bindparam("of_card"))
    .values(continued_in=bindparam("new_card"), version=cards.c.version + 1)
)
_CONTINUED = select(cards.c.id).where(cards.c.continued_in == bindparam("new_card"))
_CLOSE = update(cards).where(this_channel(cards), this_case(cards), cards.c.open).values(open=False)
# A rolling card takes over from its thread's, too.
_CLOSE_ALL = {False: _CLOSE.where(_HERE), True: _CLOSE.where(or_(cards.c.rolling, _HERE))}


async def join(tx: Transaction, where: CardPlace, offered: Sequence[CardEntry], timing: Timing, at: float) -> None:
    """Put insights on the open card; a new card takes over when that is decided, full, old, or out of sight."""
    rest = list(offered)
    card = await _open_card(tx, where)
    far = card is not None and not where.rolling and lies_far(card.ts, where.latest)
    if card is None or far or not card.asking:
        card, held = await _roll_over(tx, where, card, at)
    else:
        held = await _count(tx, card.id)
    while rest:
        if not takes_more(held, at - card.first_link_at, rolling=where.rolling):
            card, held = await _roll_over(tx, where, card, at)
        room = CARD_HOLDS - held
        at_once = any(not is_app(entry.poster) for entry in rest)  # a person looks for the card
        await _schedule(tx, card, timing, at, at_once=at_once)  # locks the job, which comes before its card
        await _put_on(tx, card.id, rest[:room])
        await _post_at_once(tx, card, at)
        rest, held = rest[room:], CARD_HOLDS


async def got_links(connection: Connection, card: Card) -> bool:
    """Whether this card is open and got links since Slack shows it."""
    return (await connection.execute(_GOT_LINKS, {"of_card": card.id})).scalar_one_or_none() is not None


async def showing(connection: Connection, where: Thread, ids: Collection[int]) -> Card | None:
    """The newest card that shows one of these insights, in this thread if one does, else elsewhere."""
    shown = select(card_insights.c.card).where(card_insights.c.insight.in_(ids))
    alive = select(cards.c.id).where(cards.c.id.in_(shown), cards.c.ended.is_(None))
    order = (in_thread(cards, where).desc(), cards.c.first_link_at.desc(), cards.c.open.desc())
    card = (await connection.execute(alive.order_by(*order).limit(1))).scalar_one_or_none()
    return await get(connection, card) if card else None


async def moved_on(connection: Connection, card: Card, ids: Collection[int]) -> list[CardItem]:
    """Those of these insights that this card's case has on other cards of its channel: they moved there."""
    if not ids:
        return []
    values = {**CardPlace(card.thread, card.org, card.case_id).values, "moved": ids}
    return await by_id(connection, set((await connection.execute(_MOVED, values)).scalars()))


async def move_down(tx: Transaction, card: Card, at: float) -> None:
    """Have a new card take over from this one, if it is still open: it is out of sight. Under `lock_case`."""
    where = CardPlace(card.thread, card.org, card.case_id)
    old = await _open_card(tx, where)
    if old is not None and old.id == card.id:
        new, _ = await _roll_over(tx, where, old, at)
        await enqueue(tx, JobKind.CARD, new.id)
        await _post_at_once(tx, new, at)


async def link_back(tx: Transaction, card: str) -> None:
    """Have the card that this one continues say so, now that this one has an address. Under `lock_case`."""
    old = (await tx.execute(_CONTINUED, {"new_card": card})).scalar_one_or_none()
    if old is not None:
        await bump(tx, old)


async def is_asking(connection: Connection, where: CardPlace) -> bool:
    """Whether an open card offers something here already, or will."""
    card = await _open_card(connection, where)
    return card is not None and card.asking


async def removed(store: Store, where: Thread, ts: str, timing: Timing) -> None:
    """Close the card whose message somebody deleted, if it was one: later links get a new card."""
    shown = select(cards.c.id).where(in_channel(cards, where), cards.c.ts == ts, cards.c.ended.is_(None))
    async with store.read() as connection:
        card_id = (await connection.execute(shown)).scalar_one_or_none()
        card = await get(connection, card_id) if card_id else None
    if card is not None:
        async with store.write() as tx:
            await ties.lock_case(tx, card.org, card.case_id)
            await enqueue(tx, JobKind.CARD, card.id)
            await close(tx, card, "message_deleted", timing)


async def close(tx: Transaction, card: Card, reason: str, timing: Timing) -> None:
    """Close a card that Slack shows no more.

    Offers that joined it after its last update, so that nobody saw them, move to the next card. Under `lock_case`
    and the card's job.
    """
    await end(tx, card.id, reason)
    if card.ts is None:
        return
    unseen = [item for item in await items(tx, card.id) if item.state is State.OFFERED and _is_unseen(item, card)]
    if unseen:
        entries = await _take_off(tx, card.id, unseen)
        await join(tx, CardPlace(card.thread, card.org, card.case_id), entries, timing, await now(tx))


async def _open_card(connection: Connection, where: CardPlace) -> Row[Any] | None:
    """The card that is open, and whether it is `asking`: later links join it."""
    return (await connection.execute(_OPEN[where.rolling], where.values)).one_or_none()


async def _count(tx: Transaction, card: str) -> int:
    return (await tx.execute(_COUNT, {"of_card": card})).scalar_one()


async def _take_off(tx: Transaction, card: str, leaving: Sequence[CardItem]) -> list[CardEntry]:
    """Take these insights off a card; returns how they join the next one."""
    await tx.execute(_LEAVE, {"of_card": card, "leaving": [item.id for item in leaving]})
    return [CardEntry(item.id, item.poster, item.message_ts) for item in leaving]


async def _roll_over(tx: Transaction, where: CardPlace, old: Row[Any] | None, at: float) -> tuple[Row[Any], int]:
    """Open a new card, with what is undecided on the old one; if that fills the old one, it stays there.

    What joined the old one and was never shown there moves, too. Returns the card and how many insights it holds.
    """
    moving: list[CardEntry] = []
    if old is not None:
        leaving = [item for item in await items(tx, old.id) if item.state is State.OFFERED or _is_unseen(item, old)]
        if leaving and moves_on(len(leaving)):
            await enqueue(tx, JobKind.CARD, old.id, after=CONTINUED_SECONDS)
            moving = await _take_off(tx, old.id, leaving)
    if old is not None or where.rolling:
        await tx.execute(_CLOSE_ALL[where.rolling], where.values)
    more = {"version": 0, "open": True, "rolling": where.rolling}
    card = await create(tx, "insights", where.thread, where.org, where.case_id, at, **more)
    if old is not None and moving:
        await tx.execute(_CONTINUE, {"of_card": old.id, "new_card": card.id})
    await _put_on(tx, card.id, moving)
    return card, len(moving)


def _is_unseen(item: CardItem, card: Card | Row[Any]) -> bool:
    """Whether an insight joined a card in Slack that was not updated since."""
    return card.ts is not None and item.joined_version > card.shown_version and item.state.is_named


async def _put_on(tx: Transaction, card: str, joining: Sequence[CardEntry]) -> None:
    """Add insights in new groups of checkboxes: if a group's options changed, Slack would forget people's ticks."""
    if not joining:
        return
    last = (await tx.execute(_NEXT_VERSION, {"of_card": card})).one()
    rows = [
        {
            "card": card,
            "insight": entry.insight,
            "group": last.last_group + 1 + number // GROUP_HOLDS,
            "joined_version": last.version,
            "poster": entry.poster,
            "message_ts": entry.message_ts,
        }
        for number, entry in enumerate(joining)
    ]
    await tx.execute(_join(tx.dialect.name), rows)


@cache
def _join(dialect: str) -> Insert:
    """They may be on this card already: withdrawn, and offered again now."""
    row = insert_on(dialect, card_insights)
    again = {name: row.excluded[name] for name in ("group", "joined_version", "poster", "message_ts")}
    return row.on_conflict_do_update(index_elements=["card", "insight"], set_=again)


async def _schedule(tx: Transaction, card: Row[Any], timing: Timing, at: float, *, at_once: bool) -> None:
    """Set when the card is shown: a new one at once if a person waits for it; what comes later is collected."""
    if card.ts is not None or card.posting_since is not None:
        await enqueue(tx, JobKind.CARD, card.id, after=timing.delay)
    elif at_once:
        await enqueue(tx, JobKind.CARD, card.id)
    else:
        await reschedule(tx, JobKind.CARD, card.id, min(timing.delay, card.first_link_at + timing.at_most - at))


async def _post_at_once(tx: Transaction, card: Row[Any], at: float) -> None:
    """Have a new card whose job this transaction took leave with its commit, if it may be posted now."""
    job, is_new = tx.taken.get((JobKind.CARD, card.id)), card.ts is None and card.posting_since is None
    if job is not None and is_new and await may_post(tx, thread_at(card), card.id, at):
        await posting(tx, card.id, at)
        tx.taken[JobKind.CARD, card.id] = replace(job, leaving=frozenset({card.id}))
