"""Sightings: links seen in messages, written down before anything remote is asked, offered once the tie is known."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

from bot.model import Identity, Insight, InsightType, State, Thread, Tie, TieKind, TieSource
from bot.store import Store, cards, now, questions, ties
from bot.store.engine import insert_on
from bot.store.jobs import JobKind, enqueue, thread_key
from bot.store.offering import offer_pending
from bot.store.schema import sightings
from bot.store.seen import Candidate, Rules, ScannedMessage, SightingDecision, SightingState, in_thread


@dataclass(frozen=True, slots=True)
class Sighted:
    """What came of a message: how many sightings were new, and what was decided; `tie` is None while nobody knows."""

    new: int = 0
    tie: Tie | None = None
    decided: Sequence[SightingDecision] = ()


async def sight(store: Store, seen: ScannedMessage, rules: Callable[[], Awaitable[Rules]]) -> Sighted:
    """Write down what a message brought; in a tied thread it is offered in the same transaction.

    Slack sends an event more than once: then nothing is new. A thread known to be about no case costs one
    read; one of which nothing is known gets a job that finds out. `rules` is asked where the message leads on.
    """
    if not await _concerns(store, seen):
        return Sighted()
    offered_by = await rules()
    while True:
        async with store.write() as tx:
            sighted = await _write_down(tx, seen, offered_by)
        if sighted is not None:
            return sighted


async def _concerns(store: Store, seen: ScannedMessage) -> bool:
    """Whether this message can lead to anything here."""
    tie = await ties.at_once(store, seen.thread, bare_root=_is_bare_root(seen))
    if tie is None:
        # A root without a case is about none; its thread is looked up when a reply brings a link.
        return bool(seen.names) if seen.is_root else bool(seen.found or seen.names)
    if tie.kind is TieKind.NO_CASE and not seen.is_root and seen.names:
        async with store.read() as connection:
            return not await questions.was_asked(connection, seen.thread)
    return bool(seen.found) and tie.kind in (TieKind.TIED, TieKind.NAMED)


def _is_bare_root(seen: ScannedMessage) -> bool:
    """A root that names no case leaves the thread to the channel."""
    return seen.is_root and not seen.names


async def _write_down(tx: AsyncConnection, seen: ScannedMessage, rules: Rules) -> Sighted | None:
    """None: the thread's tie changed under our eyes, and nothing was done."""
    tie = await ties.of(tx, seen.thread, bare_root=_is_bare_root(seen))
    at = await now(tx)
    if tie is not None and tie.kind is TieKind.TIED:
        await ties.lock_case(tx, tie.org, tie.case_id)
        if await ties.of(tx, seen.thread, bare_root=_is_bare_root(seen)) != tie:
            return None
        by_channel = tie.source is TieSource.CHANNEL
        if by_channel and seen.is_root:
            await ties.set_from_root(tx, seen.thread, TieKind.NO_CASE, at)
        new = await insert(tx, seen, at)
        rolling = by_channel and seen.is_root and seen.by_bot
        return Sighted(new, tie, await offer_pending(tx, seen.thread, tie, rules, at, rolling=rolling))
    if seen.asks:
        await enqueue(tx, JobKind.THREAD, thread_key(seen.thread))
    if seen.names:
        await (ties.name if seen.is_root else ties.reply_names)(tx, seen.thread, seen.names, at)
    return Sighted(await insert(tx, seen, at))


async def insert(tx: AsyncConnection, seen: ScannedMessage, at: float) -> int:
    """Write down a message's links; how many were new."""
    if not seen.found:
        return 0
    rows = [
        {
            "workspace": seen.thread.workspace,
            "channel": seen.thread.channel,
            "thread_ts": seen.thread.ts,
            "message_ts": seen.message_ts,
            "type": each.insight.type,
            "scope": each.insight.scope,
            "resource_id": each.insight.resource_id,
            "ref": each.insight.ref,
            "host": each.insight.host,
            "orgs": json.dumps(each.orgs),
            "draft": each.draft,
            "poster": seen.poster,
            "state": SightingState.PENDING,
            "at": at,
        }
        for each in seen.found
    ]
    # Not `rowcount`: after an INSERT psycopg's is -1.
    return len((await tx.execute(_insert(tx.dialect.name), rows)).all())


