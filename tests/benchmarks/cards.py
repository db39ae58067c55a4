"""A new link in a tied thread, and a click on its card, against the least program that would be accepted as correct.

Both get the same requests in turns, each link in a thread of its own, and the CPU time of both processes is counted
until every call is made and every row is written.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter

from bot.model import Case, Thread, TieKind
from bot.store import cases, now, ties
from tests.benchmarks import measure, peers
from tests.benchmarks.load import WORDS, Json, Sender, click, message, sender
from tests.benchmarks.measure import Row
from tests.e2e.bench import CHANNEL, PUT, Bench, monitor

ROUNDS = 40
WARM = 8
BURST = 200
SILENT = 40
ANSWERS_IN = 0.1
"""Seconds that Datadog takes while paste -> card is measured."""

_numbers = itertools.count(5_000)


@dataclass(slots=True)
class Side:
    """One process: where its requests go, and what they cost."""

    b: Bench
    to: Sender
    pid: int
    card_cpu: list[float] = field(default_factory=list)
    card_wall: list[float] = field(default_factory=list)
    put_cpu: list[float] = field(default_factory=list)
    put_wall: list[float] = field(default_factory=list)
    click_cpu: list[float] = field(default_factory=list)

    async def quiet(self) -> float:
        """The CPU seconds that the process has used, once it does nothing any more."""
        await self.b.control.quiet(0.03)
        return measure.cpu(self.pid)

    async def link(self, root: str) -> Json:
        """A new link in this thread, until its card stands; the card."""
        before, posts = await self.quiet(), len(self.b.calls("chat.postMessage"))
        took = perf_counter()
        await self.to.post(_link(self.b, root))
        await self.b.control.until(lambda: len(self.b.calls("chat.postMessage")) > posts, what="a card")
        self.card_wall.append(perf_counter() - took)
        self.card_cpu.append(await self.quiet() - before)
        return self.b.cards(root)[-1]

    async def press(self, root: str, card: Json) -> None:
        """A click on the card's Add: until the PUT leaves, and until the card says that it was added."""
        control, team = self.b.control, self.b.slack.workspace.team_id
        before, puts, updates = await self.quiet(), len(self.b.calls(PUT)), len(self.b.calls("chat.update"))
        control.rule("datadog", PUT, hold="before", times=1)
        took = perf_counter()
        await self.to.post(click(card, root, "U0BEN", team))
        await control.until(lambda: len(self.b.calls(PUT)) > puts, what="the PUT")
        self.put_wall.append(perf_counter() - took)
        self.put_cpu.append(measure.cpu(self.pid) - before)
        control.release()
        await control.until(lambda: len(self.b.calls("chat.update")) > updates, what="the card to be updated")
        self.click_cpu.append(await self.quiet() - before)


async def run() -> list[Row]:
    async with peers.bot(http=True) as b, peers.floor(b) as floor:
        case = await _case(b)
        bot = Side(b, await sender(peers.port(b)), peers.pid(b.bot))
        least = Side(b, await sender(floor.port), floor.pid)
        known = (case.case_id, case.key, case.title, "[]")
        floor.database.execute("INSERT INTO cases VALUES (?, ?, ?, ?, 0)", known)
        for number in range(WARM + ROUNDS):
            if number == WARM:
                for side in (bot, least):
                    for figures in (side.card_cpu, side.card_wall, side.put_cpu, side.put_wall, side.click_cpu):
                        figures.clear()
            for side in (bot, least):
                root = b.slack.message(CHANNEL, "U0ANA", "The API is slow")["ts"]
                floor.database.execute("INSERT INTO ties VALUES (?, ?, ?)", (CHANNEL, root, case.case_id))
                await _tie(b, root, case)
                await side.press(root, await side.link(root))
        rows = [
            _row("new link in a tied thread, its own card", bot, least, lambda side: side.card_cpu, 2.2),
            _row("click -> PUT leaves", bot, least, lambda side: side.put_cpu, 1.8),
            _row("click, until all is done", bot, least, lambda side: side.click_cpu, 2.2),
            _row("click -> PUT leaves, wall", bot, least, lambda side: side.put_wall, 1.5, unit="ms"),
            await _paste(b, bot, case),
        ]
        b.control.clear_rules()
        rows += await _many(b, bot, least, floor, case)
        rows.append(await _beside_silence(b, bot, case))
        await bot.to.close()
        await least.to.close()
        return rows


def _row(
    name: str, bot: Side, least: Side, of: Callable[[Side], list[float]], limit: float, unit: str = "ms CPU"
) -> Row:
    return Row(name, unit, median(of(bot)) * 1e3, median(of(least)) * 1e3, limit, more=measure.spread(of(bot)))


async def _paste(b: Bench, bot: Side, case: Case) -> Row:
    """What a person waits for, with names that Datadog has to be asked for."""
    b.control.rule("datadog", "*", delay=ANSWERS_IN)
    bot.card_wall.clear()
    for _ in range(ROUNDS):
        root = b.slack.message(CHANNEL, "U0ANA", "The API is slow")["ts"]
        await _tie(b, root, case)
        await bot.link(root)
    shown = measure.spread(bot.card_wall)
    holds = shown["p50_ms"] <= 150
    name = "paste -> card of a person, Datadog answering in 100 ms"
    return Row(name, "ms", shown["p50_ms"], holds=holds, goal="p50 <= 150 ms", more=shown)


