"""The proof: 5,000 confirmed insights reach 200 cases, each once, while everything that can fail does.

`pytest -m proof`. Bots are killed at the worst moments, Datadog spoils 30 % of all calls, before and after it carried
them out, and would double what is put twice. At the end the cases hold exactly what was confirmed.
"""

import asyncio
import contextlib
import os
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.insights import State
from bot.sandbox.control import Json
from bot.sandbox.render import as_text
from bot.store import Store, schema
from tests import postgres
from tests.e2e.bench import CHANNEL, PUT, Bench, bench, boxes, monitor, options

CASES, EACH = 200, 25
SEED = int(os.environ.get("PROOF_SEED", "4523"))
KILLS: tuple[tuple[str, dict[str, str]], ...] = (
    ("PUT /api/v2/cases/{case_id}/insights", {"hold": "before", "drop": "before"}),  # claimed, and not sent
    ("PUT /api/v2/cases/{case_id}/insights", {"hold": "before"}),  # sent, and carried out after the bot is dead
    ("PUT /api/v2/cases/{case_id}/insights", {"hold": "after"}),  # carried out, and the answer never saved
    ("chat.postMessage", {"hold": "after"}),
    ("chat.update", {"hold": "before"}),
)
MOST_KILLS = 25
AT_ONCE = 8
"""Threads that are worked on at the same time."""

pytestmark = pytest.mark.proof


