"""Tying: a thread or a channel gets another case, or none, and all that follows from it.

What was only offered for the old case is withdrawn; what was confirmed still goes to it. Locks: the thread's job,
then the cases' rows, then cards.
"""

from collections.abc import Sequence

from sqlalchemy import and_, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.insights import Decision
from bot.model import Case, CaseName, State, Thread, Tie, TieKind, TieSource
from bot.store import Store, cards, cases, now, questions, scans, schema, sightings, ties
from bot.store.jobs import JobKind, enqueue, thread_key
from bot.store.schema import card_insights, insights
from bot.store.seen import ScannedMessage, SightingState, in_thread

SCANNED = 200
"""Earlier messages that are read when a person ties a thread."""


async def tie(store: Store, place: Thread, case: Case, by: str) -> bool:
    """Tie a thread, or a whole channel, because a person said so; whether that changed anything.

    A thread's earlier messages are read for links, as its job gets to it.
    """
    async with store.write() as tx:
        return await tie_in(tx, place, case, by)


async def answer(store: Store, card: str, thread: Thread, case: Case, by: str) -> bool:
    """Tie a thread because somebody chose this case on the card that asked; False: it was answered before."""
    async with store.write() as tx:
        await enqueue(tx, JobKind.THREAD, thread_key(thread))
        asked = await questions.get(tx, card)
        if asked is None or asked.answer is not None:
            return False
        await tie_in(tx, thread, case, by)
        return True


async def tie_in(tx: AsyncConnection, place: Thread, case: Case, by: str) -> bool:
    """`tie` within a transaction that has locked nothing yet."""
    at = await now(tx)
    if place.ts:
        await enqueue(tx, JobKind.THREAD, thread_key(place))
    old = await ties.of(tx, place)
    await _lock(tx, old, case)
    await cases.save(tx, case)
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


async def untie(store: Store, place: Thread, by: str) -> bool:
    """A person says that a thread is about no case, whatever its root or channel say; whether that changed anything."""
    async with store.write() as tx:
        at = await now(tx)
        if place.ts:
            await enqueue(tx, JobKind.THREAD, thread_key(place))
        old = await ties.of(tx, place)
        if old is not None and old.kind is TieKind.NONE:
            return False
        if not place.ts and (old is None or old.kind is not TieKind.TIED):
            return False
        await _lock(tx, old)
        await _leave(tx, place, old, at)
        await ties.say(tx, place, TieKind.NONE, by, at)
        return True


async def reroot(store: Store, seen: ScannedMessage) -> None:
    """A thread's root was edited and names other cases now, or none. What a person said of the thread stays.

    What was only offered for the old case is withdrawn, and the thread's links wait for the new one.
    """
    async with store.write() as tx:
        await enqueue(tx, JobKind.THREAD, thread_key(seen.thread))
        old = await ties.of(tx, seen.thread)
        if old is not None and old.source is TieSource.SAID:
            return
        at = await now(tx)
        await _lock(tx, old)
        await _leave(tx, seen.thread, old, at)
        await ties.forget_root(tx, seen.thread, at)
        if seen.names:
            await ties.name(tx, seen.thread, seen.names, at)
            await sightings.insert(tx, seen, at)


async def root_names(connection: AsyncConnection, seen: ScannedMessage) -> Sequence[CaseName]:
    """The cases that this root named, as far as is known; what it names now, where that says the same."""
    old = await ties.own(connection, seen.thread) if seen.is_root else None
    if old is None:
        return ()
    if old.kind is TieKind.NAMED:
        return old.named
    if old.kind is TieKind.SEVERAL:  # which, nobody has kept
        return seen.names if len(seen.names) > 1 else ()
    case = await cases.get(connection, old.org, old.case_id) if old.kind is TieKind.TIED else None
    return tuple(each for each in seen.names if case and (each.org, each.case) in _names_of(case)) or (
        (CaseName(case.org, case.key),) if case else ()
    )


def _names_of(case: Case) -> set[tuple[str, str]]:
    return {(case.org, case.key), (case.org, case.case_id)}


