"""The two sides: the bot between the sandbox's servers, and the bare Bolt app beside it."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from bot.sandbox.bot_process import BotProcess
from tests.benchmarks.load import Sender, sender
from tests.e2e.bench import CHANNEL, SIGNING_SECRET, Bench, bench, monitor

ROOT = Path(__file__).parents[2]
AS_PEOPLE_RUN_IT = {
    "CASE_INSIGHTS_CARD_DELAY": "2s",
    "CASE_INSIGHTS_LEASE": "30s",
    "CASE_INSIGHTS_RETRY_CAP": "5m",
    "PYTHONPATH": str(ROOT),
}
"""The tests' bench shortens the times, and without a PYTHONPATH forks the bot instead of starting it from nothing."""


def pid(child: BotProcess) -> int:
    assert child._process is not None
    return child._process.pid


class Bare:
    """The bare app's process and, over HTTP, its port."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.pid, self.port = process.pid, port


@contextlib.asynccontextmanager
async def bare(slack_url: str, transport_mode: str) -> AsyncGenerator[Bare]:
    env = bare_environment(slack_url, transport_mode)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.bare", transport_mode, env=env, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        yield Bare(process, int(await process.stdout.readline()) if transport_mode == "http" else 0)
    finally:
        process.kill()
        await process.wait()


def bare_environment(slack_url: str, transport_mode: str) -> dict[str, str]:
    secret = (
        {"SLACK_SIGNING_SECRET": SIGNING_SECRET} if transport_mode == "http" else {"SLACK_APP_TOKEN": "xapp-sandbox"}
    )
    return {
        "TOKEN": "xoxb-sandbox",
        "SLACK_API_URL": slack_url,
        "HOME": tempfile.gettempdir(),
        "PYTHONPATH": str(ROOT),
        **secret,
    }


@contextlib.asynccontextmanager
async def bot(
    *, http: bool = False, replicas: int = 1, settings: Mapping[str, str] | None = None
) -> AsyncGenerator[Bench]:
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as directory:
        async with bench(
            Path(directory), http=http, replicas=replicas, settings={**AS_PEOPLE_RUN_IT, **(settings or {})}
        ) as b:
            yield b


@contextlib.asynccontextmanager
async def both_over_http() -> AsyncGenerator[tuple[Bench, Bare, Sender, Sender]]:
    """Our bot and the bare one, and what sends to each."""
    async with contextlib.AsyncExitStack() as stack:
        b = await stack.enter_async_context(bot(http=True))
        floor = await stack.enter_async_context(bare(b.slack.url, "http"))
        to_bot, to_bare = await sender(port(b)), await sender(floor.port)
        stack.push_async_callback(to_bot.close)
        stack.push_async_callback(to_bare.close)
        yield b, floor, to_bot, to_bare


def port(b: Bench, replica: int = 0) -> int:
    """Where the bot takes Slack's requests: not at the load balancer, which would cost more than it."""
    assert b.front is not None
    return urlsplit(b.front.targets[replica]).port or 0


async def untied(b: Bench) -> str:
    """A thread that the bot knows to be about no case; its ts."""
    root = b.slack.message(CHANNEL, "U0ANA", "Lunch?")["ts"]
    before = len(b.calls("conversations.replies"))
    b.reply(root, f"only if {monitor(9)} is quiet")
    await b.control.until(lambda: len(b.calls("conversations.replies")) > before, what="the root to be looked up")
    await b.handled()
    return root
