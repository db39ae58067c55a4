"""What concerns the whole suite: PostgreSQL, pictures that are made only when asked for, and what may be skipped."""

import os
from collections.abc import Iterator

import hypothesis
import pytest

from tests import postgres

# Shared machines stall: how long a draw takes says nothing about the code.
hypothesis.settings.register_profile(
    "suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("suite")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this worker's own; see `postgres.create`."""
    try:
        with postgres.server() as url:
            yield url
    except postgres.NoPostgres as reason:
        pytest.skip(str(reason))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-screenshots",
        action="store_true",
        help="make the pictures in docs/ anew, and run nothing else",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselected, not skipped: a skipped browser test means that Chromium is missing."""
    wanted = bool(config.getoption("--update-screenshots"))
    left_out = [item for item in items if (item.get_closest_marker("screenshot") is not None) is not wanted]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Where everything is installed, as at the gate, a skipped test would hide what nobody tried."""
    if report.skipped and os.environ.get("CASE_INSIGHTS_TESTS_MAY_SKIP") == "no":
        report.outcome = "failed"
