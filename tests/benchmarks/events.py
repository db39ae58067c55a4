"""The cost of an event: without a link, and with one in a thread known to have no case; on SQLite and PostgreSQL."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from tests import postgres
from tests.benchmarks import measure, peers
from tests.benchmarks.load import WORDS, Sender, message
from tests.benchmarks.measure import Row
from tests.e2e.bench import monitor

ROUNDS = 20
EACH = 400
"""Events of one kind in a round; about a third of a second."""
WARM = 300

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
    plain, link, floor = await _rounds()
    rows = [
        _row("event without a link", plain, floor, 1.15),
        _row("event with a link, untied thread known as such", link, floor, 4.0),
    ]
    with contextlib.suppress(postgres.NoPostgres), postgres.server() as server:
        _, link, floor = await _rounds(DATABASE_URL=postgres.create(server, "events"))
        rows.append(_row("event with a link, untied thread known as such, PostgreSQL", link, floor, 3.0))
    return rows


async def _rounds(**settings: str) -> tuple[Kind, Kind, Kind]:
    """Events without a link and with one to the bot, and those without to the bare app, in turns."""
    async with peers.both_over_http(**settings) as (b, bare, to_bot, to_bare):
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
        return plain, link, floor


def _row(name: str, kind: Kind, floor: Kind, limit: float) -> Row:
    value, against = measure.paired(kind.cpu, floor.cpu)
    more = {**measure.spread(kind.took), "bare_ms": measure.spread(floor.took)}
    more |= {"per_second": round(max(kind.per_second)), "bare_per_second": round(max(floor.per_second))}
    return Row(name, "ms CPU", value * 1e3, against * 1e3, limit, more=more)
