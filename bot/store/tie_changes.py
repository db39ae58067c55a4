"""Changing a tie: a thread or a channel gets another case, or none, and what follows from that.

What was only offered for the old case is withdrawn; what was confirmed still goes to it. Locks: the thread's job,
then the cases' rows, then cards.
"""

from collections.abc import Sequence
from enum import Enum

from sqlalchemy import ColumnElement, and_, exists, select, update

from bot.insights import CASES_NAMED, Decision, ScannedMessage, SightingState
from bot.model import Case, CaseName, State, Thread, Tie, TieKind, TieSource
from bot.store import Store, cards, cases, now, questions, scans, schema, sightings, ties
from bot.store.conditions import in_channel, in_thread, of_case
from bot.store.connection import Connection
from bot.store.jobs import enqueue, thread_key
from bot.store.schema import card_insights, insights
from bot.store.transaction import JobKind, Transaction

SCANNED = 200
"""Earlier messages that are read when a person ties a thread."""

_seen = schema.sightings.c


class Untied(Enum):
    """What became of a tie: it was none BEFORE; it is none NOW; what its root or channel says counts again."""

    BEFORE = 0
    NOW = 1
    AS_BEFORE_IT = 2


async def tie(store: Store, place: Thread, case: Case, by: str) -> bool:
    """Tie a thread, or a whole channel, because a person said so; returns whether that changed anything.

    The thread's job then reads its earlier messages for links.
    """
    async with store.write() as tx:
        return await tie_in(tx, place, case, by)


async def answer(store: Store, card: str, thread: Thread, case: Case, by: str) -> bool:
    """Tie a thread because somebody chose this case on the card that asks; False: it was answered before."""
    async with store.write() as tx:
        await enqueue(tx, JobKind.THREAD, thread_key(thread))
        question = await questions.get(tx, card)
        if question is None or question.answer is not None:
            return False
        await tie_in(tx, thread, case, by)
        return True


async def tie_in(tx: Transaction, place: Thread, case: Case, by: str) -> bool:
    """`tie` within a transaction that has locked nothing yet. The case is in the store already."""
    at = await now(tx)
    if place.ts:
        await enqueue(tx, JobKind.THREAD, thread_key(place))
    old = await ties.of(tx, place)
    await _lock(tx, old, case)
    same = old is not None and old.kind is TieKind.TIED and (old.org, old.case_id) == (case.org, case.case_id)
    if same and old is not None and old.source is TieSource.SAID:
        return False
    if not same:
        await _leave(tx, place, old, at)
    await ties.say(tx, place, TieKind.TIED, by, at, org=case.org, case_id=case.case_id)
    if place.ts:
        await questions.settle(tx, place, f"{case.org}/{case.case_id}", by, at)
        await scans.ask(tx, place, None, SCANNED, at)
    return not same


async def untie(store: Store, place: Thread, by: str) -> Untied:
    """Take back what a person said of a thread's case; else store that it is about none, whatever root or channel say.

    A whole channel is about none then. The thread's job looks up again what its root says.
    """
    async with store.write() as tx:
        at = await now(tx)
        if place.ts:
            await enqueue(tx, JobKind.THREAD, thread_key(place))
        old = await ties.of(tx, place)
        if old is not None and old.kind is TieKind.NONE:
            return Untied.BEFORE
        if not place.ts and (old is None or old.kind is not TieKind.TIED):
            return Untied.BEFORE
        await _lock(tx, old)
        await _leave(tx, place, old, at)
        if place.ts and old is not None and old.source is TieSource.SAID:
            await ties.unsay(tx, place, at)
            return Untied.AS_BEFORE_IT
        await ties.say(tx, place, TieKind.NONE, by, at)
        return Untied.NOW


async def reroot(store: Store, root: ScannedMessage) -> None:
    """Follow an edit of a thread's root, which names other cases now, or none. What a person said of the thread stays.

    What was only offered for the old case is withdrawn, and the thread's links wait for the new one. However often
    it is edited, Datadog is asked for a case a second: each waits a second after the last edit or look-up.
    """
    async with store.write() as tx:
        await enqueue(tx, JobKind.THREAD, thread_key(root.thread))
        old, own = await ties.of(tx, root.thread), await ties.own(tx, root.thread)
        if old is not None and old.source is TieSource.SAID:
            return
        at = await now(tx)
        asks_at = max(at, min(own.at, at) + (len(root.names) or CASES_NAMED)) if own is not None else at
        await _lock(tx, old)
        await _leave(tx, root.thread, old, at)
        await ties.forget_root(tx, root.thread, asks_at)
        if root.names:
            await ties.name(tx, root.thread, root.names, asks_at, root.poster)
            await sightings.insert(tx, root, at)