async def _lock(tx: AsyncConnection, old: Tie | None, *new: Case) -> None:
    """Both cases, in one order whoever locks them. A case that is not stored yet has nothing to lock."""
    both = {(case.org, case.case_id) for case in new}
    if old is not None and old.kind is TieKind.TIED:
        both.add((old.org, old.case_id))
    for org, case_id in sorted(both):
        await ties.lock_case(tx, org, case_id)


async def _leave(tx: AsyncConnection, place: Thread, old: Tie | None, at: float) -> None:
    """A thread's links wait again, a channel's do not: there, what comes from now on is for the new case."""
    if old is not None and old.kind is TieKind.TIED:
        await (_withdraw_of_thread if place.ts else _withdraw_of_channel)(tx, place, old, at)
    elif place.ts:
        await _wait_again(tx, place)


async def _wait_again(tx: AsyncConnection, thread: Thread) -> list[int]:
    """All that the thread's messages brought is undecided again; the insights that it had become part of."""
    mine = and_(in_thread(thread), schema.sightings.c.state.in_([SightingState.OFFERED, SightingState.NOT]))
    brought = select(schema.sightings.c.insight).where(mine, schema.sightings.c.insight.is_not(None)).distinct()
    ids = list((await tx.execute(brought)).scalars())
    await tx.execute(
        update(schema.sightings).where(mine).values(state=SightingState.PENDING, reason=None, insight=None)
    )
    return ids


async def _withdraw_of_thread(tx: AsyncConnection, thread: Thread, old: Tie, at: float) -> None:
    ids = await _wait_again(tx, thread)
    here = (schema.cards.c.thread_ts == thread.ts) & ~schema.cards.c.rolling
    await _take_off(tx, thread, old, ids, here, at)


async def _withdraw_of_channel(tx: AsyncConnection, channel: Thread, old: Tie, at: float) -> None:
    """Only where the channel's tie is in effect: threads that are tied by themselves keep their offers."""
    tied = exists().where(
        schema.ties.c.workspace == channel.workspace,
        schema.ties.c.channel == channel.channel,
        schema.ties.c.thread_ts == schema.sightings.c.thread_ts,
        schema.ties.c.kind == TieKind.TIED,
    )
    mine = and_(
        schema.sightings.c.workspace == channel.workspace,
        schema.sightings.c.channel == channel.channel,
        schema.sightings.c.state == SightingState.OFFERED,
        schema.sightings.c.insight.in_(
            select(insights.c.id).where(insights.c.org == old.org, insights.c.case_id == old.case_id)
        ),
        ~tied,
    )
    ids = list((await tx.execute(select(schema.sightings.c.insight).where(mine).distinct())).scalars())
    threads = list((await tx.execute(select(schema.sightings.c.thread_ts).where(mine).distinct())).scalars())
    gone = {"state": SightingState.NOT, "reason": Decision.UNTIED, "insight": None}
    await tx.execute(update(schema.sightings).where(mine).values(**gone))
    here = schema.cards.c.rolling | schema.cards.c.thread_ts.in_(threads)
    await _take_off(tx, channel, old, ids, here, at)


async def _take_off(tx: AsyncConnection, place: Thread, old: Tie, ids: Sequence[int], here: object, at: float) -> None:
    """Withdraw these offers; what another thread still offers only leaves the cards that are here."""
    withdrawn = [insight for insight in ids if await sightings.withdraw(tx, insight, at)]
    await cards.touch(tx, withdrawn)
    elsewhere = [insight for insight in ids if insight not in withdrawn]
    mine = select(schema.cards.c.id).where(
        schema.cards.c.workspace == place.workspace,
        schema.cards.c.channel == place.channel,
        schema.cards.c.org == old.org,
        schema.cards.c.case_id == old.case_id,
        here,  # pyright: ignore[reportArgumentType]  a condition
    )
    still_offered = select(insights.c.id).where(insights.c.id.in_(elsewhere), insights.c.state == State.OFFERED)
    leaving = and_(card_insights.c.card.in_(mine), card_insights.c.insight.in_(still_offered))
    left = list((await tx.execute(select(card_insights.c.card).where(leaving).distinct())).scalars())
    for card in sorted(left):
        await cards.bump(tx, card)
    await tx.execute(card_insights.delete().where(leaving))
