"""Upkeep: jobs that are missing are made again, and what is long finished goes.

A missing job would be a bug of ours; this keeps such a bug from stranding what a person confirmed.
"""

from sqlalchemy import and_, delete, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import State, Thread
from bot.store import Store, now
from bot.store.jobs import JobKind, case_key, enqueue, thread_key
from bot.store.schema import card_insights, cards, insights, jobs, sightings
from bot.store.sightings import SightingState

BATCH = 500
"""Rows that one transaction removes: others wait for it."""
UNFINISHED = (State.OFFERED, State.CONFIRMED, State.UNDOING)
"""Undecided, or under way."""


async def reconcile(store: Store) -> int:
    """Wake every job that should be there and is not; how many."""
    async with store.read() as connection:
        missing = [
            *[(JobKind.CASE, key) for key in await _cases(connection)],
            *[(JobKind.CARD, key) for key in await _cards(connection)],
            *[(JobKind.THREAD, key) for key in await _threads(connection)],
        ]
    for kind, key in missing:
        async with store.write() as tx:
            await enqueue(tx, kind, key)
    return len(missing)


async def prune(store: Store, keep: float) -> int:
    """Remove one batch of sightings and cards that were finished `keep` seconds ago; how many rows went.

    Insights stay: what was dismissed, undone or added once is not offered again.
    """
    unfinished = exists().where(insights.c.id == sightings.c.insight, insights.c.state.in_(UNFINISHED))
    async with store.write() as tx:
        before = await now(tx) - keep
        old = (
            select(sightings.c.id)
            .where(sightings.c.at < before, sightings.c.state != SightingState.PENDING, ~unfinished)
            .limit(BATCH)
        )
        gone = (await tx.execute(delete(sightings).where(sightings.c.id.in_(old)))).rowcount
        return gone + await _prune_cards(tx, before)


async def _prune_cards(tx: AsyncConnection, before: float) -> int:
    """Cards on which nothing is undecided or under way, and whose youngest insight moved long ago."""
    alive = (
        select(card_insights.c.card)
        .join(insights, insights.c.id == card_insights.c.insight)
        .where(
            card_insights.c.card == cards.c.id,
            insights.c.state.in_(UNFINISHED) | (insights.c.at >= before),
        )
    )
    shown = or_(cards.c.shown_version >= cards.c.version, cards.c.ended.is_not(None))
    old = select(cards.c.id).where(cards.c.first_link_at < before, ~exists(alive), shown).limit(BATCH)
    ids = list((await tx.execute(old)).scalars())
    await tx.execute(delete(card_insights).where(card_insights.c.card.in_(ids)))
    return (await tx.execute(delete(cards).where(cards.c.id.in_(ids)))).rowcount


async def _cases(connection: AsyncConnection) -> list[str]:
    at_work = insights.c.state.in_([State.CONFIRMED, State.UNDOING])
    found = await connection.execute(select(insights.c.org, insights.c.case_id).where(at_work).distinct())
    return await _without_job(connection, JobKind.CASE, [case_key(row.org, row.case_id) for row in found])


async def _cards(connection: AsyncConnection) -> list[str]:
    behind = and_(cards.c.ended.is_(None), cards.c.version > cards.c.shown_version)
    found = await connection.execute(select(cards.c.id).where(behind))
    return await _without_job(connection, JobKind.CARD, list(found.scalars()))


async def _threads(connection: AsyncConnection) -> list[str]:
    # Code changes alone never cause a look-up: they wait for a link that does.
    waits = and_(sightings.c.state == SightingState.PENDING, sightings.c.orgs != "[]")
    columns = (sightings.c.workspace, sightings.c.channel, sightings.c.thread_ts)
    found = await connection.execute(select(*columns).where(waits).distinct())
    return await _without_job(connection, JobKind.THREAD, [thread_key(Thread(*row)) for row in found])


async def _without_job(connection: AsyncConnection, kind: JobKind, keys: list[str]) -> list[str]:
    there = set((await connection.execute(select(jobs.c.key).where(jobs.c.kind == kind))).scalars())
    return [key for key in keys if key not in there]
