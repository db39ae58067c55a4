"""The costs of each path in calls, statements and transactions: counts do not depend on the machine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

import bot
from tests.e2e.bench import CHANNEL, COMMENT, GET, KEY, PUT, Bench, bench, comment_is_due, monitor

TRACE_STATEMENTS = """
import os
import sqlite3

if "DATABASE_URL" in os.environ:
    connect, log = sqlite3.connect, open("statements", "a", buffering=1)

    def watched(*args, **kwargs):
        connection = connect(*args, **kwargs)
        connection.set_trace_callback(lambda statement: log.write(" ".join(statement.split()) + chr(10)))
        return connection

    sqlite3.connect = watched
"""
ONCE_A_MINUTE = ("heartbeats", "DELETE FROM sightings")
LOOKING_FOR_WORK = "SELECT min(jobs.due_at"


class Counted:
    """A bench whose bot logs every SQL statement."""

    def __init__(self, b: Bench, file: Path) -> None:
        self.b = b
        self._file = file

    async def begin(self) -> None:
        """Start counting."""
        await self.b.handled()
        self._file.write_bytes(b"")

    async def acknowledged(self) -> None:
        await self.b.control.until(lambda: self.b.slack.transport.undelivered == 0, what="acknowledgements")

    @property
    def statements(self) -> list[str]:
        """Those since `begin`, without connection set-up and the loop's look for work."""
        lines = self._file.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if not line.startswith(("PRAGMA", LOOKING_FOR_WORK))]

    @property
    def transactions(self) -> int:
        """Those since `begin`, without what happens once a minute."""
        begun = "\n".join(self.statements).split("BEGIN IMMEDIATE")[1:]
        return sum(not any(table in each for table in ONCE_A_MINUTE) for each in begun)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def counted_bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Counted]:
    directory = tmp_path_factory.mktemp("counted")
    (directory / "sitecustomize.py").write_text(TRACE_STATEMENTS, encoding="utf-8")
    settings = {"PYTHONPATH": f"{directory}:{Path(bot.__file__).parents[1]}", "CASE_INSIGHTS_CARD_DELAY": "1s"}
    async with bench(directory, settings=settings) as b:
        yield Counted(b, directory / "bot-0" / "statements")


@pytest.fixture
async def c(counted_bench: Counted) -> Counted:
    await counted_bench.b.reset()
    return counted_bench


async def test_a_message_without_a_link_asks_nobody_anything(c: Counted) -> None:
    root = c.b.start_thread()
    await c.begin()
    before = len(c.b.control.calls)
    c.b.reply(root, "who has looked at it?")
    await c.acknowledged()
    assert c.statements == []
    assert [call.method for call in c.b.control.calls[before:]] == ["socket:events_api"]


async def test_a_link_in_a_thread_about_no_case_is_one_select(c: Counted) -> None:
    root = c.b.slack.message(CHANNEL, "U0ANA", "Lunch?")["ts"]
    c.b.reply(root, monitor(1))
    await c.begin()
    before = len(c.b.control.calls)
    c.b.reply(root, monitor(2))
    await c.acknowledged()
    [select] = c.statements
    assert select.startswith("SELECT ties.")
    assert [call.method for call in c.b.control.calls[before:]] == ["socket:events_api"]


async def test_a_link_in_a_tied_thread_is_one_transaction(c: Counted) -> None:
    root = c.b.start_thread()
    c.b.reply(root, monitor(1))
    await c.b.card(root, "Add 1 insight")
    await c.begin()
    c.b.reply(root, monitor(2))
    await c.acknowledged()
    assert c.transactions == 1
    assert len(c.statements) <= 22
    await c.b.card(root, "Add 2 insights")


async def test_a_click_that_datadog_answers_soon_is_three_transactions_one_put_and_one_update(c: Counted) -> None:
    root = c.b.start_thread()
    await c.begin()
    before = len(c.b.control.calls)
    c.b.reply(root, monitor(1))
    card = await c.b.card(root, "Add 1 insight")
    await c.b.handled()
    assert c.transactions == 2, "the link, whose transaction has the card posted, and the card"
    await c.begin()
    await c.b.click(card, "insights.add")
    await c.b.card(root, "Added to CASEM-4523")
    await c.b.handled()
    assert c.transactions == 3, "the click, the answer of Datadog, the card"
    assert len(c.statements) <= 44
    made = [call.method for call in c.b.control.calls[before:]]
    changes = [method for method in made if method.startswith(("chat.", "PUT"))]
    assert changes == ["chat.postMessage", PUT, "chat.update"]


async def test_while_datadog_takes_its_time_the_card_says_adding(c: Counted) -> None:
    root = c.b.start_thread()
    c.b.control.rule("datadog", PUT, hold="before", times=1)
    c.b.reply(root, monitor(1))
    card = await c.b.card(root, "Add 1 insight")
    await c.begin()
    await c.b.click(card, "insights.add")
    await c.b.held(PUT)
    await c.b.card(root, "Adding")
    c.b.control.release()
    await c.b.card(root, "Added to CASEM-4523")
    await c.b.handled()
    assert c.transactions == 5, "two more: the claim of the card that says adding, and its end"


async def test_threads_about_a_case_that_was_just_told_of_do_not_ask_again(c: Counted) -> None:
    for number in (1, 2, 3):
        c.b.reply(c.b.start_thread(), monitor(number))
    await c.b.handled()
    assert len(c.b.calls(GET)) == 1


async def test_a_burst_and_a_click_are_one_comment_after_a_while_and_undo_leaves_none(c: Counted) -> None:
    b, root = c.b, c.b.start_thread()
    for number in (1, 2, 3):
        b.reply(root, monitor(number))
    await b.click(await b.card(root, "Add 3 insights"), "insights.add")
    added = await b.card(root, "Added to CASEM-4523")
    await b.handled()
    assert b.calls(COMMENT) == [], "it waits for more"

    async def later() -> list[str]:
        await comment_is_due(b)
        await b.handled()
        return b.datadog.cases[KEY].comments

    [text] = await later()
    assert [line.split("`")[1::2] for line in text.splitlines() if "`" in line] == [[n, "Ana"] for n in "123"]
    await b.click(added, "insights.undo")
    await b.card(root, "Removed")
    assert await later() == []
    calls = [call.method.partition(" ")[0] for call in b.control.calls if "/comment" in call.path]
    assert calls == ["POST", "DELETE"]
