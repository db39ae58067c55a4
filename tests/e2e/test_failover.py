"""PostgreSQL moves to another server while the bot works: it says so, and works on without a restart."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from bot.messages import sentences
from tests import postgres
from tests.e2e.bench import PUT, Bench, bench, monitor
from tests.e2e.test_health import ready


def tell(b: Bench, *statements: str) -> None:
    """Let the server carry these out, on a session that can write whatever others can."""
    with psycopg.connect(b.bot.env["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        for statement in statements:
            connection.execute(statement.encode())


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench whose PostgreSQL server nobody else uses."""
    if os.environ.get("TEST_POSTGRES_URL"):
        pytest.skip("a server that others use is not to be made read-only")
    try:
        with postgres.server() as url:
            async with bench(tmp_path, settings={"DATABASE_URL": postgres.create(url, "alone")}) as built:
                yield built
    except postgres.NoPostgres as reason:
        pytest.skip(str(reason))


async def test_after_a_failover_the_bot_works_on_new_connections_and_until_then_says_that_nothing_can_be_written(
    alone: Bench,
) -> None:
    """K30."""
    root, card = await alone.offer(1)

    tell(alone, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    [reason] = await ready(alone, when=False)
    assert reason.startswith("Nothing can be written to the database (InternalError)")
    assert (await alone.click(card, "insights.add"))["acknowledged"]
    assert await alone.answer_to("U0ANA") == sentences.NOT_SAVED
    assert "Add 1 insight" in alone.cards(root)[0]["text"]
    alone.reply(root, monitor(702))
    await alone.control.until(lambda: "store.failed" in alone.log, what="an event to be refused")

    # From here on new sessions are those of a good primary; those that are open stay as they are. Slack asks again.
    tell(alone, "ALTER ROLE CURRENT_USER SET default_transaction_read_only = off")
    card = await alone.card(root, "Add 2 insights")
    await alone.click(card, "insights.add")
    await alone.card(root, "Added to CASEM-4523 by Ana")
    await alone.handled()
    assert [call.status for call in alone.calls(PUT)] == [200]
    assert len(alone.on_case) == 2
