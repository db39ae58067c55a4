"""Cases as Datadog last told of them, and the work of bringing insights to them."""

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import and_, bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import metrics
from bot.model import Case, Identity, InsightType, State
from bot.store import cards, now
from bot.store.engine import insert_into, server_now
from bot.store.schema import cases, insights

LATE_SECONDS = 120.0
"""Whoever confirmed has stopped watching the card by then: a failure is said in the thread, too."""


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One insight that is to be put on its case, or taken off.

    `sent_ago`: seconds since a call left that carried it and may have arrived, many for one that has ended; None: none.
    """

    id: int
    identity: Identity
    ref: str
    state: State
    sent_ago: float | None
    confirmed_at: float

    @property
    def sent(self) -> bool:
        return self.sent_ago is not None


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What became of one insight: `was` is it when its call left, `note` a sentence when it went wrong."""

    was: WorkItem
    state: State
    note: str = ""
    ours: bool | None = None


# Made once, see `jobs`.
_THIS = and_(cases.c.org == bindparam("org"), cases.c.case_id == bindparam("case_id"))
_GET = select(cases).where(_THIS)
_TOLD_AGO = select(server_now() - cases.c.read_at).where(_THIS)
_WORK = (
    select(insights, (server_now() - insights.c.sent_at).label("sent_ago"))
    .where(
        insights.c.org == bindparam("org"),
        insights.c.case_id == bindparam("case_id"),
        insights.c.state.in_([State.CONFIRMED, State.UNDOING]),
    )
    .order_by(insights.c.confirmed_at, insights.c.id)
)


async def save(tx: AsyncConnection, case: Case) -> None:
    """Keep what Datadog answered, and bring every card up to date that asks under an older key, title or status.

    What is offered and turned out to be on the case already is withdrawn: offering it again would double it.
    A case that came from here tells nothing new, and what is stored by now may be newer.
    """
    if case.stored:
        return
    at = await now(tx)
    old = await get(tx, case.org, case.case_id)
    told = {
        "key": case.key,
        "title": case.title,
        "closed": case.closed,
        "archived": case.archived,
        "on_case": json.dumps(sorted(case.on_case)),
        "read_at": at,
    }
    row = insert_into(tx, cases).values(org=case.org, case_id=case.case_id, **told)
    await tx.execute(row.on_conflict_do_update(index_elements=[cases.c.org, cases.c.case_id], set_=told))
    if old is not None and case.on_case - old.on_case:
        await _withdraw_present(tx, case, at)
    if old is not None and replace(old, on_case=case.on_case) != case:
        of_case = (insights.c.org == case.org) & (insights.c.case_id == case.case_id)
        asking = select(insights.c.id).where(of_case, insights.c.state == State.OFFERED)
        await cards.touch(tx, (await tx.execute(asking)).scalars().all())


async def get(connection: AsyncConnection, org: str, case_id: str) -> Case | None:
    row = (await connection.execute(_GET, {"org": org, "case_id": case_id})).one_or_none()
    if row is None:
        return None
    on_case = frozenset(Identity(InsightType(kind), scope, rid) for kind, scope, rid in json.loads(row.on_case))
    return Case(row.org, row.case_id, row.key, row.title, row.closed, row.archived, on_case, stored=True)


async def named(connection: AsyncConnection, org: str, name: str, *, told_within: float = math.inf) -> Case | None:
    """The case of this key or UUID as the store knows it: by the key that Datadog last told, so many seconds ago."""
    mine = (cases.c.org == org) & or_(cases.c.key == name, cases.c.case_id == name)
    if told_within < math.inf:
        mine &= cases.c.read_at > server_now() - told_within
    latest = select(cases.c.case_id).where(mine).order_by(cases.c.read_at.desc()).limit(1)
    row = (await connection.execute(latest)).one_or_none()
    return None if row is None else await get(connection, org, row.case_id)


