"""A bench for each test; the bot is started once per worker, where a test does not kill it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.bench import Bench, bench


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    async with bench(tmp_path_factory.mktemp("bench")) as built:
        yield built


@pytest.fixture
async def b(shared: Bench) -> Bench:
    """A bench where nothing was said yet."""
    await shared.renew()
    return shared


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench whose bot may be killed."""
    async with bench(tmp_path) as built:
        yield built
