"""A store on each database, and the few things that happen to it: a tie, links pasted, a click."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest
from sqlalchemy import Executable, select, update

from bot.insights import Candidate, ScannedMessage
from bot.insights.clicks import Action
from bot.model import Card, CardItem, Case, CaseName, Identity, Insight, InsightType, State, Thread, TieKind
from bot.services.clicks import Click, Clicked, apply
from bot.store import Store, cards, cases, jobs, now, schema, sightings, tie_changes, ties
from bot.store.cards import Timing
from bot.store.offers import Rules
from bot.store.transaction import Job, JobKind, Transaction

THREAD = Thread("T0ACME", "C0INCIDENTS", "1000.000100")
ELSEWHERE = Thread("T0ACME", "C0GENERAL", "2000.000100")
CASE = Case("default", "7d16945b-baf8-411e-ab2a-20fe43af1ea3", "CASEM-4523", "Memory leak", False, False, frozenset())
OTHER_CASE = Case(
    "default", "11111111-baf8-411e-ab2a-20fe43af1ea3", "CASEM-9", "Something else", False, False, frozenset()
)
REPLY = "1000.000200"
LATER, LATER_STILL = "1000.000300", "1000.000400"
TIMING = Timing(2.0)
CODE = Insight(InsightType.SCM_URL, "https://github.com/a/b/pull/1", "https://github.com/a/b/pull/1", "github.com")

START = """
import asyncio, sys
from bot.store import Store, migrate

async def start():
    store = Store(sys.argv[1])
    await migrate.upgrade(store)
    alembic = "alembic" in sys.modules
    print(await migrate.revision(store), alembic)
    await store.close()

asyncio.run(start())
"""

P = ParamSpec("P")
R = TypeVar("R")


async def write(
    store: Store, change: Callable[Concatenate[Transaction, P], Awaitable[R]], *args: P.args, **more: P.kwargs
) -> R:
    """One call in a transaction of its own."""
    async with store.write() as tx:
        return await change(tx, *args, **more)


async def run(store: Store, *statements: Executable) -> None:
    """These statements in one transaction."""
    async with store.write() as tx:
        for statement in statements:
            await tx.execute(statement)


async def rows(store: Store, query: Executable) -> list[tuple[Any, ...]]:
    async with store.read() as connection:
        return [tuple(row) for row in await connection.execute(query)]


async def column(store: Store, query: Executable) -> list[Any]:
    """The one column that this asks for."""
    return [value for (value,) in await rows(store, query)]


@pytest.fixture
async def tied(store: Store) -> None:
    """The thread is about the case."""
    await tie(store)


@pytest.fixture
async def card(store: Store, tied: None) -> Card:
    """The card of a tied thread in which one link was posted."""
    await paste(store, monitor(1))
    return await card_of(store)


def monitor(number: int) -> Insight:
    return Insight(InsightType.MONITOR, str(number), f"/monitors/{number}", "app.datadoghq.com")


def monitors(*numbers: int) -> list[Insight]:
    return [monitor(number) for number in numbers]


def identity(number: int) -> Identity:
    return monitor(number).identity


async def tie(store: Store, thread: Thread = THREAD, case: Case = CASE) -> None:
    """The root of the thread is an alert that names the case."""
    async with store.write() as tx:
        await cases.save(tx, case)
        told = {"org": case.org, "case_id": case.case_id, "by": "B0DATADOG"}
        await ties.set_from_root(tx, thread, TieKind.TIED, await now(tx), **told)


async def tie_by_hand(store: Store, place: Thread, case: Case, by: str) -> bool:
    """Somebody ties a thread or a channel to a case that Datadog described before."""
    await write(store, cases.save, case)
    return await tie_changes.tie(store, place, case, by)


async def paste(
    store: Store,
    *found: Insight,
    thread: Thread = THREAD,
    ts: str = REPLY,
    poster: str = "U0ANA",
    names: tuple[CaseName, ...] = (),
    org: str = CASE.org,
    latest: Sequence[str] = (),
    draft: bool = False,
) -> int:
    """A message with these links, on a web host of `org`; those of code changes are on none."""
    seen = tuple(Candidate(each, () if each.type is InsightType.SCM_URL else (org,), draft) for each in found)

    async def rules() -> Rules:
        return replace(await ask(), latest=latest)

    return (await sightings.sight(store, ScannedMessage(thread, ts, poster, seen, names), rules)).new


async def ask() -> Rules:
    """What everybody posts gets a card."""
    return Rules(TIMING, many=False)


async def take_back(store: Store, *numbers: int, thread: Thread = THREAD, ts: str = REPLY) -> int:
    return await sightings.take_back(store, thread, ts, [identity(number) for number in numbers])


async def cards_of(store: Store, thread: Thread = THREAD) -> list[Card]:
    """The thread's cards, oldest first; of two that one message made, the one that takes more links is the newer."""
    mine = (schema.cards.c.channel == thread.channel) & (schema.cards.c.thread_ts == thread.ts)
    order = (schema.cards.c.first_link_at, schema.cards.c.open)
    ids = await column(store, select(schema.cards.c.id).where(mine).order_by(*order))
    async with store.read() as connection:
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
    mine = select(table.c.resource_id, table.c.state).where(table.c.case_id == case.case_id).order_by(table.c.id)
    return {resource_id: State(state) for resource_id, state in await rows(store, mine)}


