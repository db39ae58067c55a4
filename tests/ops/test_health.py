"""Whether the database is of use: one that only answers reads is not. And what the log is told of what breaks."""

import asyncio
import contextlib
import itertools
import os
import resource
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
import structlog

from bot.config import network
from bot.datadog.client import Datadog
from bot.ops.health import DatabaseCheck, Health
from bot.sandbox.datadog.server import DatadogServer
from bot.slack.transport import LastEvent, Transport
from bot.store import Store, migrate
from bot.worker.loop import Worker
from tests import postgres
from tests.datadog.conftest import GOOD
from tests.e2e.company import Company
from tests.services.conftest import context_of


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[Store]:
    store = Store(postgres.create(postgres_url, "health"))
    await migrate.upgrade(store)
    yield store
    await store.close()
    postgres.drop(postgres_url, "health")


def read_only(postgres_url: str, value: str) -> None:
    """What sessions are from now on."""
    with psycopg.connect(postgres.url_of(postgres_url, "postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE health SET default_transaction_read_only = {value}".encode())


async def test_a_database_that_only_answers_is_told_until_it_takes_writes_again(store: Store, postgres_url: str):
    asked_each_time, asked_once = DatabaseCheck(store, every=0.0), DatabaseCheck(store, every=3600.0)
    assert await asked_each_time.reasons() == []
    read_only(postgres_url, "on")
    async with asyncio.timeout(10):
        while not (reasons := await asked_each_time.reasons()):
            await store.database._pool.drain()  # each time: a session that was just being opened is from before
    [reason] = reasons
    assert reason.startswith("Nothing can be written to the database (InternalError: 25006): check its disk, and ")
    assert await asked_once.reasons() == [reason]

    read_only(postgres_url, "off")
    async with asyncio.timeout(10):
        while await asked_each_time.reasons():
            pass  # each refused write takes its session out of the pool
    assert await asked_once.reasons() == [reason], "it looks again in an hour"


async def test_a_database_that_does_not_answer_is_asked_to_write_once_it_does(tmp_path: Path):
    store = Store(f"sqlite:///{tmp_path}/none/one.db")
    database = DatabaseCheck(store)
    [reason] = await database.reasons()
    assert reason.startswith("The database does not answer (OperationalError: unable to open database file)")
    (tmp_path / "none").mkdir()
    [reason] = await database.reasons()
    assert reason.startswith("Nothing can be written to the database (OperationalError: no such table")
    await store.close()


# --- what the log is told ---


@pytest.fixture
async def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Company]:
    """Datadog is `https://datadog.test`, behind a proxy that opens TLS."""
    async with DatadogServer() as server, Company({"datadog.test": server.url}, tmp_path).open() as company:
        monkeypatch.setenv("HTTPS_PROXY", company.proxy)
        monkeypatch.setenv("SSL_CERT_FILE", str(company.authority))
        network.certificates.cache_clear()
        yield company
        network.certificates.cache_clear()


URL = "https://datadog.test"


