"""Sightings: links in messages, stored before Slack or Datadog is asked anything, offered once the tie is known."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import ColumnElement, String, and_, bindparam, func, or_, select, update
from sqlalchemy.sql.dml import ReturningInsert

from bot.insights import Candidate, Decision, ScannedMessage, SightingState
from bot.model import Identity, State, Thread, Tie, TieKind, TieSource
from bot.store import Store, cards, now, questions, schema, ties
from bot.store.conditions import identity_of, in_channel, in_thread, place, this_channel
from bot.store.connection import Connection
from bot.store.dialects import insert_on
from bot.store.jobs import enqueue, thread_key
from bot.store.offers import Rules, SightingDecision, as_candidate, columns_of, offer_pending
from bot.store.schema import card_insights, insights, sightings
from bot.store.transaction import JobKind, Transaction


@dataclass(frozen=True, slots=True)
class Sighted:
    """What came of a message: how many sightings were new, and the decisions; `tie` is None while it is unknown."""

    new: int = 0
    tie: Tie | None = None
    decided: Sequence[SightingDecision] = ()


_NOT_OFFERED = (
    select(sightings.c.reason, func.count().label("links"))
    .outerjoin(insights, insights.c.id == sightings.c.insight)
    .where(
        this_channel(sightings),
        or_(
            sightings.c.reason.in_([Decision.TOO_MANY, Decision.ON_CASE]),
            and_(sightings.c.reason == Decision.ADDED, insights.c.state == State.ADDED),
        ),
        sightings.c.message_ts.in_(bindparam("messages", expanding=True, type_=String)),
    )
    .group_by(sightings.c.reason)
)


async def sight(store: Store, seen: ScannedMessage, rules: Callable[[], Awaitable[Rules]]) -> Sighted:
    """Store the links of a message; in a tied thread they are offered in the same transaction.

    Slack sends an event more than once: then nothing is new. A thread known to be about no case costs one read; one of
    which nothing is known gets a job that finds out. `rules` is called only where the message matters here.
    """
    async with store.read() as connection:
        tie = await ties.of(connection, seen.thread, bare_root=seen.is_bare_root)
        if not await _matters(connection, seen, tie):
            return Sighted()
    offered_by = await rules()
    while True:
        async with store.write() as tx:
            if tie is not None and tie.kind is TieKind.TIED:
                await ties.lock_case(tx, tie.org, tie.case_id)
            locked, tie = tie, await ties.of(tx, seen.thread, bare_root=seen.is_bare_root)
            if tie is None or tie.kind is not TieKind.TIED or tie == locked:
                return await _write_down(tx, seen, tie, offered_by)


async def _matters(connection: Connection, seen: ScannedMessage, tie: Tie | None) -> bool:
    if tie is None:
        # A root without a case is about none; its thread is looked up when a reply brings a link.
        return bool(seen.names) if seen.is_root else bool(seen.found or seen.names)
    if tie.kind is TieKind.NO_CASE and not seen.is_root and seen.names:
        return not await questions.was_asked(connection, seen.thread)
    return bool(seen.found) and tie.kind in (TieKind.TIED, TieKind.NAMED)


async def _write_down(tx: Transaction, seen: ScannedMessage, tie: Tie | None, rules: Rules) -> Sighted:
    at = await now(tx)
    if tie is not None and tie.kind is TieKind.TIED:
        by_channel = tie.source is TieSource.CHANNEL
        if by_channel and seen.is_root:
            await ties.set_from_root(tx, seen.thread, TieKind.NO_CASE, at)
        new = await insert(tx, seen, at)
        rolling = by_channel and seen.is_root and seen.by_bot
        return Sighted(new, tie, await offer_pending(tx, seen.thread, tie, rules, at, rolling=rolling))
    if seen.asks:
        await enqueue(tx, JobKind.THREAD, thread_key(seen.thread))
    if seen.names:
        await (ties.name if seen.is_root else ties.reply_names)(tx, seen.thread, seen.names, at, seen.poster)
    return Sighted(await insert(tx, seen, at))


async def insert(tx: Transaction, seen: ScannedMessage, at: float) -> int:
    """Store a message's links; returns how many were new."""
    if not seen.found:
        return 0
    message = {**place(seen.thread), "message_ts": seen.message_ts, "poster": seen.poster, "at": at}
    rows = [
        {
            **message,
            **columns_of(candidate.insight),
            "orgs": json.dumps(candidate.orgs),
            "draft": candidate.draft,
            "quoted": candidate.quoted,
            "state": SightingState.PENDING,
        }
        for candidate in seen.found
    ]
    # Not `rowcount`: after an INSERT psycopg's is -1.
    return len(await tx.execute(_insert(tx.dialect.name), rows))


@cache
def _insert(dialect: str) -> ReturningInsert[tuple[int]]:
    """A link that one edit took out and another put back is new again."""
    row = insert_on(dialect, sightings)
    again = row.on_conflict_do_update(
        index_elements=["workspace", "channel", "message_ts", "type", "scope", "resource_id"],
        set_={name: row.excluded[name] for name in ("state", "at", "quoted")},
        where=sightings.c.state == SightingState.GONE,
    )
    return again.returning(sightings.c.id)


