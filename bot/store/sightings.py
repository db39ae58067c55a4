"""Sightings: links seen in messages, written down before anything remote is asked, offered once the tie is known."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.insights import Decision, Known, State, decide
from bot.model import Identity, Insight, InsightType, Thread
from bot.store import Store, cards, cases, now, ties
from bot.store.engine import insert_into
from bot.store.joining import Joining, Place, join
from bot.store.lanes import LaneKind, wake
from bot.store.schema import card_insights, insights, sightings
from bot.store.schema import cards as cards_table
from bot.store.ties import CaseName, TieKind


class SightingState(StrEnum):
    """`gone`: the link was taken out of its message again."""

    PENDING = "pending"
    OFFERED = "offered"
    NOT = "not"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Found:
    """An insight that a link names, and the orgs whose web host it is on: none for a code change, which fits any."""

    insight: Insight
    orgs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one message brought. `names`: the cases it names, where it is a thread's root."""

    thread: Thread
    message_ts: str
    poster: str | None
    found: tuple[Found, ...]
    names: tuple[CaseName, ...] = ()

    @property
    def is_root(self) -> bool:
        return self.message_ts == self.thread.ts

    @property
    def asks(self) -> bool:
        """Whether it is worth finding out the thread's case: code changes alone are not."""
        return bool(self.names) or any(each.orgs for each in self.found)


def key(thread: Thread) -> str:
    """The key of the thread's lane."""
    return f"{thread.workspace}/{thread.channel}/{thread.ts}"


async def sight(store: Store, seen: Seen, timing: cards.Timing) -> int:
    """Write down what a message brought; in a tied thread it is offered in the same transaction.

    How many sightings were new: Slack sends an event more than once. A thread known to be about no case costs one
    read; one of which nothing is known gets a lane that finds out.
    """
    async with store.read() as connection:
        tie = await ties.of(connection, seen.thread)
    if not _concerns(seen, tie):
        return 0
    while True:
        async with store.write() as tx:
            new = await _write_down(tx, seen, timing)
        if new is not None:
            return new


def _concerns(seen: Seen, tie: ties.Tie | None) -> bool:
    if tie is None:
        # A root without a case is about none; its thread is looked up when a reply brings a link.
        return bool(seen.names) if seen.is_root else bool(seen.found)
    return bool(seen.found) and tie.kind in (TieKind.TIED, TieKind.NAMED)


async def _write_down(tx: AsyncConnection, seen: Seen, timing: cards.Timing) -> int | None:
    """How many were new; None: the thread's tie changed under our eyes, and nothing was done."""
    tie = await ties.of(tx, seen.thread)
    at = await now(tx)
    if tie is not None and tie.kind is TieKind.TIED:
        await ties.lock_case(tx, tie.org, tie.case_id)
        if await ties.of(tx, seen.thread) != tie:
            return None
        new = await _insert(tx, seen, at)
        await offer_pending(tx, seen.thread, tie, timing, at)
        return new
    if seen.asks:
        await wake(tx, LaneKind.THREAD, key(seen.thread))
    if seen.names:
        await ties.name(tx, seen.thread, seen.names, at)
    return await _insert(tx, seen, at)


async def _insert(tx: AsyncConnection, seen: Seen, at: float) -> int:
    new = 0
    for each in seen.found:
        found = each.insight
        row = insert_into(tx, sightings).values(
            workspace=seen.thread.workspace,
            channel=seen.thread.channel,
            thread_ts=seen.thread.ts,
            message_ts=seen.message_ts,
            type=found.type,
            scope=found.scope,
            resource_id=found.resource_id,
            ref=found.ref,
            host=found.host,
            orgs=json.dumps(each.orgs),
            poster=seen.poster,
            state=SightingState.PENDING,
            at=at,
        )
        # A link that an edit took out and another put back in counts anew.
        again = row.on_conflict_do_update(
            index_elements=["workspace", "channel", "message_ts", "type", "scope", "resource_id"],
            set_={"state": SightingState.PENDING, "at": at},
            where=sightings.c.state == SightingState.GONE,
        )
        # Not `rowcount`: after an INSERT psycopg's is -1.
        written = await tx.execute(again.returning(sightings.c.id))
        new += written.one_or_none() is not None
    return new


