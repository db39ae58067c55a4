"""SQLite without a change of threads for each statement: only what may wait for others or for the disk leaves the loop.

aiosqlite sends every call of a cursor to a thread of its own: four changes of threads for one SELECT, half a
millisecond of CPU each, where the statement itself takes microseconds. In WAL a statement waits for nobody but at the
start of a write (for other writers) and at its end (for the disk).
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import aiosqlite

WAITING = ("BEGIN", "PRAGMA")
"""Statements that wait for other processes' locks: the start of a write, and what sets a connection up."""


class _Near(aiosqlite.Connection):
    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  untyped there
        waits = fn.__name__ in ("commit", "close") or (bool(args) and str(args[0]).startswith(WAITING))
        if waits:
            return await super()._execute(fn, *args, **kwargs)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return fn(*args, **kwargs)


async def connect(path: str, *, timeout: float, **_: object) -> aiosqlite.Connection:  # noqa: ASYNC109  its name there
    """A connection as SQLAlchemy's aiosqlite dialect asks for it; one task uses it at a time.

    `timeout`: how many seconds a write waits for those of other processes.
    """

    def opened() -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=timeout, check_same_thread=False)

    near = _Near(opened, 64)
    near._thread.daemon = True  # as SQLAlchemy does: a connection that nobody closed must not hold up the end  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001
    return await near
