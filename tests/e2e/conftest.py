"""Benches for the tests; each bot is started once per worker, and again after a test that killed it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

import bot
from tests import postgres
from tests.e2e.bench import EMOJI, Bench, bench

SECOND_IS_AN_HOUR_AHEAD = """
import os
import time

if os.getcwd().endswith("bot-1"):
    true = time.time
    time.time = lambda: true() + 3600.0
"""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    async with bench(tmp_path_factory.mktemp("bench")) as built:
        yield built


@pytest.fixture
async def b(shared: Bench) -> Bench:
    """A fresh bench; tests may kill its bot."""
    await shared.start()
    await shared.reset()
    return shared


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench of its own for one test, which may break its database or bot."""
    async with bench(tmp_path) as built:
        yield built


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def over_http(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    settings = {"CASE_INSIGHTS_REACTION": EMOJI}  # every door is open
    async with bench(tmp_path_factory.mktemp("http"), http=True, settings=settings) as built:
        yield built


@pytest.fixture
async def web(over_http: Bench) -> Bench:
    """A fresh bench in HTTP mode; tests may stop its bot."""
    await over_http.start()
    await over_http.reset()
    return over_http


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def two(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    """Two replicas; the second one's clock is an hour ahead."""
    directory = tmp_path_factory.mktemp("replicas")
    (directory / "sitecustomize.py").write_text(SECOND_IS_AN_HOUR_AHEAD, encoding="utf-8")
    settings = {
        "DATABASE_URL": postgres.create(postgres_url, "replicas"),
        "PYTHONPATH": f"{directory}:{Path(bot.__file__).parents[1]}",
    }
    async with bench(directory, replicas=2, settings=settings) as built:
        yield built
    postgres.drop(postgres_url, "replicas")


@pytest.fixture
async def pair(two: Bench) -> Bench:
    """A fresh bench with both replicas running."""
    await two.start()
    await two.reset()
    return two
