"""The stage: both servers and the bot beside them, and the main job played on it once."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

from bot.sandbox.child import Child, environment
from bot.sandbox.control import Control
from bot.sandbox.datadog.server import DatadogServer
from bot.sandbox.render import as_text, readable
from bot.sandbox.scene import CASE_KEY, CASE_LINK, CASE_TITLE
from bot.sandbox.slack.server import SlackServer

Json = dict[str, Any]
Say = Callable[[str], None]

CHANNEL = "C0INCIDENTS"
MONITOR_LINK = "https://app.datadoghq.com/monitors/90210?group=host%3Aweb-1&from_ts=1795439598000&to_ts=1795440498000"
ERROR_LINK = "https://app.datadoghq.com/error-tracking/issue/2841440d-e780-4fe2-96cd-6a8c1d194da5"
START_SECONDS = 30.0


class BotFailed(Exception):
    """The bot ended instead of connecting; the message carries the end of its log."""


class Stage:
    """Both servers on loopback and one bot process, with a database that lasts as long as the stage."""

    def __init__(self, slack: SlackServer, datadog: DatadogServer, directory: Path, more: Json | None = None) -> None:
        self.slack, self.datadog, self.control = slack, datadog, slack.control
        self._database = directory / "case-insights.db"
        self.bot = Child(environment(slack.url, datadog.url, self._database, more), directory)

    def forget(self) -> None:
        """Everything that was said and stored; the bot must not run."""
        for file in self._database.parent.glob(f"{self._database.name}*"):
            file.unlink()
        self.control.reset()

    async def start_bot(self) -> None:
        """Start the bot and wait until Slack has its websocket; raises BotFailed when it ends first."""
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
async def staged(manifest: Json, **settings: str) -> AsyncGenerator[Stage]:
    """A stage with the example case, its bot connected; everything is gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="case-insights-") as directory:
        control = Control()
        async with SlackServer(manifest, control) as slack, DatadogServer(control) as datadog:
            datadog.add_case(CASE_KEY, CASE_TITLE)
            stage = Stage(slack, datadog, Path(directory), dict(settings))
            try:
                await stage.start_bot()
                yield stage
            finally:
                await stage.bot.stop()


async def demo(manifest: Json, say: Say = print) -> None:
    """The main job once: a thread about a case, a reply with two links, one click; then what everybody sees."""
    async with staged(manifest) as stage:
        slack, control = stage.slack, stage.control
        root = slack.message(CHANNEL, "U0ANA", f"Memory on the API keeps growing, the case is {CASE_LINK}")["ts"]
        reply = f"This fired just now {MONITOR_LINK} and this is the error behind it {ERROR_LINK}"
        slack.message(CHANNEL, "U0ANA", reply, thread_ts=root)
        say(f"Ana starts a thread about {CASE_KEY} in #incidents, and pastes two links in a reply.")
        card = await control.until(lambda: _card(stage, root), timeout=20, what="the card")
        say("\nThe bot offers them:\n" + _indented(as_text(card)))
        say("\nBen presses Add.")
        await slack.click(CHANNEL, card["ts"], "insights.add", "U0BEN")
        await control.until(lambda: "Added to" in _text(stage, root), timeout=20, what="the card that says added")
        await control.quiet()
        say("\nThe thread in Slack at the end:")
        for message in slack.thread(CHANNEL, root):
            name = slack.workspace.users[message["user"]].name
            say(_indented(f"{name}: {as_text(message)}"))
        case = stage.datadog.cases[CASE_KEY]
        say(f"\nThe case in Datadog, {CASE_KEY}, {case.title}:")
        for insight in case.insights:
            say(_indented(f"{insight.type}  {insight.resource_id}\n    {insight.ref}"))
        puts = control.matching("datadog", "PUT /api/v2/cases/{case_id}/insights")
        say(f"\n{len(case.insights)} insights added with {len(puts)} call to Datadog.")


def _card(stage: Stage, root: str) -> Json | None:
    return next((message for message in stage.slack.thread(CHANNEL, root) if message.get("metadata")), None)


def _text(stage: Stage, root: str) -> str:
    card = _card(stage, root)
    return readable(card["text"]) if card else ""


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
