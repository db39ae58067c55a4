"""SQLite without a change of threads for each statement: only what may wait for others or for the disk leaves the loop.

aiosqlite sends every call of a cursor to a thread of its own: four changes of threads for one SELECT, half a
millisecond of CPU each, where the statement itself takes microseconds. In WAL a statement waits for nobody but at the
start of a write, where another process writes, and at its end (for the disk).
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import aiosqlite


class _Near(aiosqlite.Connection):
    patience = 0.0
    """Seconds that a write waits for other processes'."""

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  untyped there
        statement = str(args[0]) if args else ""
        begun = statement.startswith("BEGIN") and self._begun(fn, *args)
        waits = fn.__name__ in ("commit", "close") or statement.startswith(("BEGIN", "PRAGMA"))
        if waits and not begun:
            return await super()._execute(fn, *args, **kwargs)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return None if begun else fn(*args, **kwargs)

    def _begun(self, fn: Callable[..., Any], *args: Any) -> bool:
        """Whether nobody else was writing, as nearly always: then nothing has to wait."""
        self._conn.execute("PRAGMA busy_timeout=0")
        try:
            fn(*args)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return False
        finally:
            self._conn.execute(f"PRAGMA busy_timeout={self.patience * 1000:.0f}")
        return True


async def connect(path: str, *, timeout: float, **_: object) -> aiosqlite.Connection:  # noqa: ASYNC109  its name there
    """A connection as SQLAlchemy's aiosqlite dialect asks for it; one task uses it at a time.

    `timeout`: how many seconds a write waits for those of other processes.
    """

    def opened() -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=timeout, check_same_thread=False)

    near = _Near(opened, 64)
    near.patience = timeout
    near._thread.daemon = True  # as SQLAlchemy does: a connection that nobody closed must not hold up the end  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001
    return await near
