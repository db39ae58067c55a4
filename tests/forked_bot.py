"""The bot as a fork of a process that has imported it: what a real start costs most is the same thousand modules.

Each worker of the suite has one such process, from the standard library's fork server. A fork is a process of its own:
it gets its environment, folder and log as `Child` gives them, runs what `case-insights run` runs, and is killed,
stopped and waited for by its id. What it does not show is a start from nothing: `Child` itself does, in the sandbox's
own tests, in the browser's, and wherever PYTHONPATH brings something along.
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
from bot.sandbox.child import Child

IMPORTED = ("bot.__main__", "bot.app", "psycopg", "sqlalchemy.dialects.sqlite", "encodings.idna", __name__)
"""What the bot imports as it starts."""


class Forked(Child):
    """A bot process that starts in a tenth of the time."""

    async def start(self) -> None:
        forks = await asyncio.to_thread(_forks)
        self.log.touch()
        process: Any = forks.Process(target=_run, args=(self.env, self._directory, self.log), daemon=True)
        process.start()
        self._process = _Process(process)  # type: ignore[assignment]


class _Process:
    """As much of asyncio's `Process` as tests use."""

    def __init__(self, forked: ForkServerProcess) -> None:
        self._forked, self._ended = forked, asyncio.Event()
        self.pid: int = forked.pid or 0
        self.returncode: int | None = None
        asyncio.get_running_loop().add_reader(forked.sentinel, self._on_end)

    def send_signal(self, sign: signal.Signals) -> None:
        os.kill(self.pid, sign)

    def terminate(self) -> None:
        self._forked.terminate()

    def kill(self) -> None:
        self._forked.kill()

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def _on_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._forked.sentinel)
        self.returncode = self._forked.exitcode
        self._ended.set()


@functools.cache
def _forks() -> ForkServerContext:
    """Blocks until everything is imported; from then on a start does not."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(IMPORTED))
    first: Any = context.Process(target=int)
    first.start()
    first.join()
    return context


def _run(env: Mapping[str, str], directory: Path, log: Path) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(directory)
    with log.open("ab") as told:
        os.dup2(told.fileno(), 1)
        os.dup2(told.fileno(), 2)
    command_line.main(["run"], prog_name="case-insights")
