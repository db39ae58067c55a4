"""The two sides: the bot between the sandbox's servers, and the bare Bolt app."""

import asyncio
import contextlib
import sqlite3
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from bot.sandbox.bot_process import BotProcess
from tests.benchmarks.floor_tables import TABLES
from tests.benchmarks.load import Sender, sender
from tests.e2e.bench import CHANNEL, SIGNING_SECRET, Bench, bench, monitor

ROOT = Path(__file__).parents[2]
CLEAN_ENVIRONMENT = {"HOME": tempfile.gettempdir(), "PYTHONPATH": str(ROOT)}
PRODUCTION_SETTINGS = {
    "CASE_INSIGHTS_CARD_DELAY": "2s",
    "CASE_INSIGHTS_LEASE": "30s",
    "CASE_INSIGHTS_RETRY_CAP": "5m",
    "PYTHONPATH": str(ROOT),
}
"""The tests' bench has shorter times, and forks the bot unless there is a PYTHONPATH."""


def pid(bot: BotProcess) -> int:
    assert bot._process is not None
    return bot._process.pid


class Bare(NamedTuple):
    """The bare app's process and, over HTTP, its port."""

    pid: int
    port: int


class Floor(NamedTuple):
    """The process of the least correct program, its port, and its database."""

    pid: int
    port: int
    database: sqlite3.Connection


@contextlib.asynccontextmanager
async def bare(slack_url: str, transport_mode: str) -> AsyncGenerator[Bare]:
    is_http = transport_mode == "http"
    secret = {"SLACK_SIGNING_SECRET": SIGNING_SECRET} if is_http else {"SLACK_APP_TOKEN": "xapp-sandbox"}
    env = {"TOKEN": "xoxb-sandbox", "SLACK_API_URL": slack_url, **CLEAN_ENVIRONMENT, **secret}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.bare", transport_mode, env=env, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        yield Bare(process.pid, int(await process.stdout.readline()) if is_http else 0)
    finally:
        process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def floor(b: Bench) -> AsyncGenerator[Floor]:
    """The least correct program, with a database on the same disk, between the same servers as this bot."""
    file = b.database.parent / "floor.db"
    urls = {"SLACK_API_URL": b.slack.url, "DD_API_URL": b.datadog.url, "FLOOR_DATABASE": str(file)}
    env = {"TOKEN": "xoxb-sandbox", "SLACK_SIGNING_SECRET": SIGNING_SECRET, **urls, **CLEAN_ENVIRONMENT}
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.executescript(TABLES)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.benchmarks.floor", env=env, stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )
        try:
            assert process.stdout is not None
            yield Floor(process.pid, int(await process.stdout.readline()), database)
        finally:
            process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def bot(
    *, http: bool = False, replicas: int = 1, settings: Mapping[str, str] | None = None
) -> AsyncGenerator[Bench]:
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as directory:
        async with bench(
            Path(directory), http=http, replicas=replicas, settings={**PRODUCTION_SETTINGS, **(settings or {})}
        ) as b:
            yield b


@contextlib.asynccontextmanager
async def both_over_http(**settings: str) -> AsyncGenerator[tuple[Bench, Bare, Sender, Sender]]:
    """The bot, the bare app, and a sender of events to each."""
    async with contextlib.AsyncExitStack() as stack:
        b = await stack.enter_async_context(bot(http=True, settings=settings))
        floor = await stack.enter_async_context(bare(b.slack.url, "http"))
        to_bot, to_bare = await sender(port(b)), await sender(floor.port)
        stack.push_async_callback(to_bot.close)
        stack.push_async_callback(to_bare.close)
        yield b, floor, to_bot, to_bare


def port(b: Bench, replica: int = 0) -> int:
    """The bot's own port: the load balancer would cost more than the bot."""
    assert b.balancer is not None
    return urlsplit(b.balancer.targets[replica]).port or 0


async def untied(b: Bench) -> str:
    """A thread that the bot knows has no case; its ts."""
    root = b.slack.message(CHANNEL, "U0ANA", "Lunch?")["ts"]
    before = len(b.calls("conversations.replies"))
    b.reply(root, f"only if {monitor(9)} is quiet")
    await b.control.until(lambda: len(b.calls("conversations.replies")) > before, what="the root to be looked up")
    await b.handled()
    return root