async def offer_pending(tx: AsyncConnection, thread: Thread, tie: ties.Tie, timing: cards.Timing, at: float) -> None:
    """Decide on every pending sighting of a tied thread and put what is offered on its card. Under `lock_case`."""
    pending = list(
        await tx.execute(
            select(sightings)
            .where(_in_thread(thread), sightings.c.state == SightingState.PENDING)
            .order_by(sightings.c.message_ts, sightings.c.id)
        )
    )
    if not pending:
        return
    known, ids = await _known(tx, thread, tie, {row.resource_id for row in pending})
    joining: dict[Identity, Joining] = {}
    for row in pending:
        identity = _identity(row)
        decision = Decision.ON_CARD if identity in joining else decide(identity, known)
        if (orgs := json.loads(row.orgs)) and tie.org not in orgs:
            decision = Decision.OTHER_ORG
        if decision in (Decision.OFFER, Decision.OFFER_AGAIN):
            ids[identity] = await _offer(tx, row, tie, ids.get(identity), at)
            joining[identity] = Joining(ids[identity], row.poster, row.message_ts)
            await _decided(tx, row.id, SightingState.OFFERED, None, ids[identity])
        else:
            await _decided(tx, row.id, SightingState.NOT, decision, ids.get(identity))
    if joining:
        await join(tx, Place(thread, tie.org, tie.case_id), list(joining.values()), timing, at)


async def set_aside(tx: AsyncConnection, thread: Thread, reason: str) -> None:
    """The thread turned out to be about no case: its pending sightings are offered nowhere."""
    await tx.execute(
        update(sightings)
        .where(_in_thread(thread), sightings.c.state == SightingState.PENDING)
        .values(state=SightingState.NOT, reason=reason)
    )


async def reroot(store: Store, seen: Seen) -> None:
    """A thread's root was edited and names other cases now, or none. What a person said of the thread stays.

    What was only offered for the old case is withdrawn, and the thread's links wait for the new one.
    """
    async with store.write() as tx:
        await wake(tx, LaneKind.THREAD, key(seen.thread))
        tie = await ties.of(tx, seen.thread)
        if tie is not None and tie.source is ties.TieSource.SAID:
            return
        at = await now(tx)
        if tie is not None and tie.kind is TieKind.TIED:
            await ties.lock_case(tx, tie.org, tie.case_id)
            await _withdraw_offers(tx, seen.thread, tie, at)
        await ties.forget_root(tx, seen.thread)
        if seen.names:
            await ties.name(tx, seen.thread, seen.names, at)
            await _insert(tx, seen, at)


async def take_back(store: Store, thread: Thread, message_ts: str, gone: Sequence[Identity]) -> int:
    """Links left a message, by an edit or its deletion: what only they brought is withdrawn. How many were."""
    if not gone:
        return 0
    async with store.read() as connection:
        if not await _sighted(connection, thread, message_ts):
            return 0
    async with store.write() as tx:
        tie = await ties.of(tx, thread)
        if tie is not None and tie.kind is TieKind.TIED:
            await ties.lock_case(tx, tie.org, tie.case_id)
        else:
            await wake(tx, LaneKind.THREAD, key(thread))
        at = await now(tx)
        brought = [each for identity in gone for each in await _mark_gone(tx, thread, message_ts, identity)]
        withdrawn = [insight for insight in brought if await _withdraw(tx, insight, at)]
        await cards.touch(tx, withdrawn)
        return len(withdrawn)


# --- steps ---