class Slack:
    """A transport that tells its reasons in turns; `asked` is set when health looks at it."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.turns: Iterator[list[str]] = itertools.repeat([])

    def reasons(self) -> list[str]:
        self.asked.set()
        return next(self.turns)


class Logged:
    """What a bot with an empty database and its Datadog at `datadog.test` logs of its health, with no pause."""

    def __init__(self, directory: Path) -> None:
        self.database = directory / "bot.db"
        self.store = Store(f"sqlite:///{self.database}")
        self.datadog = Datadog(URL, GOOD, timeout=5)
        context = context_of(default="datadoghq.com")
        orgs = {"default": replace(context.orgs["default"], datadog=self.datadog)}
        context, self.slack = replace(context, store=self.store, orgs=orgs), Slack()
        self.health = Health(context, Worker(context), cast(Transport, self.slack), LastEvent())
        self.health._database._every = self.health.keys._every = 0.0

    async def lines(self, logged: Sequence[Any], count: int) -> list[tuple[str, str, str]]:
        """Event, part and cause of each line, once there are so many and five more looks have brought no other."""
        async with asyncio.timeout(15):
            more = 5
            while more:
                more -= len(self._of_health(logged)) >= count
                self.slack.asked.clear()
                await self.slack.asked.wait()
        return self._of_health(logged)

    @contextlib.asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """The two watches of a running bot, with no pause; Datadog has been asked, as within the first 30 s."""
        keys = asyncio.create_task(self.health.keys.run())
        while self.health.keys.reasons():
            await asyncio.wait({keys}, timeout=0.01)
        looks = asyncio.create_task(self.health.log_changes(every=0.0))
        yield
        keys.cancel()
        looks.cancel()

    def _of_health(self, logged: Sequence[Any]) -> list[tuple[str, str, str]]:
        return [(each["event"], each["part"], each["why"]) for each in logged if each["event"].startswith("health.")]


Change = Callable[[Logged, Company], object]


@pytest.fixture
async def bot(company: Company, tmp_path: Path) -> AsyncIterator[Logged]:
    bot = Logged(tmp_path)
    await migrate.upgrade(bot.store)
    yield bot
    await bot.datadog.close()
    await bot.store.close()


def rename(start: str, end: str) -> Change:
    return lambda bot, _: (bot.database.parent / start).rename(bot.database.parent / end)


def may_write(most: int) -> Change:
    """This process's files may grow to so many bytes, as on a disk that is full."""
    return lambda *_: resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


def refuse(answer: bool) -> Change:
    return lambda _, company: setattr(company, "refuses", answer)


def lead(**variables: str) -> Change:
    """The way to Datadog has these variables besides the right ones."""

    def change(bot: Logged, company: Company) -> None:
        right = {"HTTPS_PROXY": company.proxy, "SSL_CERT_FILE": str(company.authority)}
        os.environ.update({**right, **variables})
        network.certificates.cache_clear()
        bot.datadog._client = Datadog(URL, GOOD, timeout=5)._client

    return change


FAULTS: dict[str, tuple[str, Change, Change, str]] = {
    # the part, what breaks it, what mends it, the cause
    "file": ("database", rename("bot.db", "away.db"), rename("away.db", "bot.db"), "bot.db is gone: put it back"),
    "disk": ("database", may_write(0), may_write(resource.RLIM_INFINITY), "Nothing can be written to the database ("),
    "proxy that refuses": ("default", refuse(True), refuse(False), "refused (403), by way of the proxy 127.0.0.1:"),
    "proxy": ("default", lead(HTTPS_PROXY="http://127.0.0.1:1"), lead(), "the connection was refused, by way of"),
    "name": ("default", lead(HTTPS_PROXY=""), lead(), "The cause: its name cannot be resolved."),
    "certificate": ("default", lead(SSL_CERT_FILE=""), lead(), "The cause: its certificate is not trusted: "),
}


@pytest.mark.parametrize("what", FAULTS)
async def test_what_breaks_and_what_is_mended_is_one_line_each_with_the_cause(bot: Logged, company: Company, what: str):
    part, spoil, mend, cause = FAULTS[what]
    await bot.health.probes.ready()  # its database is open
    spoil(bot, company)
    with structlog.testing.capture_logs() as logged:
        async with bot.looking():
            broken = await bot.lines(logged, 1)
            mend(bot, company)
            lines = await bot.lines(logged, 2)
    assert [line[:2] for line in lines] == [("health.broken", part), ("health.mended", part)]
    assert cause in broken[0][2]
    assert lines[1][2] == broken[0][2]


async def test_what_is_well_only_between_two_tries_is_not_called_mended(bot: Logged):
    bot.slack.turns = itertools.cycle((["Slack does not answer."], []))
    with structlog.testing.capture_logs() as logged:
        async with bot.looking():
            assert await bot.lines(logged, 1) == [("health.broken", "slack", "Slack does not answer.")]
            bot.slack.turns = itertools.repeat([])
            assert (await bot.lines(logged, 2))[1:] == [("health.mended", "slack", "Slack does not answer.")]


async def test_a_bot_that_starts_is_not_called_broken(bot: Logged, company: Company):
    rename("bot.db", "away.db")(bot, company)
    with structlog.testing.capture_logs() as logged, contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.3):
            await bot.health.log_changes()
    assert bot._of_health(logged) == []
