"""A running sandbox: the small Slack, the small Datadog, and one bot process connected to them."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from bot.sandbox.bot_process import BotProcess, environment
from bot.sandbox.control import Control
from bot.sandbox.datadog.server import DatadogServer
from bot.sandbox.example_data import CASE_KEY, CASE_TITLE
from bot.sandbox.slack.server import SlackServer

Json = dict[str, Any]

START_SECONDS = 30.0


class BotFailed(Exception):
    """The bot exited instead of connecting; the message is the end of its log."""


class Sandbox:
    """Both servers on loopback and one bot process, with a database that is deleted at the end."""

    def __init__(self, slack: SlackServer, datadog: DatadogServer, directory: Path, more: Json | None = None) -> None:
        self.slack, self.datadog, self.control = slack, datadog, slack.control
        self._database = directory / "case-insights.db"
        self.bot = BotProcess(environment(slack.url, datadog.url, self._database, more), directory)

    def reset(self) -> None:
        """Delete the bot's database and everything on both servers; the bot must not be running."""
        for file in self._database.parent.glob(f"{self._database.name}*"):
            file.unlink()
        self.control.reset()

    async def start_bot(self) -> None:
        """Start the bot and wait for its websocket. Raises BotFailed when it exits first."""
        old = set(self.slack.socket.connections)
        await self.bot.start()
        ended = asyncio.create_task(self.bot.wait())
        connected = asyncio.create_task(
            self.control.until(lambda: set(self.slack.socket.connections) - old, timeout=START_SECONDS, what="the bot")
        )
        await asyncio.wait({ended, connected}, return_when=asyncio.FIRST_COMPLETED)
        if not connected.done():
            connected.cancel()
            raise BotFailed(self.bot.log.read_text(encoding="utf-8", errors="replace")[-2000:])
        ended.cancel()
        await connected


@contextlib.asynccontextmanager
async def running_sandbox(manifest: Json, **settings: str) -> AsyncGenerator[Sandbox]:
    """A sandbox with the example case and a connected bot; everything is deleted when the block ends."""
    with tempfile.TemporaryDirectory(prefix="case-insights-") as directory:
        control = Control()
        async with SlackServer(manifest, control) as slack, DatadogServer(control) as datadog:
            datadog.add_case(CASE_KEY, CASE_TITLE)
            sandbox = Sandbox(slack, datadog, Path(directory), dict(settings))
            try:
                await sandbox.start_bot()
                yield sandbox
            finally:
                await sandbox.bot.stop()
