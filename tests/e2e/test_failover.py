"""PostgreSQL moves, stops or refuses while the bot works: it says so, and works on without a restart."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from bot.messages import sentences
from tests import postgres
from tests.e2e.bench import PUT, Bench, bench, monitor
from tests.e2e.test_health import ready

END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bot'"
PATIENT_SLACK = (0.3, 1.0, *[2.0] * 20)
WITHIN = 20.0
"""Seconds until the bot works again: a minute is promised."""


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    """A server that nobody else uses."""
    if os.environ.get("TEST_POSTGRES_URL"):
        pytest.skip("a server that others use is not to be broken")
    try:
        with postgres.own_server() as server:
            yield server
    except postgres.NoPostgres as reason:
        pytest.skip(str(reason))


@pytest.fixture
async def alone(server: postgres.Server, tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench whose bot is a user of that server for whom limits count."""
    url = postgres.create(server.url, "alone")
    tell(server, "CREATE ROLE bot LOGIN", "ALTER DATABASE alone OWNER TO bot")
    settings = {"DATABASE_URL": url.replace("postgres@", "bot@")}
    async with bench(tmp_path, settings=settings, retry_delays=PATIENT_SLACK) as built:
        yield built


def tell(server: postgres.Server, *statements: str) -> None:
    """Let the server carry these out, on a session that can write whatever others can."""
    with psycopg.connect(postgres.url_of(server.url, "postgres"), autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        for statement in statements:
            connection.execute(statement.encode())


async def works_again(b: Bench, root: str, number: int, offered: int = 1) -> None:
    """A monitor that was posted meanwhile is offered, can be added, and reaches the case once."""
    card = await b.card(root, f"Add {offered} insight", within=WITHIN)
    await b.click(card, "insights.add")
    await b.card(root, "Added to CASEM-4523 by Ana")
    await b.handled()
    assert [kept[1] for kept in b.on_case].count(str(number)) == 1
    assert {call.status for call in b.calls(PUT)} == {200}
    assert await ready(b, when=True) == []


async def test_after_a_failover_the_bot_works_on_new_connections_and_until_then_says_that_nothing_can_be_written(
    alone: Bench, server: postgres.Server
) -> None:
    """K30."""
    root, card = await alone.offer(1)

    tell(server, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    [reason] = await ready(alone, when=False)
    assert reason.startswith("Nothing can be written to the database (InternalError: 25006)")
    assert (await alone.click(card, "insights.add"))["acknowledged"]
    assert await alone.answer_to("U0ANA") == sentences.NOT_SAVED
    assert "Add 1 insight" in alone.cards(root)[0]["text"]
    alone.reply(root, monitor(702))
    await alone.control.until(lambda: "store.failed" in alone.log, what="an event to be refused")

    # From here on new sessions are those of a good primary; those that are open stay as they are. Slack asks again.
    tell(server, "ALTER ROLE bot SET default_transaction_read_only = off")
    await works_again(alone, root, 702, offered=2)
    assert len(alone.on_case) == 2


REFUSALS = {
    "no login": ("ALTER ROLE bot NOLOGIN", "ALTER ROLE bot LOGIN"),
    "down": (),
}
"""What a server, or a pooler before it, refuses for a while, and how that ends. Too many connections, or none allowed,
reach the bot as the first does: an OperationalError without a code."""


async def test_a_server_that_takes_no_connections_is_told_and_used_again_once_it_does(
    alone: Bench, server: postgres.Server
) -> None:
    root = alone.start_thread()
    for number, (what, statements) in enumerate(REFUSALS.items(), 1):
        if statements:
            tell(server, statements[0], END_SESSIONS)
        else:
            server.stop()
        [reason] = await ready(alone, when=False)
        assert reason.startswith("The database does not answer (OperationalError"), what
        before = alone.log.count("store.failed")
        alone.reply(root, monitor(number))
        await alone.control.until(lambda before=before: alone.log.count("store.failed") > before, what=what)
        if statements:
            tell(server, statements[1])
        else:
            server.start()
        await works_again(alone, root, number)


async def test_sessions_that_end_cost_at_most_a_repetition_and_leave_nothing_half_done(
    alone: Bench, server: postgres.Server
) -> None:
    root = alone.start_thread()
    await alone.handled()
    tell(server, END_SESSIONS)
    alone.reply(root, monitor(1))
    await works_again(alone, root, 1)
    with alone.locked_database():
        alone.reply(root, monitor(2))
        await asyncio.to_thread(end_in_a_transaction, server)
    await works_again(alone, root, 2)
    assert re.search(r"store\.failed.*OperationalError: 57P01", alone.log)


def end_in_a_transaction(server: postgres.Server) -> None:
    """End the first session that waits for a lock."""
    with psycopg.connect(postgres.url_of(server.url, "postgres"), autocommit=True) as connection:
        deadline = time.monotonic() + 20
        while not connection.execute(f"{END_SESSIONS} AND wait_event_type = 'Lock'".encode()).fetchall():
            assert time.monotonic() < deadline, "nobody waits for a lock"
