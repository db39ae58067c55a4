"""The proof: thousands of insights while bots are killed, Datadog fails or answers oddly, and PostgreSQL fails over; at
the end each is on its case once, one comment says so, and no case that somebody wanted is there twice.

`pytest -m proof`; the seed is printed (`PROOF_SEED` sets another). The sandbox's Datadog duplicates an insight that
is put twice.
"""

import asyncio
import itertools
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.model import State
from bot.sandbox.control import Json
from bot.store import Store, schema
from tests import postgres
from tests.e2e.bench import PUT, Bench, bench
from tests.proof.creations import create_cases, judge_created
from tests.proof.kills import kill_at_each_point_twice, points
from tests.proof.work import PATIENT_SLACK, Shown, judge, judge_comment, key, on_case, spoil, wanted, work_a_case

CASES = 200
"""At least."""
SEED = int(os.environ.get("PROOF_SEED", "4523"))
AT_ONCE = 12
"""Threads with work going on at the same time."""

pytestmark = pytest.mark.proof


@pytest.fixture(params=["sqlite", "postgresql"], ids=["one bot on SQLite", "three on PostgreSQL"])
async def proving(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    options: Json = {"retry_delays": PATIENT_SLACK}
    if request.param == "postgresql":
        url = postgres.create(request.getfixturevalue("postgres_url"), "proof")
        options |= {"replicas": 3, "settings": {"DATABASE_URL": url}}
    async with bench(tmp_path, **options) as built:
        yield built
    if request.param == "postgresql":
        postgres.drop(request.getfixturevalue("postgres_url"), "proof")


async def test_what_was_confirmed_reaches_its_case_once_whatever_fails(proving: Bench) -> None:
    b, started = proving, time.monotonic()
    print(f"\nseed {SEED}")
    spoil(b, SEED)
    shown, numbers, roots = Shown(b), itertools.count(), dict[int, str]()

    async def work() -> None:
        """Case after case, until they are enough and each kill has found work to interrupt."""
        while (number := next(numbers)) < CASES or not killing.done():
            b.datadog.add_case(key(number), f"Case {number}")
            roots[number] = await work_a_case(b, shown, number)

    def progress() -> float:
        return len(roots) / CASES

    async with asyncio.TaskGroup() as group:
        chance = random.Random(SEED)  # noqa: S311  repeatable on purpose
        killing = group.create_task(kill_at_each_point_twice(b, chance, progress))
        for _ in range(AT_ONCE):
            group.create_task(work())
        creating = group.create_task(create_cases(b, lambda: killing.done()))

    def everything() -> bool:
        return all(on_case(b, number).total() >= len(wanted(number)) for number in roots)

    await b.control.until(everything, timeout=120, what="all insights")
    b.control.clear_rules()
    await nothing_left(b)
    await b.control.quiet(1.0, timeout=60)
    for number, root in roots.items():
        judge(b, number, root)
        judge_comment(b, number)
    created = Counter(judge_created(b, title, root) for title, root in creating.result().items())
    print(figures(b, len(roots), killing.result(), time.monotonic() - started), f"; of wanted cases created: {created}")
    assert killing.result() == Counter(2 * list(points(b)))


async def nothing_left(b: Bench) -> None:
    """The database has no job and no insight that is still under way."""
    store = Store(b.bot.env["DATABASE_URL"])
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            async with store.read() as connection:
                left = (await connection.execute(select(func.count()).select_from(schema.jobs))).scalar_one()
            if not left:
                break
            await b.control.quiet(0.5, timeout=30)
        async with store.read() as connection:
            states = Counter((await connection.execute(select(schema.insights.c.state))).scalars())
        assert left == 0, f"{left} jobs are stuck"
        assert set(states) <= {State.ADDED, State.DISMISSED}, states
    finally:
        await store.close()


def figures(b: Bench, cases: int, kills: Counter[str], seconds: float) -> str:
    calls = [call for call in b.control.calls if call.service == "datadog"]
    answered = Counter(call.status for call in calls)
    spoilt = 1 - (answered[200] + answered[404]) / len(calls)  # 404: the monitors have no names here
    insights = sum(len(wanted(number)) for number in range(cases))
    puts = {str(status or "none"): count for status, count in Counter(call.status for call in b.calls(PUT)).items()}
    return (
        f"{insights} insights on {cases} cases in {seconds:.0f} s, {kills.total()} kills; {len(calls)} calls to "
        f"Datadog, {spoilt:.0%} spoilt; PUTs by answer: {puts}; none lost, none doubled"
    )
