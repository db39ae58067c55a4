"""The bot as a fork of a process that has already imported it: most of a start is spent on the same thousand imports.

Each worker of the suite has one such process, the standard library's fork server. A fork runs what `case-insights run`
runs, with the environment, directory and log of a `BotProcess`. It does not test a start from nothing; `BotProcess`
itself does that in the tests of the sandbox and its page, and wherever the settings have a PYTHONPATH.
"""

import asyncio
import functools
import multiprocessing
import os
import signal
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from bot import __main__ as command_line
from bot.sandbox.bot_process import BotProcess
from tests import statements

PRELOADED = (
    *("bot.__main__", "bot.app", "httpcore", "anyio._backends._asyncio", "psycopg", "sqlalchemy.dialects.sqlite"),
    *("encodings.idna", __name__),
)
"""What the bot imports when it starts."""


class ForkedBot(BotProcess):
    """A bot process that starts in a tenth of the time."""

    async def start(self) -> None:
        context = await asyncio.to_thread(_fork_server)
        self.log.touch()
        process: Any = context.Process(target=_run, args=(self.env, self._directory, self.log), daemon=True)
        process.start()
        self._process = _Process(process)  # type: ignore[assignment]


class _Process:
    """The part of asyncio's `Process` that tests use."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process, self._exited = process, asyncio.Event()
        self.pid: int = process.pid or 0
        self.returncode: int | None = None
        asyncio.get_running_loop().add_reader(process.sentinel, self._on_exit)

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    async def wait(self) -> int:
        await self._exited.wait()
        assert self.returncode is not None
        return self.returncode

    def _on_exit(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self.returncode = self._process.exitcode
        self._exited.set()


@functools.cache
def _fork_server() -> ForkServerContext:
    """The fork server; the first call blocks until everything is imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    first: Any = context.Process(target=int)
    first.start()
    first.join()
    return context


def _run(env: Mapping[str, str], directory: Path, log: Path) -> None:
    notes = os.environ.get(statements.FOLDER)
    os.environ.clear()
    os.environ.update(env)
    if notes is not None:
        statements.watch(Path(notes))
    os.chdir(directory)
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    command_line.main(["run"], prog_name="case-insights")