async def not_offered(connection: Connection, thread: Thread, messages: Collection[str]) -> Counter[str]:
    """How many links of these messages are not offered because there are too many, or are on the case already."""
    rows = await connection.execute(_NOT_OFFERED, {**place(thread), "messages": messages})
    return Counter({str(row.reason): int(row.links) for row in rows})


async def posters(connection: Connection, thread: Thread, more_than: int) -> Sequence[str | None]:
    """Who has more than so many pending links in this thread."""
    pending = in_thread(sightings, thread) & (sightings.c.state == SightingState.PENDING)
    by_poster = select(sightings.c.poster).where(pending).group_by(sightings.c.poster)
    return (await connection.execute(by_poster.having(func.count() > more_than))).scalars()


async def thread_of(connection: Connection, workspace: str, channel: str, message_ts: str) -> Thread | None:
    """The thread of a message, if links of it were stored."""
    message = _of_message(Thread(workspace, channel, ""), message_ts)
    ts = (await connection.execute(select(sightings.c.thread_ts).where(message).limit(1))).scalar_one_or_none()
    return None if ts is None else Thread(workspace, channel, ts)


async def of_message(connection: Connection, thread: Thread, message_ts: str) -> tuple[Candidate, ...]:
    """The stored links that a message still has."""
    still = _of_message(thread, message_ts) & (sightings.c.state != SightingState.GONE)
    return tuple(as_candidate(row) for row in await connection.execute(select(sightings).where(still)))


async def take_back(store: Store, thread: Thread, message_ts: str, gone: Sequence[Identity]) -> int:
    """Withdraw the offers of links that an edit or a deletion took out of a message; returns how many.

    An offer that another message brings, too, stays.
    """
    if not gone:
        return 0
    message = in_thread(sightings, thread) & (sightings.c.message_ts == message_ts)
    async with store.read() as connection:
        if (await connection.execute(select(sightings.c.id).where(message).limit(1))).first() is None:
            return 0
    async with store.write() as tx:
        tie = await ties.of(tx, thread)
        if tie is not None and tie.kind is TieKind.TIED:
            await ties.lock_case(tx, tie.org, tie.case_id)
        else:
            await enqueue(tx, JobKind.THREAD, thread_key(thread))
        at = await now(tx)
        brought = [insight for identity in gone for insight in await _mark_gone(tx, message, identity)]
        withdrawn = [insight for insight in brought if await withdraw(tx, insight, at)]
        await cards.touch(tx, withdrawn)
        return len(withdrawn)


async def withdraw(tx: Transaction, insight: int, at: float) -> bool:
    """Withdraw this offer unless another message still has its link."""
    elsewhere = select(sightings.c.id).where(sightings.c.insight == insight, sightings.c.state != SightingState.GONE)
    if (await tx.execute(elsewhere.limit(1))).first() is not None:
        return False
    return bool(await cards.move(tx, [insight], cards.Change(State.WITHDRAWN, at), was=State.OFFERED))


def _of_message(thread: Thread, message_ts: str) -> ColumnElement[bool]:
    """The rows of a message, whatever thread of this channel it is in."""
    return in_channel(sightings, thread) & (sightings.c.message_ts == message_ts)


async def _mark_gone(tx: Transaction, message: ColumnElement[bool], identity: Identity) -> list[int]:
    """Mark a link of this message as gone; returns the insights that were made of it."""
    link = and_(
        message,
        sightings.c.type == identity.type,
        sightings.c.scope == identity.scope,
        sightings.c.resource_id == identity.resource_id,
    )
    gone = update(sightings).where(link).values(state=SightingState.GONE).returning(sightings.c.insight)
    return [insight for insight in (await tx.execute(gone)).scalars() if insight is not None]


@dataclass(frozen=True, slots=True)
class Trace:
    """What became of a link: `reason` says why it is not offered; the rest is its insight's, if it became one.

    `card_channel` and `card_ts`: the newest card in Slack that shows it.
    """

    state: SightingState
    reason: str
    became: State | None
    by: str | None
    at: float
    card_channel: str
    card_ts: str


async def trace(connection: Connection, thread: Thread, message_ts: str) -> dict[Identity, Trace]:
    """What became of each stored link of this message."""
    moved = (insights.c.state.label("became"), insights.c.by.label("moved_by"), insights.c.at.label("moved_at"))
    rows = await connection.execute(
        select(sightings, *moved)
        .outerjoin(insights, insights.c.id == sightings.c.insight)
        .where(in_thread(sightings, thread), sightings.c.message_ts == message_ts)
    )
    traces: dict[Identity, Trace] = {}
    for row in list(rows):
        channel, ts = await _newest_card(connection, row.insight) if row.insight else ("", "")
        became = State(row.became) if row.became else None
        traces[identity_of(row)] = Trace(
            SightingState(row.state), row.reason or "", became, row.moved_by, row.moved_at or row.at, channel, ts
        )
    return traces


async def _newest_card(connection: Connection, insight: int) -> tuple[str, str]:
    newest = (
        select(schema.cards.c.channel, schema.cards.c.ts)
        .join(card_insights, card_insights.c.card == schema.cards.c.id)
        .where(card_insights.c.insight == insight, schema.cards.c.ts.is_not(None), schema.cards.c.ended.is_(None))
        .order_by(schema.cards.c.first_link_at.desc())
        .limit(1)
    )
    row = (await connection.execute(newest)).one_or_none()
    return (row.channel, row.ts) if row else ("", "")