@cache
def _insert(dialect: str) -> ReturningInsert[tuple[int]]:
    """A link that an edit took out and another put back in counts anew."""
    row = insert_on(dialect, sightings)
    again = row.on_conflict_do_update(
        index_elements=["workspace", "channel", "message_ts", "type", "scope", "resource_id"],
        set_={"state": row.excluded.state, "at": row.excluded.at},
        where=sightings.c.state == SightingState.GONE,
    )
    return again.returning(sightings.c.id)


async def posters(connection: AsyncConnection, thread: Thread) -> set[str]:
    """Whose links wait in this thread to be offered."""
    pending = select(sightings.c.poster).where(in_thread(thread), sightings.c.state == SightingState.PENDING)
    return {poster for poster in (await connection.execute(pending.distinct())).scalars() if poster}


async def thread_of(connection: AsyncConnection, workspace: str, channel: str, message_ts: str) -> Thread | None:
    """The thread that a message is in, as far as links of it were written down."""
    mine = and_(
        sightings.c.workspace == workspace, sightings.c.channel == channel, sightings.c.message_ts == message_ts
    )
    ts = (await connection.execute(select(sightings.c.thread_ts).where(mine).limit(1))).scalar_one_or_none()
    return None if ts is None else Thread(workspace, channel, ts)


async def of_message(connection: AsyncConnection, thread: Thread, message_ts: str) -> tuple[Candidate, ...]:
    """The links that a message holds, as they were written down."""
    mine = and_(
        sightings.c.workspace == thread.workspace,
        sightings.c.channel == thread.channel,
        sightings.c.message_ts == message_ts,
        sightings.c.state != SightingState.GONE,
    )
    rows = await connection.execute(select(sightings).where(mine))
    return tuple(
        Candidate(
            Insight(InsightType(row.type), row.resource_id, row.ref, row.host, row.scope),
            tuple(json.loads(row.orgs)),
            draft=row.draft,
        )
        for row in rows
    )


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
            await enqueue(tx, JobKind.THREAD, thread_key(thread))
        at = await now(tx)
        brought = [each for identity in gone for each in await _mark_gone(tx, thread, message_ts, identity)]
        withdrawn = [insight for insight in brought if await withdraw(tx, insight, at)]
        await cards.touch(tx, withdrawn)
        return len(withdrawn)


async def withdraw(tx: AsyncConnection, insight: int, at: float) -> bool:
    """Take the offer back unless another message still brings it."""
    elsewhere = select(sightings.c.id).where(sightings.c.insight == insight, sightings.c.state != SightingState.GONE)
    if (await tx.execute(elsewhere.limit(1))).one_or_none() is not None:
        return False
    return bool(await cards.move(tx, [insight], cards.Change(State.WITHDRAWN, at), was=State.OFFERED))


async def _sighted(connection: AsyncConnection, thread: Thread, message_ts: str) -> bool:
    mine = select(sightings.c.id).where(in_thread(thread), sightings.c.message_ts == message_ts).limit(1)
    return (await connection.execute(mine)).one_or_none() is not None


async def _mark_gone(tx: AsyncConnection, thread: Thread, message_ts: str, identity: Identity) -> list[int]:
    """The insights that this message brought and no longer brings."""
    mine = and_(
        in_thread(thread),
        sightings.c.message_ts == message_ts,
        sightings.c.type == identity.type,
        sightings.c.scope == identity.scope,
        sightings.c.resource_id == identity.resource_id,
    )
    gone = await tx.execute(
        update(sightings).where(mine).values(state=SightingState.GONE).returning(sightings.c.insight)
    )
    return [insight for insight in gone.scalars() if insight is not None]
