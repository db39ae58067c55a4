"""Shared by the whole suite: stores on both databases, screenshots on request, skips, and manifest coverage."""

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import pytest_asyncio
from sqlalchemy import text

from bot.store import Store, migrate, schema
from tests import manifest_coverage, postgres, statements

# Shared machines stall, so the time of a draw says nothing about the code.
hypothesis.settings.register_profile(
    "suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("suite")

# No test uses TLS, yet each HTTP client would load a few hundred certificates: 20 ms, three hundred times.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent)  # no certificates here

# Where Ctrl-C has Python's own handler, asyncio puts another in its place for each test and fixture. When that is taken
# out, `signal` writes down all that the fixture returned, for an error that nobody sees: a fifth of many tests' time.
signal.signal(signal.SIGINT, lambda number, frame: signal.default_int_handler(number, frame))

# Imported modules stay: the garbage collector need not look at them.
gc.disable()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # workers write to the same folder
        os.environ[statements.FOLDER] = tempfile.mkdtemp()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """This worker's PostgreSQL server; see `postgres.create`."""
    try:
        with postgres.server() as url:
            yield url
    except postgres.NoPostgres as reason:
        pytest.skip(str(reason))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sqlite_made(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Store]:
    """One migrated database, emptied for each test: making one takes as long as ten tests."""
    made = Store(f"sqlite:///{tmp_path_factory.mktemp('store')}/case-insights.db")
    await migrate.upgrade(made)
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_made(postgres_url: str) -> AsyncIterator[Store]:
    """One migrated database, emptied for each test: even copying a template takes as long as ten tests."""
    name = f"case_insights_{os.getpid()}"
    made = Store(postgres.create(postgres_url, name))
    await migrate.upgrade(made)
    yield made
    await made.close()
    postgres.drop(postgres_url, name)


# Statements that stay are compiled once.
EMPTY = [
    *(table.delete() for table in reversed(schema.metadata.sorted_tables)),
    text("UPDATE alembic_version SET version_num = :head").bindparams(head=migrate.HEAD),
]


async def _emptied(made: Store) -> Store:
    async with made.write() as tx:
        for statement in EMPTY:
            await tx.execute(statement)
    return made


@pytest.fixture
async def sqlite_store(sqlite_made: Store) -> Store:
    """An empty store on SQLite."""
    return await _emptied(sqlite_made)


@pytest.fixture
async def postgres_store(postgres_made: Store) -> Store:
    """An empty store on PostgreSQL."""
    return await _emptied(postgres_made)


@pytest.fixture(params=["sqlite_store", "postgres_store"], ids=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store, once on each database."""
    return request.getfixturevalue(request.param)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-screenshots",
        action="store_true",
        help="make the pictures in docs/ anew, and run nothing else",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect, not skip: a skipped browser test means that Chromium is missing."""
    wanted = bool(config.getoption("--update-screenshots"))
    left_out = [item for item in items if (item.get_closest_marker("screenshot") is not None) is not wanted]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """With TESTS_MAY_SKIP=no a skip is a failure: where everything is installed, nothing should be skipped."""
    if report.skipped and os.environ.get("TESTS_MAY_SKIP") == "no":
        report.outcome = "failed"


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """After a whole run: the manifest asks for what the tests used, and no statement of theirs scans what grows."""
    config = session.config
    worker: dict[str, object] | None = getattr(config, "workeroutput", None)
    if worker is not None:
        worker["used"] = manifest_coverage.as_json()
        return
    folder = Path(os.environ.pop(statements.FOLDER))
    if exitstatus == pytest.ExitCode.OK and _is_whole(config):
        found = {
            "The Slack app's manifest and what the tests used:": manifest_coverage.differences(),
            "Statements that scan a table that grows:": statements.scans(folder),
        }
        for what, lines in found.items():
            if lines:
                print(f"\n\n{what}", *lines, sep="\n  ")
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
    shutil.rmtree(folder)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collect what the tests of a finished worker used."""
    manifest_coverage.collect(getattr(node, "workeroutput", {}).get("used", {}))


def _is_whole(config: pytest.Config) -> bool:
    chosen = config.option
    left_out = chosen.file_or_dir or chosen.keyword or chosen.update_screenshots or chosen.collectonly
    return not left_out and chosen.markexpr == "not proof"
