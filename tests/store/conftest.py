"""A store on each database, and the few things that happen to it: a tie, links pasted, a click."""

from collections.abc import Sequence

from sqlalchemy import select, update

from bot.insights import Action, Candidate
from bot.model import Card, CardItem, Case, CaseName, Identity, Insight, InsightType, State, Thread, TieKind
from bot.store import Store, cards, cases, clicks, now, schema, sightings, tie_changes, ties
from bot.store.cards import Timing
from bot.store.clicks import Click, Clicked
from bot.store.offers import Rules
from bot.store.sightings import ScannedMessage
from bot.store.transaction import JobKind

THREAD = Thread("T0ACME", "C0INCIDENTS", "1000.000100")
ELSEWHERE = Thread("T0ACME", "C0GENERAL", "2000.000100")
CASE = Case("default", "7d16945b-baf8-411e-ab2a-20fe43af1ea3", "CASEM-4523", "Memory leak", False, False, frozenset())
OTHER_CASE = Case(
    "default", "11111111-baf8-411e-ab2a-20fe43af1ea3", "CASEM-9", "Something else", False, False, frozenset()
)
REPLY = "1000.000200"
TIMING = Timing(2.0)


def monitor(number: int) -> Insight:
    return Insight(InsightType.MONITOR, str(number), f"/monitors/{number}", "app.datadoghq.com")


def monitors(*numbers: int) -> list[Insight]:
    return [monitor(number) for number in numbers]


def identity(number: int) -> Identity:
    return monitor(number).identity


async def tie(store: Store, thread: Thread = THREAD, case: Case = CASE) -> None:
    async with store.write() as tx:
        await cases.save(tx, case)
        await ties.set_from_root(tx, thread, TieKind.TIED, await now(tx), org=case.org, case_id=case.case_id)


async def tie_by_hand(store: Store, place: Thread, case: Case, by: str) -> bool:
    """Somebody ties a thread or a channel to a case that Datadog described before."""
    async with store.write() as tx:
        await cases.save(tx, case)
    return await tie_changes.tie(store, place, case, by)


async def paste(
    store: Store,
    *found: Insight,
    thread: Thread = THREAD,
    ts: str = REPLY,
    poster: str = "U0ANA",
    names: tuple[CaseName, ...] = (),
    org: str = CASE.org,
) -> int:
    """A message with these links, on a web host of `org`; those of code changes are on none."""
    seen = tuple(Candidate(each, () if each.type is InsightType.SCM_URL else (org,)) for each in found)
    return (await sightings.sight(store, ScannedMessage(thread, ts, poster, seen, names), ask)).new


async def ask() -> Rules:
    """What everybody posts gets a card."""
    return Rules(TIMING)


async def take_back(store: Store, *numbers: int, thread: Thread = THREAD, ts: str = REPLY) -> int:
    return await sightings.take_back(store, thread, ts, [identity(number) for number in numbers])


async def cards_of(store: Store, thread: Thread = THREAD) -> list[Card]:
    """The thread's cards, oldest first; of two that one message made, the one that takes more links is the newer."""
    mine = (schema.cards.c.channel == thread.channel) & (schema.cards.c.thread_ts == thread.ts)
    order = (schema.cards.c.first_link_at, schema.cards.c.open)
    async with store.read() as connection:
        ids = (await connection.execute(select(schema.cards.c.id).where(mine).order_by(*order))).scalars().all()
        found = [await cards.get(connection, card) for card in ids]
    return [card for card in found if card is not None]


async def card_of(store: Store, thread: Thread = THREAD) -> Card:
    (card,) = await cards_of(store, thread)
    return card


async def items_of(store: Store, card: Card) -> list[CardItem]:
    async with store.read() as connection:
        return await cards.items(connection, card.id)


async def on_cards(store: Store, thread: Thread = THREAD) -> list[list[str]]:
    """What each card of the thread holds, by resource id."""
    return [[item.resource_id for item in await items_of(store, card)] for card in await cards_of(store, thread)]


async def states(store: Store, case: Case = CASE) -> dict[str, State]:
    """The state of each insight of a case, by resource id."""
    table = schema.insights
    async with store.read() as connection:
        rows = await connection.execute(
            select(table.c.resource_id, table.c.state).where(table.c.case_id == case.case_id).order_by(table.c.id)
        )
    return {row.resource_id: State(row.state) for row in rows}


async def press(
    store: Store, card: Card, action: Action, *ticked: int, by: str = "U0ANA", version: int | None = None
) -> Clicked:
    """Press a button with these monitors ticked, on the card as it is or as it was."""
    ids = {int(item.resource_id): item.id for item in await items_of(store, card)}
    seen = card.version if version is None else version
    clicked = await clicks.press(store, Click(card.id, seen, action, by, frozenset(ids[one] for one in ticked)))
    assert clicked is not None
    return clicked


async def jobs_of(store: Store, kind: JobKind) -> Sequence[str]:
    async with store.read() as connection:
        rows = await connection.execute(select(schema.jobs.c.key).where(schema.jobs.c.kind == kind))
    return sorted(rows.scalars())


async def sighted(store: Store) -> list[tuple[str, str, str | None]]:
    """Every sighting: its message, state and reason."""
    table = schema.sightings
    async with store.read() as connection:
        rows = await connection.execute(select(table.c.message_ts, table.c.state, table.c.reason).order_by(table.c.id))
    return [(row.message_ts, row.state, row.reason) for row in rows]


async def age(store: Store, card: Card, seconds: float) -> None:
    """Let a card be older than it is: times are the database's clock, which no test can turn."""
    async with store.write() as tx:
        aged = update(schema.cards).where(schema.cards.c.id == card.id)
        await tx.execute(aged.values(first_link_at=schema.cards.c.first_link_at - seconds))
