"""What people and Slack ask for on a database of a million insights, against an empty one: SQLite, then PostgreSQL.

`python -m tests.benchmarks full`: not among the others, as it takes a minute to fill.
"""

import contextlib
import tempfile
import time
from collections import defaultdict
from collections.abc import Generator
from statistics import median

from sqlalchemy import select

from bot.insights import Candidate, ScannedMessage
from bot.insights.clicks import Action
from bot.model import Case, CaseName, Insight, InsightType, State, Thread, TieKind
from bot.services import clicks
from bot.services.clicks import Click
from bot.store import Store, cards, cases, migrate, now, overview, schema, sightings, ties
from bot.store.cards import Timing
from bot.store.offers import Rules
from tests import postgres
from tests.benchmarks.measure import Row
from tests.fill import ORG, WORKSPACE, fill

ROUNDS = 60
CASE = Case(ORG, "0000-5", "CASEM-5", "Memory", False, False, frozenset())
CHANNEL = "C7"
CHANNELS = [f"C{number}" for number in range(12)]
"""Those of the person whose Home is read."""
BOUNDED = ("status of a channel", "Home")
"""What looks at so many rows at most: an empty database has none of them, so there is no ratio to keep."""
BOUND_MS = 50.0


class Clock:
    """The milliseconds that each thing took."""

    def __init__(self) -> None:
        self.took = defaultdict[str, list[float]](list)

    @contextlib.contextmanager
    def times(self, name: str) -> Generator[None]:
        began = time.perf_counter()
        yield
        self.took[name].append((time.perf_counter() - began) * 1e3)


async def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        rows = await _compared("SQLite", f"sqlite:///{folder}/empty.db", f"sqlite:///{folder}/full.db", 1.0)
    with contextlib.suppress(postgres.NoPostgres), postgres.server() as server:
        empty, full = postgres.create(server, "empty"), postgres.create(server, "full")
        rows += await _compared("PostgreSQL", empty, full, 0.3)
    return rows


async def _compared(database: str, empty: str, full: str, share: float) -> list[Row]:
    before = await _measured(empty, 0.0)
    after = await _measured(full, share)
    rows: list[Row] = []
    for name, took in after.items():
        title = f"{name}, {database}, {round(share * 1e6):,} insights"
        if name in BOUNDED:
            rows.append(Row(title, "ms", took, before[name], holds=took <= BOUND_MS, goal=f"<= {BOUND_MS:g} ms"))
        else:
            rows.append(Row(title, "ms", took, before[name], 1.5))
    return rows


async def _measured(url: str, share: float) -> dict[str, float]:
    store = Store(url)
    await migrate.upgrade(store)
    if share:
        await fill(store, share)
    async with store.write() as tx:
        await cases.save(tx, CASE)
    clock = Clock()
    for number in range(ROUNDS):
        await _round(store, clock, number)
    await store.close()
    return {name: median(took) for name, took in clock.took.items()}


async def _rules() -> Rules:
    return Rules(Timing())


async def _round(store: Store, clock: Clock, number: int) -> None:
    thread = Thread(WORKSPACE, CHANNEL, f"{1_800_000_000 + number}.000100")
    async with store.write() as tx:
        await ties.set_from_root(tx, thread, TieKind.TIED, await now(tx), org=ORG, case_id=CASE.case_id)
    with clock.times("link"):
        insight = Insight(InsightType.MONITOR, f"9{number:07}", f"/monitors/9{number}", "app.datadoghq.com", "")
        found = (Candidate(insight, (ORG,)),)
        await sightings.sight(store, ScannedMessage(thread, f"{thread.ts}1", "U0ANA", found), _rules)
    with clock.times("root"):
        root = Thread(WORKSPACE, CHANNEL, f"{1_900_000_000 + number}.000100")
        named = (CaseName(ORG, CASE.key),)
        await sightings.sight(store, ScannedMessage(root, root.ts, "U0ANA", (), names=named), _rules)
    async with store.read() as connection:
        of_thread = select(schema.cards.c.id).where(
            schema.cards.c.workspace == WORKSPACE,
            schema.cards.c.channel == CHANNEL,
            schema.cards.c.thread_ts == thread.ts,
        )
        card = (await connection.execute(of_thread)).scalar_one()
        ids = [item.id for item in await cards.items(connection, card)]
    with clock.times("click"):
        await clicks.apply(store, Click(card, 99, Action.ADD, "U0ANA", frozenset(ids)))
    async with store.write() as tx:
        await cards.move(tx, ids, cards.Change(State.ADDED, await now(tx), ours=True), was=State.CONFIRMED)
    with clock.times("undo"):
        async with store.read() as connection:
            last = await cards.last_added(connection, thread)
        assert last is not None
        await clicks.apply(store, Click(last.id, last.version, Action.UNDO, "U0ANA"))
    with clock.times("status of a channel"):
        async with store.read() as connection:
            await overview.counts(connection, thread.whole_channel)
    with clock.times("Home"):
        async with store.read() as connection:
            await overview.read(connection, WORKSPACE, CHANNELS, [ORG])