@pytest.fixture(params=["sqlite", "postgresql"])
async def proving(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    options = {"retry_delays": (0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0)}
    if request.param == "sqlite":
        async with bench(tmp_path, **options) as built:
            yield built
        return
    server_url = request.getfixturevalue("postgres_url")
    async with bench(tmp_path, database_url=postgres.create(server_url, "proof"), replicas=3, **options) as built:
        yield built


def spoil(b: Bench) -> None:
    """30 % of Datadog's calls, each way of failing by a chance of its own."""
    ways: list[Json] = [
        {"status": 500, "probability": 0.08},
        {"status": 503, "body": "<html>upstream</html>", "probability": 0.04},
        {"status": 429, "headers": {"X-RateLimit-Reset": "0.2"}, "probability": 0.04},
        {"drop": "before", "probability": 0.06},
        {"drop": "after", "probability": 0.06},
        {"delay": 1.5, "probability": 0.04},  # longer than the bot's time-out
    ]
    for number, way in enumerate(ways):
        b.control.rule("datadog", "*", seed=SEED + number, **way)


async def kill_at(b: Bench, method: str, how: dict[str, str], chance: random.Random) -> None:
    """Kill a bot at exactly this point; where there are several, often only one of them."""
    b.control.rule("*", method, times=1, **how)
    await b.control.until(
        lambda: [call for call in b.control.held() if call.method == method], timeout=90, what=f"{method} to be held"
    )
    victims = [chance.randrange(len(b.bots))] if len(b.bots) > 1 and chance.random() < 0.5 else []
    await b.kill(*victims)
    b.control.release()
    await b.start()


async def test_what_was_confirmed_reaches_its_case_once_whatever_fails(proving: Bench) -> None:
    b = proving
    print(f"\nseed {SEED}")
    chance = random.Random(SEED)  # noqa: S311  repeatable on purpose
    for number in range(CASES):
        b.datadog.add_case(key(number), f"Case {number}")
    spoil(b)
    turns = asyncio.Semaphore(AT_ONCE)
    threads = [asyncio.create_task(work_a_case(b, number, turns)) for number in range(CASES)]
    killing = asyncio.create_task(kill_again_and_again(b, chance))
    roots = await asyncio.gather(*threads)
    kills = await stopped(killing)
    await b.control.until(lambda: all(has_all(b, number) for number in range(CASES)), timeout=120, what="all insights")
    b.control.clear_rules()
    b.control.release()
    await nothing_left(b)
    await b.control.quiet(1.0, timeout=60)
    judge(b, roots)
    puts = Counter(call.status for call in b.calls(PUT))
    print(f"{CASES * EACH - CASES // 10} insights, {kills} kills, PUTs by answer: {dict(puts)}")


async def kill_again_and_again(b: Bench, chance: random.Random) -> int:
    """Every kill point, as long as there is work; how many kills."""
    kills = 0
    while True:
        for method, how in KILLS:
            await kill_at(b, method, how, chance)
            kills += 1
            if kills >= MOST_KILLS:
                return kills


async def stopped(killing: "asyncio.Task[int]") -> int:
    if killing.done():
        return killing.result()
    killing.cancel()
    await asyncio.gather(killing, return_exceptions=True)
    return 0


def key(number: int) -> str:
    return f"PROOF-{number + 1}"


def wanted(number: int) -> set[str]:
    """The monitors that belong on this case: in every tenth thread the first one is left out."""
    return {str(100 * number + each) for each in range(2 if number % 10 == 0 else 1, EACH + 1)}


async def work_a_case(b: Bench, number: int, turns: asyncio.Semaphore) -> str:
    """A thread about a case, 25 links, and Add on each card, pressed again where the press was lost; the root."""
    async with turns:
        root = b.slack.message(CHANNEL, "U0ANA", f"https://app.datadoghq.com/cases/{key(number)}")["ts"]
        b.reply(root, " ".join(monitor(100 * number + each) for each in range(1, EACH + 1)))
        await b.control.until(
            lambda: sum(len(options(card)) for card in b.cards(root)) == EACH, timeout=180, what=f"cards of {number}"
        )
        for card in b.cards(root):
            await press(b, card["ts"], root, 100 * number + 1 if number % 10 == 0 else None)
        return root


async def press(b: Bench, ts: str, root: str, left_out: int | None) -> None:
    """Press Add until the card offers nothing any more."""

    def offered() -> Json | None:
        card = next(card for card in b.cards(root) if card["ts"] == ts)
        return card if options(card) else None

    while (card := offered()) is not None:
        for block_id, group in boxes(card).items():
            values = [each["value"] for each in group if each["text"]["text"] != f"Monitor · {left_out}"]
            if len(values) < len(group):
                await b.slack.tick(CHANNEL, ts, "U0BEN", "insights.select", block_id, values)
        if offered():
            await b.click(card, "insights.add", "U0BEN", late=True)
        with contextlib.suppress(TimeoutError):
            await b.control.until(lambda: offered() is None, timeout=5)


def has_all(b: Bench, number: int) -> bool:
    return len(b.datadog.cases[key(number)].insights) >= len(wanted(number))


async def nothing_left(b: Bench) -> None:
    """No lane and no insight is under way any more: asked of the database itself."""
    store = Store(b.bots[0].env["DATABASE_URL"])
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            async with store.read() as connection:
                left = (await connection.execute(select(func.count()).select_from(schema.lanes))).scalar_one()
            if not left:
                break
            await b.control.quiet(0.5, timeout=30)
        async with store.read() as connection:
            states = Counter((await connection.execute(select(schema.insights.c.state))).scalars())
        assert left == 0, f"{left} lanes are stuck"
        assert set(states) <= {State.ADDED, State.DISMISSED}, states
    finally:
        await store.close()


def judge(b: Bench, roots: list[str]) -> None:
    for number, root in enumerate(roots):
        on_case = Counter(insight.resource_id for insight in b.datadog.cases[key(number)].insights)
        assert on_case == Counter(wanted(number)), key(number)
        cards = b.cards(root)
        assert len({card["metadata"]["event_payload"]["card"] for card in cards}) == len(cards), "a card twice"
        said = [as_text(card) for card in cards]
        assert all(f"Added to {key(number)} by Ben" in text for text in said), said
        assert sum(claimed(text) for text in said) == len(wanted(number)), said
        assert sum("Left out: 1." in text for text in said) == (number % 10 == 0), said


def claimed(text: str) -> int:
    """How many insights a card says were added."""
    more = re.search(r" and (\d+) more", text)
    return len(re.findall(r"Monitor \d+", text)) + (int(more[1]) if more else 0)
