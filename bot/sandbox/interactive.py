"""`case-insights sandbox`: the stage with its scene, and the page to try the bot on, until Ctrl-C."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import webbrowser
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

from bot.sandbox import scene
from bot.sandbox.keeper import Keeper
from bot.sandbox.page import server
from bot.sandbox.stage import Stage, staged

Json = dict[str, Any]
Say = Callable[[str], None]

QUICKER = {"CASE_INSIGHTS_CARD_DELAY": "200ms", "CASE_INSIGHTS_RETRY_CAP": "2s", "CASE_INSIGHTS_LEASE": "10s"}
"""Nobody who tries the bot wants to wait for what spares a busy channel."""


@dataclass(frozen=True, slots=True)
class OpenHouse:
    """A stage with a page: `url` is the page's."""

    stage: Stage
    keeper: Keeper
    url: str


@contextlib.asynccontextmanager
async def opened(manifest: Json, bound: socket.socket | None = None) -> AsyncGenerator[OpenHouse]:
    """The scene on a stage, the bot connected, the page served (on a free port). Raises BotFailed."""
    bound = bound or server.bind(0)
    with contextlib.closing(bound):
        async with staged(manifest, **QUICKER) as stage:
            _set_up(stage)
            # Starting over on the page brings the scene back.
            stage.control.on_reset(lambda: _set_up(stage))
            keeper = Keeper(stage)
            runner = await server.serve(keeper, bound)
            try:
                yield OpenHouse(stage, keeper, f"http://127.0.0.1:{bound.getsockname()[1]}/")
            finally:
                await keeper.close()
                await runner.cleanup()


async def run(manifest: Json, port: int, *, open_page: bool, say: Say = print) -> None:
    """Until Ctrl-C; says where the page is, and opens it if there is a browser. Raises PortTaken, BotFailed."""
    bound = server.bind(port)
    stopping = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, stopping.set)
    say("Starting a small Slack, a small Datadog, and the bot …")
    async with opened(manifest, bound) as house:
        say(f"\n  Open   {house.url}\n")
        say("Everything stays on this machine. Ctrl-C ends it; nothing is kept.")
        if open_page and _has_screen():
            await asyncio.to_thread(webbrowser.open, house.url)
        await stopping.wait()


def _set_up(stage: Stage) -> None:
    stage.datadog.cases.clear()
    scene.set_up(stage.slack, stage.datadog)


def _has_screen() -> bool:
    """Without one, `webbrowser` would take over the terminal with a text browser."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
