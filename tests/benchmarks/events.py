"""The cost of an event: without a link, with one in a thread known to have no case, and in a tied thread."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.benchmarks import measure, peers
from tests.benchmarks.load import WORDS, Sender, message, sender
from tests.benchmarks.measure import Row
from tests.e2e.bench import KEY, Bench, monitor

ROUNDS = 20
EACH = 400
"""Events of one kind in a round; about a third of a second."""
WARM = 300
PACE = 100.0
"""Events per second in a tied thread."""
TIED_THREADS = 20
MANY = 32
"""Connections then: Slack waits for none."""

_numbers = itertools.count(1_000)


@dataclass(slots=True)
class Kind:
    """Events of one kind to one process, and their costs per round."""

    to: Sender
    pid: int
    body: Callable[[], bytes]
    cpu: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)

    async def round(self, count: int = EACH) -> None:
        bodies = [self.body() for _ in range(count)]
        clock = asyncio.get_running_loop().time
        before, began = measure.cpu(self.pid), clock()
        self.took += await self.to.all(bodies)
        self.per_second.append(count / (clock() - began))
        self.cpu.append((measure.cpu(self.pid) - before) / count)


async def run() -> list[Row]:
    async with peers.both_over_http() as (b, bare, to_bot, to_bare):
        team, bot = b.slack.workspace.team_id, peers.pid(b.bot)
        thread = await peers.untied(b)
        plain = Kind(to_bot, bot, lambda: message(WORDS, thread, team))
        link = Kind(to_bot, bot, lambda: message(f"{WORDS}{monitor(next(_numbers))}", thread, team))
        floor = Kind(to_bare, bare.pid, plain.body)
        for kind in (floor, plain, link):
            await kind.round(WARM)
            kind.cpu.clear(), kind.took.clear(), kind.per_second.clear()
        for _ in range(ROUNDS):
            for kind in (floor, plain, link):
                await kind.round()
        return [
            _row("event without a link", plain, floor, 1.15),
            _row("event with a link, untied thread known as such", link, floor, 4.0),
            await _tied(b, floor),
        ]


def _row(name: str, kind: Kind, floor: Kind, limit: float) -> Row:
    value, against = measure.paired(kind.cpu, floor.cpu)
    more = {**measure.spread(kind.took), "bare_ms": measure.spread(floor.took)}
    more |= {"per_second": round(max(kind.per_second)), "bare_per_second": round(max(floor.per_second))}
    return Row(name, "ms CPU", value * 1e3, against * 1e3, limit, more=more)


async def _tied(b: Bench, floor: Kind) -> Row:
    """New links at a steady rate in threads about one case, including the cost of their delivery."""
    team, bot = b.slack.workspace.team_id, peers.pid(b.bot)
    roots = [b.start_thread() for _ in range(TIED_THREADS)]
    for root in roots:
        b.reply(root, monitor(next(_numbers)))
    for root in roots:
        await b.card(root, f"to {KEY}")
    await b.handled()
    bodies = [message(f"{WORDS}{monitor(next(_numbers))}", roots[number % TIED_THREADS], team) for number in range(600)]
    many = await sender(peers.port(b), MANY)
    before = measure.cpu(bot)
    took = await many.paced(bodies, PACE)
    spent = (measure.cpu(bot) - before) / len(bodies)
    await many.close()
    against = sorted(floor.cpu)[len(floor.cpu) // 2]
    more = {**measure.spread(took), "events_per_second": PACE, "not_acknowledged": many.refused}
    name = "event with a new link, tied thread -> committed and acknowledged"
    return Row(name, "ms CPU", spent * 1e3, against * 1e3, goal="p99 shown, at 100/s", more=more)