async def press(
    store: Store, card: Card, action: Action, *ticked: int, by: str = "U0ANA", version: int | None = None
) -> Clicked:
    """Press a button with these monitors ticked, on the card as it is or as it was."""
    ids = {int(item.resource_id): item.id for item in await items_of(store, card)}
    seen = card.version if version is None else version
    clicked = await apply(store, Click(card.id, seen, action, by, frozenset(ids[one] for one in ticked)))
    assert clicked is not None
    return clicked


async def claim(tx: Transaction, lease: float = 30.0) -> Job | None:
    """A job that is due, of whatever kind."""
    for kind in JobKind:
        for job in await jobs.claim(tx, kind, lease):
            return job
    return None


async def settle(tx: Transaction, state: State, *, ours: bool | None = None, note: str = "") -> None:
    """What delivery makes of everything that is confirmed."""
    work = await cases.work(tx, CASE.org, CASE.case_id)
    await cases.settle(tx, [cases.DeliveryResult(item, state, ours=ours, note=note) for item in work], TIMING)


async def jobs_of(store: Store, kind: JobKind) -> list[str]:
    return sorted(await column(store, select(schema.jobs.c.key).where(schema.jobs.c.kind == kind)))


async def due_in(store: Store, key: str) -> float:
    """In how many seconds the one job with this key is due."""
    jobs = schema.jobs.c
    [due] = await column(store, select(jobs.due_at).where(jobs.key == key))
    return due - await write(store, now)


async def sighted(store: Store) -> list[tuple[Any, ...]]:
    """Every sighting: its message, state and reason."""
    table = schema.sightings
    return await rows(store, select(table.c.message_ts, table.c.state, table.c.reason).order_by(table.c.id))


async def age(store: Store, card: Card, seconds: float) -> None:
    """Let a card be older than it is: times are the database's clock, which no test can turn."""
    aged = update(schema.cards).where(schema.cards.c.id == card.id)
    await run(store, aged.values(first_link_at=schema.cards.c.first_link_at - seconds))


async def start(url: str) -> tuple[str, str]:
    """Another process that starts on this database: the schema that it then has, and whether that took Alembic."""
    pipe, same = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", START, url, stdout=pipe, stderr=same)
    out, _ = await child.communicate()
    assert child.returncode == 0, out.decode()
    revision, alembic = out.decode().split()
    return revision, alembic
