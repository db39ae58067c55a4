"""Cases as Datadog last described them, and the work of bringing insights to them."""

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sqlalchemy import bindparam, or_, select, update

from bot import metrics
from bot.insights import FRESH_SECONDS, reads_first
from bot.model import Case, Identity, InsightType, State
from bot.store import cards, now, schema, thread_comments
from bot.store.cards import Timing
from bot.store.conditions import AT_WORK, TYPES, identity_of, same_case, this_case
from bot.store.connection import Connection, Result
from bot.store.dialects import server_now, upsert
from bot.store.jobs import case_key
from bot.store.schema import cases, insights
from bot.store.transaction import JobKind, Transaction
from bot.store.work_items import WorkItem, work_item

LATE_SECONDS = 120.0
"""By then nobody watches the card any more: a failure is also said in the thread."""


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What became of one insight. `was`: the insight as it was when it was sent; `note`: a sentence where it failed."""

    was: WorkItem
    state: State
    note: str = ""
    ours: bool | None = None


# Made once, see `jobs`.
_CASES = select(cases, (server_now() - cases.c.read_at).label("read_ago"))
_GET = _CASES.where(this_case(cases))
_LOCK = _GET.with_for_update()
_OF_CARD = _CASES.join(schema.cards, same_case(schema.cards, cases)).where(
    schema.cards.c.id == bindparam("card"), schema.cards.c.workspace == bindparam("workspace")
)
_WORK = (
    select(insights, (server_now() - insights.c.sent_at).label("sent_ago"))
    .where(this_case(insights), insights.c.state.in_(AT_WORK))
    .order_by(insights.c.confirmed_at, insights.c.id)
)
_MARK_SENT = (
    update(insights)
    .where(
        insights.c.id.in_(bindparam("sending", expanding=True)),
        insights.c.state.in_(bindparam("still", expanding=True)),
    )
    .values(sent_at=bindparam("when"))
    .returning(insights.c.id)
)
_OFFERED = select(insights).where(this_case(insights), insights.c.state == State.OFFERED)
_OFFERED_AND_LISTED = _OFFERED.where(insights.c.resource_id.in_(bindparam("listed", expanding=True)))


async def save(tx: Transaction, case: Case, *, lists_all: bool = True, at: float | None = None) -> None:
    """Store what Datadog answered. Under `lock_case`. `lists_all` False: more may be on the case, so it is stale.

    `at`: the database's time, if it is known. Every card that offers something under an older key, title or status is
    updated. An offer that is on the case already is withdrawn: a second copy would be added.
    """
    at = at or await now(tx)
    old = await get(tx, case.org, case.case_id)
    values = {name: getattr(case, name) for name in ("key", "title", "closed", "archived")}
    values |= {"on_case": json.dumps(sorted(case.on_case)), "read_at": at if lists_all else at - FRESH_SECONDS}
    await upsert(tx, cases, {"org": case.org, "case_id": case.case_id}, values)
    if old is not None and case.on_case - old.on_case:
        await _withdraw_present(tx, case, at)
    if old is not None and replace(old, on_case=case.on_case) != case:
        await cards.touch(tx, [row.id for row in await tx.execute(_OFFERED, _this(case))])


async def get(connection: Connection, org: str, case_id: str) -> Case | None:
    return _case(await connection.execute(_GET, {"org": org, "case_id": case_id}))


async def lock(tx: Transaction, org: str, case_id: str) -> Case | None:
    """As `ties.lock_case`; returns the case as it is under the lock."""
    return _case(await tx.execute(_LOCK, {"org": org, "case_id": case_id}))


async def of_card(connection: Connection, card: str, workspace: str) -> Case | None:
    """The case that a card is about; None: this workspace has no such card."""
    return _case(await connection.execute(_OF_CARD, {"card": card, "workspace": workspace}))


def _case(rows: Result) -> Case | None:
    row = rows.one_or_none()
    if row is None:
        return None
    on_case = _listed(row.on_case)
    return Case(row.org, row.case_id, row.key, row.title, row.closed, row.archived, on_case, row.read_ago)


@lru_cache(64)
def _listed(on_case: str) -> frozenset[Identity]:
    """Kept: a click reads its case five times."""
    listed = json.loads(on_case)
    return frozenset(Identity(InsightType(kind), scope, resource) for kind, scope, resource in listed if kind in TYPES)


async def named(connection: Connection, org: str, name: str, *, read_within: float = math.inf) -> Case | None:
    """The stored case of this key or UUID, if Datadog was asked less than this many seconds ago.

    Of several cases that had the key, it is the one that Datadog described last.
    """
    known = (cases.c.org == org) & or_(cases.c.key == name, cases.c.case_id == name)
    if read_within < math.inf:
        known &= cases.c.read_at > server_now() - read_within
    latest = select(cases.c.case_id).where(known).order_by(cases.c.read_at.desc()).limit(1)
    case_id = (await connection.execute(latest)).scalar_one_or_none()
    return None if case_id is None else await get(connection, org, case_id)


async def orgs(connection: Connection) -> set[str]:
    """The organisations that have stored cases."""
    return set((await connection.execute(select(cases.c.org).distinct())).scalars())


async def send_at_once(tx: Transaction, case: Case, at: float) -> None:
    """Mark what is to be added as sent, which saves a transaction: it leaves once this one is committed.

    Only where this transaction took the case's job, all work on insights is one batch to add, and Datadog need not be
    asked first. Under `lock_case`; `case` is as this transaction read it.
    """
    key = JobKind.CASE, case_key(case.org, case.case_id)
    job = tx.taken.get(key)
    if job is None:
        return
    todo = [item for item in await work(tx, case.org, case.case_id) if not item.is_note]
    if len(todo) > job.batch_size or any((item.state, item.is_known) != (State.CONFIRMED, True) for item in todo):
        return
    adding = [item.identity for item in todo]
    if not reads_first(adding, case, sent=any(item.sent for item in todo)):
        sending = await mark_sent(tx, todo, at)
        tx.taken[key] = replace(job, leaving=frozenset(item.id for item in sending))


async def work(connection: Connection, org: str, case_id: str) -> list[WorkItem]:
    """What is to be put on the case or taken off, notes too; oldest confirmation first."""
    return [work_item(row) for row in await connection.execute(_WORK, {"org": org, "case_id": case_id})]


async def mark_sent(tx: Transaction, items: Sequence[WorkItem], at: float) -> list[WorkItem]:
    """Mark these as sent, to be committed before the call; returns those that a person has not cancelled meanwhile."""
    values = {"sending": [item.id for item in items], "still": list({item.state for item in items}), "when": at}
    sent = set((await tx.execute(_MARK_SENT, values)).scalars())
    return [item for item in items if item.id in sent]


async def answered(tx: Transaction, ids: Collection[int]) -> None:
    """Store that the call with these has ended, well or not: Datadog will not execute it later."""
    sent = insights.c.id.in_(ids) & insights.c.sent_at.is_not(None)
    await tx.execute(update(insights).where(sent).values(sent_at=0.0))


async def unsent(tx: Transaction, ids: Collection[int]) -> None:
    """Store that Datadog certainly did not take these: the next attempt need not check first."""
    if ids:
        still = insights.c.id.in_(ids) & (insights.c.state == State.CONFIRMED)
        await tx.execute(update(insights).where(still).values(sent_at=None))


async def settle(tx: Transaction, results: Sequence[DeliveryResult], timing: Timing) -> float:
    """Move each insight to its new state, and bring its cards and its thread's comment up to date. Under `lock_case`.

    An insight that a person moved during the call (cancelled it) keeps that decision. Returns the time of the moves.
    """
    at = await now(tx)
    alike: dict[tuple[State, cards.Change], dict[int, DeliveryResult]] = {}
    for result in results:
        change = cards.Change(result.state, at, note=result.note, ours=result.ours)
        alike.setdefault((result.was.state, change), {})[result.was.id] = result
    moved: list[DeliveryResult] = []
    places = set[tuple[str, str, str | None]]()
    for (was, change), group in alike.items():
        ids = await cards.move(tx, group, change, was=was)
        moved += [group[insight] for insight in ids]
        if change.state is not State.FAILED:  # a note is settled by the comment itself
            told = {one: thread for one, thread in ids.items() if not group[one].was.is_note}
            places |= {(group[one].was.row.org, group[one].was.row.case_id, thread) for one, thread in told.items()}
    await thread_comments.changed(tx, places, timing)
    await cards.touch(tx, [result.was.id for result in moved])  # locks the cards' jobs, which come before their cards
    for result in moved:
        took = at - result.was.confirmed_at
        if result.state is State.ADDED and result.was.state is State.CONFIRMED:
            metrics.click_to_case.observe(max(0.0, took))
        if result.state is State.FAILED and took > LATE_SECONDS:
            await cards.owe_late_reply(tx, result.was.id)
    return at


async def _withdraw_present(tx: Transaction, case: Case, at: float) -> None:
    listed = [identity.resource_id for identity in case.on_case]
    rows = await tx.execute(_OFFERED_AND_LISTED, {**_this(case), "listed": listed})
    present = [row.id for row in rows if identity_of(row) in case.on_case]
    await cards.touch(tx, await cards.move(tx, present, cards.Change(State.WITHDRAWN, at), was=State.OFFERED))


def _this(case: Case) -> dict[str, str]:
    return {"org": case.org, "case_id": case.case_id}