async def _known(
    tx: AsyncConnection, thread: Thread, tie: ties.Tie, resource_ids: Collection[str]
) -> tuple[Known, dict[Identity, int]]:
    """What is known of these resources on the tie's case, and the ids of their insights."""
    of_case = and_(
        insights.c.org == tie.org,
        insights.c.case_id == tie.case_id,
        insights.c.resource_id.in_(resource_ids),
    )
    found = list(await tx.execute(select(insights).where(of_case)))
    on_card = await tx.execute(
        select(insights)
        .join(card_insights, card_insights.c.insight == insights.c.id)
        .join(cards_table, cards_table.c.id == card_insights.c.card)
        .where(
            of_case,
            cards_table.c.workspace == thread.workspace,
            cards_table.c.channel == thread.channel,
            cards_table.c.thread_ts == thread.ts,
        )
    )
    case = await cases.get(tx, tie.org, tie.case_id)
    known = Known(
        states={_identity(row): State(row.state) for row in found},
        on_case=case.on_case if case else frozenset(),
        on_card={_identity(row) for row in on_card},
    )
    return known, {_identity(row): row.id for row in found}


async def _offer(tx: AsyncConnection, row: Row[Any], tie: ties.Tie, insight: int | None, at: float) -> int:
    """The insight of this sighting, offered; its id."""
    change = cards.Change(State.OFFERED, at)
    if insight is not None:
        await cards.move(tx, insight, change, was=State.WITHDRAWN)
        return insight
    new = (
        insert(insights)
        .values(
            org=tie.org,
            case_id=tie.case_id,
            type=row.type,
            scope=row.scope,
            resource_id=row.resource_id,
            ref=row.ref,
            host=row.host,
            state=State.OFFERED,
            at=at,
            ours=False,
            left_out=False,
            note="",
        )
        .returning(insights.c.id)
    )
    created = (await tx.execute(new)).scalar_one()
    await cards.record(tx, created, None, change, f"{row.workspace}/{row.channel}/{row.message_ts}")
    return created


async def _decided(
    tx: AsyncConnection, sighting: int, state: SightingState, reason: str | None, insight: int | None
) -> None:
    values = {"state": state, "reason": reason, "insight": insight}
    await tx.execute(update(sightings).where(sightings.c.id == sighting).values(**values))


async def _sighted(connection: AsyncConnection, thread: Thread, message_ts: str) -> bool:
    mine = select(sightings.c.id).where(_in_thread(thread), sightings.c.message_ts == message_ts).limit(1)
    return (await connection.execute(mine)).one_or_none() is not None


async def _mark_gone(tx: AsyncConnection, thread: Thread, message_ts: str, identity: Identity) -> list[int]:
    """The insights that this message brought and no longer brings."""
    mine = and_(
        _in_thread(thread),
        sightings.c.message_ts == message_ts,
        sightings.c.type == identity.type,
        sightings.c.scope == identity.scope,
        sightings.c.resource_id == identity.resource_id,
    )
    gone = await tx.execute(
        update(sightings).where(mine).values(state=SightingState.GONE).returning(sightings.c.insight)
    )
    return [insight for insight in gone.scalars() if insight is not None]


async def _withdraw(tx: AsyncConnection, insight: int, at: float) -> bool:
    """Take the offer back unless another message still brings it."""
    elsewhere = select(sightings.c.id).where(sightings.c.insight == insight, sightings.c.state != SightingState.GONE)
    if (await tx.execute(elsewhere.limit(1))).one_or_none() is not None:
        return False
    return await cards.move(tx, insight, cards.Change(State.WITHDRAWN, at), was=State.OFFERED)


async def _withdraw_offers(tx: AsyncConnection, thread: Thread, tie: ties.Tie, at: float) -> None:
    """The thread is not about this case any more: its undecided insights go, and its links wait again."""
    mine = and_(_in_thread(thread), sightings.c.state.in_([SightingState.OFFERED, SightingState.NOT]))
    brought = select(sightings.c.insight).where(mine, sightings.c.insight.is_not(None)).distinct()
    ids = list((await tx.execute(brought)).scalars())
    await tx.execute(update(sightings).where(mine).values(state=SightingState.PENDING, insight=None))
    await cards.touch(tx, [insight for insight in ids if await _withdraw(tx, insight, at)])


def _identity(row: Row[Any]) -> Identity:
    return Identity(InsightType(row.type), row.scope, row.resource_id)


def _in_thread(thread: Thread) -> ColumnElement[bool]:
    return and_(
        sightings.c.workspace == thread.workspace,
        sightings.c.channel == thread.channel,
        sightings.c.thread_ts == thread.ts,
    )