async def root_names(connection: Connection, root: ScannedMessage) -> Sequence[CaseName]:
    """The cases that this root named before, as far as is known.

    One that it still names is given as it is named now, by key or UUID, so that it does not look changed.
    """
    old = await ties.own(connection, root.thread) if root.is_root else None
    if old is None:
        return ()
    if old.named:
        return old.named
    if old.kind is TieKind.SEVERAL:  # which ones is not stored
        return root.names if len(root.names) > 1 else ()
    case = await cases.get(connection, old.org, old.case_id) if old.kind is TieKind.TIED else None
    if case is None:
        return ()
    by_key = CaseName(case.org, case.key)
    same = {by_key, CaseName(case.org, case.case_id)}
    return tuple(name for name in root.names if name in same) or (by_key,)


async def _lock(tx: Transaction, old: Tie | None, *new: Case) -> None:
    """Lock both cases, in the same order everywhere."""
    both = {(case.org, case.case_id) for case in new}
    if old is not None and old.kind is TieKind.TIED:
        both.add((old.org, old.case_id))
    for org, case_id in sorted(both):
        await ties.lock_case(tx, org, case_id)


async def _leave(tx: Transaction, place: Thread, old: Tie | None, at: float) -> None:
    """Withdraw what was offered for the old case. A thread's links wait again for a case; a channel's do not.

    The channel's new case gets only what comes from now on.
    """
    if old is not None and old.kind is TieKind.TIED:
        await (_withdraw_of_thread if place.ts else _withdraw_of_channel)(tx, place, old, at)
    elif place.ts:
        await _wait_again(tx, place)


async def _wait_again(tx: Transaction, thread: Thread) -> list[int]:
    """Make the thread's sightings pending again; returns the insights that were made of them."""
    decided = in_thread(schema.sightings, thread) & _seen.state.in_([SightingState.OFFERED, SightingState.NOT])
    made = select(_seen.insight).where(decided, _seen.insight.is_not(None)).distinct()
    ids = list((await tx.execute(made)).scalars())
    pending = {"state": SightingState.PENDING, "reason": None, "insight": None}
    await tx.execute(update(schema.sightings).where(decided).values(**pending))
    return ids


async def _withdraw_of_thread(tx: Transaction, thread: Thread, old: Tie, at: float) -> None:
    ids = await _wait_again(tx, thread)
    of_thread = (schema.cards.c.thread_ts == thread.ts) & ~schema.cards.c.rolling
    await _take_off(tx, thread, old, ids, of_thread, at)


async def _withdraw_of_channel(tx: Transaction, channel: Thread, old: Tie, at: float) -> None:
    """Withdraw the offers where the channel's tie is in effect: threads that have a tie of their own keep theirs."""
    tied = exists().where(
        in_channel(schema.ties, channel),
        schema.ties.c.thread_ts == _seen.thread_ts,
        schema.ties.c.kind == TieKind.TIED,
    )
    of_old = select(insights.c.id).where(of_case(insights, old.org, old.case_id))
    offered = and_(
        in_channel(schema.sightings, channel),
        _seen.state == SightingState.OFFERED,
        _seen.insight.in_(of_old),
        ~tied,
    )
    ids = list((await tx.execute(select(_seen.insight).where(offered).distinct())).scalars())
    threads = list((await tx.execute(select(_seen.thread_ts).where(offered).distinct())).scalars())
    untied = {"state": SightingState.NOT, "reason": Decision.UNTIED, "insight": None}
    await tx.execute(update(schema.sightings).where(offered).values(**untied))
    of_channel = schema.cards.c.rolling | schema.cards.c.thread_ts.in_(threads)
    await _take_off(tx, channel, old, ids, of_channel, at)


async def _take_off(
    tx: Transaction, place: Thread, old: Tie, ids: Sequence[int], on_cards: ColumnElement[bool], at: float
) -> None:
    """Withdraw these offers; an offer that another thread makes too is only taken off this place's cards."""
    withdrawn = [insight for insight in ids if await sightings.withdraw(tx, insight, at)]
    await cards.touch(tx, withdrawn)
    kept = [insight for insight in ids if insight not in withdrawn]
    of_place = and_(in_channel(schema.cards, place), of_case(schema.cards, old.org, old.case_id), on_cards)
    still_offered = select(insights.c.id).where(insights.c.id.in_(kept), insights.c.state == State.OFFERED)
    leaving = and_(
        card_insights.c.card.in_(select(schema.cards.c.id).where(of_place)),
        card_insights.c.insight.in_(still_offered),
    )
    affected = list((await tx.execute(select(card_insights.c.card).where(leaving).distinct())).scalars())
    for card in sorted(affected):
        await cards.bump(tx, card)
    await tx.execute(card_insights.delete().where(leaving))
