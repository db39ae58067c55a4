"""Retention: what was finished long ago is deleted. And reconciliation: jobs that are missing are made again.

A missing job would be a bug of ours; this keeps such a bug from stranding what a person confirmed.
"""

from sqlalchemy import ColumnElement, Select, delete, exists, func, literal_column, or_, select, text, true

from bot.insights import SightingState
from bot.model import NoteType, State
from bot.store import Store, now
from bot.store.conditions import AT_WORK, in_states
from bot.store.creations import CreationState
from bot.store.jobs import enqueue
from bot.store.schema import (
    card_insights,
    cards,
    creations,
    insights,
    jobs,
    mentions,
    reactions,
    sightings,
    ties,
)
from bot.store.transaction import JobKind, Transaction

BATCH = 100
"""Rows that one transaction deletes: others wait for it."""
DAY = 86_400.0
"""Seconds: so much of what is small goes at once."""
PRUNE_MILLISECONDS = 10_000
LOCK = 0x4361736565
"""PostgreSQL's advisory lock of the replica that prunes."""
_CODE_ALONE = sightings.c.orgs == "[]"
"""A code change causes no look-up: in a thread about no case it waits for ever."""
_FINISHED = {
    mentions: true(),
    creations: creations.c.state == CreationState.DONE,
    reactions: true(),
    ties: (ties.c.kind == literal_column("'no_case'")) & ties.c.replied.is_(None),
}
"""What is only kept so that it is not done twice within days. A root that named no case can be looked up again."""
ALIVE = (State.OFFERED, *AT_WORK)
"""Undecided, or under way."""


def _missing(kind: JobKind, key: ColumnElement[str], *expected: ColumnElement[bool]) -> Select[str]:
    """The keys of the jobs of this kind that should exist and do not."""
    there = exists().where(jobs.c.kind == kind, jobs.c.key == key)
    return select(key.label("key")).where(*expected, ~there).distinct().limit(BATCH)


_CASE = insights.c.org + "/" + insights.c.case_id
# With keys as `creations.Creation.key`, `jobs.case_key` and `jobs.thread_key` make them.
_MISSING = {
    JobKind.CASE: _missing(JobKind.CASE, _CASE, in_states(insights.c.state, AT_WORK), insights.c.type != NoteType.NOTE),
    JobKind.COMMENT: _missing(
        JobKind.COMMENT,
        _CASE + "/" + insights.c.from_thread,
        in_states(insights.c.state, AT_WORK),
        insights.c.type == NoteType.NOTE,
    ),
    JobKind.CARD: _missing(JobKind.CARD, cards.c.id, cards.c.ended.is_(None), cards.c.version > cards.c.shown_version),
    JobKind.CREATE: _missing(
        JobKind.CREATE, creations.c.org + "/" + creations.c.marker, creations.c.state != literal_column("'done'")
    ),
    # Code changes alone never cause a look-up: they wait for a link that does.
    JobKind.THREAD: _missing(
        JobKind.THREAD,
        sightings.c.workspace + "/" + sightings.c.channel + "/" + sightings.c.thread_ts,
        sightings.c.state == literal_column("'pending'"),
        sightings.c.orgs != "[]",
    ),
}


async def reconcile(store: Store) -> int:
    """Enqueue jobs that are missing, up to a hundred of each kind; returns how many were."""
    async with store.read() as connection:
        missing = [(kind, key) for kind, keys in _MISSING.items() for (key,) in await connection.execute(keys)]
    for kind, key in missing:
        async with store.write() as tx:
            await enqueue(tx, kind, key)
    return len(missing)


async def prune(store: Store, keep: float) -> int:
    """Delete one batch of each table's rows that were finished `keep` seconds ago; returns how many.

    Insights stay: what was dismissed, undone or added once is not offered again.
    """
    unfinished = exists().where(insights.c.id == sightings.c.insight, in_states(insights.c.state, ALIVE))
    async with store.write() as tx:
        if not await _is_alone(tx):
            return 0
        before = await now(tx) - keep
        old = (
            select(sightings.c.id)
            .where(sightings.c.at < before, or_(sightings.c.state != SightingState.PENDING, _CODE_ALONE), ~unfinished)
            .order_by(sightings.c.at)
            .limit(BATCH)
        )
        deleted = (await tx.execute(delete(sightings).where(sightings.c.id.in_(old)))).rowcount
        for table, finished in _FINISHED.items():
            oldest = (await tx.execute(select(func.min(table.c.at)).where(finished))).scalar_one()
            if oldest is not None and oldest < before:
                old_rows = delete(table).where(finished, table.c.at < min(before, oldest + DAY))
                deleted += (await tx.execute(old_rows)).rowcount
        return deleted + await _prune_cards(tx, before)


async def _is_alone(tx: Transaction) -> bool:
    """Make this replica the one that prunes; False: another one does. Pruning may take longer than a click."""
    if tx.dialect.name == "sqlite":
        return True
    await tx.execute(text(f"SET LOCAL statement_timeout = {PRUNE_MILLISECONDS}"))
    return (await tx.execute(text(f"SELECT pg_try_advisory_xact_lock({LOCK})"))).scalar_one()


async def _prune_cards(tx: Transaction, before: float) -> int:
    """Cards on which nothing is undecided or under way, and whose youngest insight moved long ago."""
    alive = (
        select(card_insights.c.card)
        .join(insights, insights.c.id == card_insights.c.insight)
        .where(
            card_insights.c.card == cards.c.id,
            in_states(insights.c.state, ALIVE) | (insights.c.at >= before),
        )
    )
    shown = or_(cards.c.shown_version >= cards.c.version, cards.c.ended.is_not(None))
    long_ago = select(cards.c.id).where(cards.c.first_link_at < before, ~exists(alive), shown)
    old = long_ago.order_by(cards.c.first_link_at).limit(BATCH)
    ids = list((await tx.execute(old)).scalars())
    await tx.execute(delete(card_insights).where(card_insights.c.card.in_(ids)))
    return (await tx.execute(delete(cards).where(cards.c.id.in_(ids)))).rowcount
