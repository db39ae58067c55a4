"""`case-insights sandbox`: a sandbox with example data and a page to try the bot on, until Ctrl-C."""

import asyncio
import contextlib
import functools
import os
import signal
import socket
import sys
import webbrowser
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

from bot.sandbox.example_data import add_example_data
from bot.sandbox.page import server
from bot.sandbox.sandbox import Sandbox, running_sandbox
from bot.sandbox.supervisor import Supervisor

Json = dict[str, Any]
Say = Callable[[str], None]

_print = functools.partial(print, flush=True)
"""Also where a pipe or a file keeps what is printed."""
SETTINGS = {
    "CASE_INSIGHTS_CARD_DELAY": "200ms",
    "CASE_INSIGHTS_RETRY_CAP": "2s",
    "CASE_INSIGHTS_LEASE": "10s",
    "CASE_INSIGHTS_REACTION": "card_index",
}
"""Nobody trying the bot wants to wait for delays that are there for busy channels; and every door is open."""


@dataclass(frozen=True, slots=True)
class InteractiveSandbox:
    """A sandbox with a page at `url`."""

    sandbox: Sandbox
    supervisor: Supervisor
    url: str


@contextlib.asynccontextmanager
async def interactive_sandbox(manifest: Json, bound: socket.socket | None = None) -> AsyncGenerator[InteractiveSandbox]:
    """A sandbox with example data and a connected bot, and the page on this socket or a free port. Raises BotFailed."""
    bound = bound or server.bind(0)
    with contextlib.closing(bound):
        async with running_sandbox(manifest, **SETTINGS) as sandbox:
            _load(sandbox)
            # "Start over" on the page brings the example data back.
            sandbox.control.on_reset(lambda: _load(sandbox))
            supervisor = Supervisor(sandbox)
            runner = await server.serve(supervisor, bound)
            try:
                yield InteractiveSandbox(sandbox, supervisor, f"http://127.0.0.1:{bound.getsockname()[1]}/")
            finally:
                await supervisor.close()
                await runner.cleanup()


async def run(manifest: Json, port: int, *, open_page: bool, say: Say = _print) -> None:
    """Run until Ctrl-C: print the page's address, open it if there is a browser. Raises PortTaken, BotFailed."""
    bound = server.bind(port)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    say("Starting a small Slack, a small Datadog, and the bot …")
    async with interactive_sandbox(manifest, bound) as interactive:
        say(f"\n  Open   {interactive.url}\n")
        say("Everything stays on this machine. Ctrl-C ends it; nothing is kept.")
        if open_page and _has_screen():
            await asyncio.to_thread(webbrowser.open, interactive.url)
        await stopping.wait()


def _load(sandbox: Sandbox) -> None:
    sandbox.datadog.cases.clear()
    add_example_data(sandbox.slack, sandbox.datadog)


def _has_screen() -> bool:
    """Without a screen, `webbrowser` would open a text browser in this terminal."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