async def orgs(connection: AsyncConnection) -> set[str]:
    """The organisations whose cases are known."""
    return set((await connection.execute(select(cases.c.org).distinct())).scalars())


async def told_ago(connection: AsyncConnection, org: str, case_id: str) -> float:
    """Seconds since Datadog last told of the case; endless where it never did."""
    ago = (await connection.execute(_TOLD_AGO, {"org": org, "case_id": case_id})).scalar_one_or_none()
    return math.inf if ago is None else ago


async def work(connection: AsyncConnection, org: str, case_id: str) -> list[WorkItem]:
    """What is confirmed and not on the case yet, and what is to come off it; oldest confirmation first."""
    found = await connection.execute(_WORK, {"org": org, "case_id": case_id})
    return [
        WorkItem(
            row.id,
            Identity(InsightType(row.type), row.scope, row.resource_id),
            row.ref,
            State(row.state),
            row.sent_ago,
            row.confirmed_at or row.at,
        )
        for row in found
    ]


async def mark_sent(tx: AsyncConnection, items: Sequence[WorkItem], at: float) -> list[WorkItem]:
    """Commit, before the call leaves, that it may arrive; returns the items that still are what they were.

    One that a person cancelled in the meantime is left out.
    """
    ids = {item.id for item in items}
    still = insights.c.id.in_(ids) & insights.c.state.in_({item.state for item in items})
    marked = await tx.execute(update(insights).where(still).values(sent_at=at).returning(insights.c.id))
    sent = set(marked.scalars())
    return [item for item in items if item.id in sent]


async def answered(tx: AsyncConnection, ids: Collection[int]) -> None:
    """The call that carried these has ended, well or not: Datadog will not carry it out any later."""
    mine = insights.c.id.in_(ids) & insights.c.sent_at.is_not(None)
    await tx.execute(update(insights).where(mine).values(sent_at=0.0))


async def unsent(tx: AsyncConnection, ids: Collection[int]) -> None:
    """It is certain that Datadog did not take these: the next try needs no look first."""
    if not ids:
        return
    await tx.execute(
        update(insights).where(insights.c.id.in_(ids), insights.c.state == State.CONFIRMED).values(sent_at=None)
    )


async def settle(tx: AsyncConnection, outcome: Sequence[DeliveryResult]) -> None:
    """Move each insight to what became of it, and bring its cards up to date. Under `lock_case`.

    One that left its state meanwhile (cancelled while the call was under way) keeps the person's decision.
    """
    at = await now(tx)
    alike: dict[tuple[State, cards.Change], dict[int, DeliveryResult]] = {}
    for each in outcome:
        change = cards.Change(each.state, at, note=each.note, ours=each.ours)
        alike.setdefault((each.was.state, change), {})[each.was.id] = each
    moved: list[DeliveryResult] = []
    for (was, change), group in alike.items():
        moved += [group[insight] for insight in await cards.move(tx, group, change, was=was)]
    await cards.touch(tx, [each.was.id for each in moved])  # locks the cards' jobs, which come before their cards
    for each in moved:
        if each.state is State.ADDED and each.was.state is State.CONFIRMED:
            metrics.click_to_case.observe(max(0.0, at - each.was.confirmed_at))
        if each.state is State.FAILED and at - each.was.confirmed_at > LATE_SECONDS:
            await cards.owe_late_reply(tx, each.was.id)


async def _withdraw_present(tx: AsyncConnection, case: Case, at: float) -> None:
    offered = await tx.execute(
        select(insights.c.id, insights.c.type, insights.c.scope, insights.c.resource_id).where(
            insights.c.org == case.org, insights.c.case_id == case.case_id, insights.c.state == State.OFFERED
        )
    )
    there = [row.id for row in offered if Identity(InsightType(row.type), row.scope, row.resource_id) in case.on_case]
    await cards.touch(tx, await cards.move(tx, there, cards.Change(State.WITHDRAWN, at), was=State.OFFERED))
