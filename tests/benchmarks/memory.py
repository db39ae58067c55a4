"""The bot's memory at the start and after many events."""

import itertools
from collections.abc import Iterator

from tests.benchmarks import measure, peers
from tests.benchmarks.load import WORDS, message
from tests.benchmarks.measure import Row
from tests.e2e.bench import monitor

FIRST, LAST = 10_000, 60_000
LINK_EVERY = 10
"""Every tenth event brings a link, in a thread about no case."""


async def run() -> list[Row]:
    async with peers.both_over_http() as (b, bare, to_bot, to_bare):
        team, bot, thread = b.slack.workspace.team_id, peers.pid(b.bot), await peers.untied(b)

        def bodies(count: int) -> Iterator[bytes]:
            for number in itertools.islice(itertools.count(1), count):
                link = monitor(number) if number % LINK_EVERY == 0 else ""
                yield message(WORDS + link, thread, team)

        await to_bare.all(bodies(1))
        at_start, floor = measure.resident(bot), measure.resident(bare.pid)
        await to_bot.all(bodies(FIRST))
        early = measure.resident(bot)
        await to_bot.all(bodies(LAST - FIRST))
        grown = measure.resident(bot) - early
        name, more = (
            f"resident memory, growth from {FIRST:,} to {LAST:,} events",
            {"resident_mb": round(early + grown, 1)},
        )
        return [
            Row("resident memory at start", "MB", at_start, floor, 2.5),
            Row(name, "MB", grown, holds=grown < 5, goal="< 5 MB", more=more),
        ]
