"""Adding on purpose: what a person names in a command or a modal is confirmed at once, whatever it was before."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import Identity, Insight, State, Thread
from bot.store import Store, cards, cases, now, offering, schema, ties
from bot.store.cards import Timing
from bot.store.jobs import JobKind, case_key, enqueue
from bot.store.joining import CardEntry, CardPlace, join
from bot.store.schema import card_insights, insights

AT_ONCE = Timing(0.0)


@dataclass(frozen=True, slots=True)
class Adding:
    """Insights for a case, by whom; its card goes to `thread`, and says that they came from `source_ts`."""

    thread: Thread
    org: str
    case_id: str
    items: Sequence[Insight]
    by: str
    source_ts: str
    source_poster: str | None


@dataclass(frozen=True, slots=True)
class Earlier:
    """Something that was on its way, or there, before: its state, and by whom (None: nobody here) and when."""

    identity: Identity
    state: State
    by: str | None
    at: float


@dataclass(frozen=True, slots=True)
class Added:
    """How many insights are on their way now, and those that needed nothing."""

    confirmed: int
    earlier: Sequence[Earlier]


async def add(store: Store, adding: Adding) -> Added:
    """Confirm these insights in one transaction; the caller wakes delivery."""
    async with store.write() as tx:
        return await add_in(tx, adding)


async def add_in(tx: AsyncConnection, adding: Adding) -> Added:
    """`add` within a transaction that has locked no card yet."""
    await ties.lock_case(tx, adding.org, adding.case_id)
    at = await now(tx)
    wanted = {each.identity: each for each in adding.items}
    case = await cases.get(tx, adding.org, adding.case_id)
    of_case = (insights.c.org == adding.org) & (insights.c.case_id == adding.case_id)
    names = {each.resource_id for each in adding.items}
    rows = await tx.execute(select(insights).where(of_case, insights.c.resource_id.in_(names)))
    known = {offering.identity_of(row): row for row in rows if offering.identity_of(row) in wanted}
    there = {identity for identity in wanted if case and identity in case.on_case}
    earlier = [
        Earlier(identity, State(row.state), row.by, row.at)
        for identity, row in known.items()
        if row.state in (State.CONFIRMED, State.ADDED, State.UNDOING)
    ]
    earlier += [Earlier(identity, State.ADDED, None, at) for identity in there if identity not in known]
    settled = {each.identity for each in earlier}
    new = [each for identity, each in wanted.items() if identity not in known and identity not in settled]
    made = await offering.make(tx, [_row(adding, each) for each in new], at)
    message = f"{adding.thread.workspace}/{adding.thread.channel}/{adding.source_ts}"
    await cards.record(tx, dict.fromkeys(made.values(), message), None, cards.Change(State.OFFERED, at))
    ids = {**{one: row.id for one, row in known.items() if one not in settled}, **made}
    for identity, row in known.items():
        # What may be on the case as it was sent keeps its ref: only with that one it could be taken off again.
        if identity in ids and (row.sent_at is None or row.state == State.UNDONE):
            given = {"draft": False, "ref": wanted[identity].ref, "host": wanted[identity].host}
            await tx.execute(update(insights).where(insights.c.id == row.id).values(**given))
    confirmed: list[int] = []
    change = cards.Change(State.CONFIRMED, at, by=adding.by, deliberate=True)
    for was in (State.OFFERED, State.DISMISSED, State.UNDONE, State.WITHDRAWN, State.FAILED):
        confirmed += await cards.move(tx, list(ids.values()), change, was=was)
    await _show(tx, adding, confirmed, at)
    return Added(len(confirmed), earlier)


async def _show(tx: AsyncConnection, adding: Adding, confirmed: Sequence[int], at: float) -> None:
    """On the cards that show them, and here where none does."""
    if not confirmed:
        return
    await cards.touch(tx, confirmed)
    here = select(card_insights.c.insight).where(
        card_insights.c.insight.in_(confirmed),
        card_insights.c.card.in_(
            select(schema.cards.c.id).where(
                schema.cards.c.workspace == adding.thread.workspace,
                schema.cards.c.channel == adding.thread.channel,
                schema.cards.c.thread_ts == adding.thread.ts,
                schema.cards.c.ended.is_(None),
            )
        ),
    )
    shown = set((await tx.execute(here)).scalars())
    missing = [CardEntry(each, adding.source_poster, adding.source_ts) for each in confirmed if each not in shown]
    if missing:
        await join(tx, CardPlace(adding.thread, adding.org, adding.case_id), missing, AT_ONCE, at)
    await enqueue(tx, JobKind.CASE, case_key(adding.org, adding.case_id))


def _row(adding: Adding, insight: Insight) -> dict[str, object]:
    return {
        "org": adding.org,
        "case_id": adding.case_id,
        "type": insight.type,
        "scope": insight.scope,
        "resource_id": insight.resource_id,
        "ref": insight.ref,
        "host": insight.host,
        "draft": False,
    }