async def _many(b: Bench, bot: Side, least: Side, floor: peers.Floor, case: Case) -> list[Row]:
    """Many links at once, each with its own card, until all cards stand; then at a quarter of the floor's pace."""
    rates = dict[int, float]()
    for side in (least, bot):
        roots = [b.slack.message(CHANNEL, "U0ANA", "The API is slow")["ts"] for _ in range(BURST)]
        for root in roots:
            floor.database.execute("INSERT INTO ties VALUES (?, ?, ?)", (CHANNEL, root, case.case_id))
        await _tie_all(b, roots, case)
        rates[side.pid] = await _burst(b, side, roots)
    pace = rates[least.pid] / 4
    roots = [b.slack.message(CHANNEL, "U0ANA", "The API is slow")["ts"] for _ in range(BURST)]
    await _tie_all(b, roots, case)
    await bot.quiet()
    many = await sender(peers.port(b), 32)
    took = await many.paced([_link(b, root) for root in roots], pace)
    await many.close()
    shown = measure.spread(took) | {"per_second": round(pace), "not_acknowledged": many.refused}
    name = "tied links, each its own card, until all cards stand"
    share = rates[bot.pid] / rates[least.pid]
    return [
        Row(name, "per second", rates[bot.pid], rates[least.pid], holds=share >= 0.45, goal=">= 0.45 x"),
        Row(
            "such links at a quarter of the floor's pace, until they are acknowledged",
            "ms",
            shown["p99_ms"],
            holds=shown["p99_ms"] <= 1000 and not many.refused,
            goal="p99 <= 1 s, all 200",
            more=shown,
        ),
    ]


async def _beside_silence(b: Bench, bot: Side, case: Case) -> Row:
    """Link -> card in a thread whose case is known, while other cases get no answer from Datadog."""
    walls = list[float]()
    for silent in (False, True):
        if silent:
            await _stuck(b, bot)
        bot.card_wall.clear()
        for _ in range(ROUNDS):
            root = b.slack.message(CHANNEL, "U0ANA", "The API is slow")["ts"]
            await _tie(b, root, case)
            posts, began = len(b.calls("chat.postMessage")), perf_counter()
            await bot.to.post(_link(b, root))
            await b.control.until(lambda posts=posts: len(b.calls("chat.postMessage")) > posts, what="a card")
            bot.card_wall.append(perf_counter() - began)
        walls.append(median(bot.card_wall) * 1e3)
    b.control.clear_rules()
    b.control.release()
    return Row(f"link -> card while {SILENT} cases get no answer", "ms", walls[1], walls[0], 1.2)


async def _stuck(b: Bench, bot: Side) -> None:
    """Cases whose PUTs get no answer."""
    pressed: list[tuple[str, Json]] = []
    for number in range(SILENT):
        made = b.datadog.add_case(f"SILENT-{number + 1}", f"Case {number}")
        other = Case("default", made.id, made.key, made.title, False, False, frozenset())
        async with b.transaction() as tx:
            await cases.save(tx, other)
        root = b.slack.message(CHANNEL, "U0ANA", "The API is slow")["ts"]
        await _tie(b, root, other)
        pressed.append((root, await bot.link(root)))
    b.control.rule("datadog", PUT, hold="before")
    for root, card in pressed:
        await bot.to.post(click(card, root, "U0BEN", b.slack.workspace.team_id))
    await b.held(PUT)


async def _burst(b: Bench, side: Side, roots: list[str]) -> float:
    """Cards per second."""
    await side.quiet()
    posts, began = len(b.calls("chat.postMessage")), perf_counter()
    await side.to.all([_link(b, root) for root in roots])
    await b.control.until(
        lambda: len(b.calls("chat.postMessage")) - posts >= len(roots), timeout=60, what="all of the cards"
    )
    return len(roots) / (perf_counter() - began)


def _link(b: Bench, root: str) -> bytes:
    return message(f"{WORDS}{monitor(next(_numbers))}", root, b.slack.workspace.team_id)


async def _case(b: Bench) -> Case:
    """A case that Datadog described just now."""
    made = b.datadog.add_case("CASEM-7001", "Memory leak investigation on API")
    case = Case("default", made.id, made.key, made.title, False, False, frozenset())
    async with b.transaction() as tx:
        await cases.save(tx, case)
    return case


async def _tie(b: Bench, root: str, case: Case) -> None:
    await _tie_all(b, [root], case)


async def _tie_all(b: Bench, roots: Sequence[str], case: Case) -> None:
    async with b.transaction() as tx:
        for root in roots:
            thread = Thread(b.slack.workspace.team_id, CHANNEL, root)
            await ties.set_from_root(tx, thread, TieKind.TIED, await now(tx), org=case.org, case_id=case.case_id)
