"""SQLite, driven directly on connections that stay open.

One connection reads (in WAL it waits for nobody) and one writes. The writers of this process queue for it: SQLite lets
one write at a time and keeps no queue, so of twenty who wait, one would starve. What may wait for the disk or for
another process does not block the event loop: COMMIT runs in a thread, and a BEGIN that finds somebody else writing is
tried again a moment later.
"""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import exc
from sqlalchemy.dialects import sqlite

from bot.config.sqlite_file import SqliteFile, keep_private
from bot.store.connection import Connection, Plans, Values, as_sqlalchemy

DIALECT = sqlite.dialect(paramstyle="named")
KEPT_STATEMENTS = 512
"""Prepared statements that the sqlite3 module keeps for each connection: more than the bot has."""
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")
"""`synchronous=FULL`: power cuts are real, and rates are tiny."""
LOOK_AGAIN_SECONDS = 0.01
OPEN_SECONDS = 1.0
"""How long the first connection may wait while the log of a crashed process is recovered."""
LOST = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CANTOPEN)
"""Errors after which a connection may fail for good: it is opened anew, as the file may have been mended meanwhile."""


class SqliteDriver:
    """Lists are handed over as JSON; SQLite knows neither truth values nor times."""

    dialect, error = DIALECT, sqlite3.Error

    def with_list(self, text: str, name: str, bind: Any) -> str:
        return text.replace(f"(__[POSTCOMPILE_{name}])", f"(SELECT value FROM json_each(:{name}))")  # noqa: S608  ours

    def list(self, values: Iterable[Any]) -> str:
        return json.dumps(list(values))

    def reader(self, column: Any) -> Callable[[Any], Any] | None:
        return column.type.dialect_impl(DIALECT).result_processor(DIALECT, None)


class SqliteConnection(Connection):
    """Awaits nothing."""

    async def run(self, text: str, many: Sequence[Values]) -> tuple[Any, Sequence[Any], int]:
        cursor, rows, count = None, list[Any](), 0
        for values in many:
            cursor = self.raw.execute(text, values)
            count += cursor.rowcount
            rows += cursor.fetchall()
        return cursor, rows, count


class _Opened:
    """A connection to the file, opened when it is first needed, and again after `LOST` or when the file is another."""

    def __init__(self, file: str) -> None:
        self._file = SqliteFile(file)
        self.raw: sqlite3.Connection | None = None

    @contextlib.contextmanager
    def use(self) -> Generator[sqlite3.Connection]:
        """Raises SQLAlchemy's errors."""
        try:
            if self.raw is not None and not self._file.check():
                self.close()
            if self.raw is None:
                self.raw = self._connect()
            yield self.raw
        except (sqlite3.Error, exc.DBAPIError) as error:
            cause = error.orig if isinstance(error, exc.DBAPIError) else error
            if getattr(cause, "sqlite_errorcode", 0) & 0xFF in LOST:
                self.close()
            raise as_sqlalchemy(error, "") if cause is error else error from cause

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            if self.raw is not None:
                self.raw.close()
        self.raw = None

    def _connect(self) -> sqlite3.Connection:
        keep_private(self._file.path)
        raw = sqlite3.connect(
            self._file.path,
            timeout=OPEN_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=KEPT_STATEMENTS,
        )
        try:
            for pragma in (*PRAGMAS, "analysis_limit=400"):
                raw.execute(f"PRAGMA {pragma}")
            raw.execute("PRAGMA busy_timeout=0")  # to wait in SQLite would block the event loop: `_begin` waits
            self._file.opened()
        except BaseException:
            raw.close()
            raise
        return raw


class SqliteDatabase:
    """One file, with its two connections, which are opened when they are first needed."""

    def __init__(self, file: str) -> None:
        self._reader, self._writer = _Opened(file), _Opened(file)
        self._plans = Plans(SqliteDriver())
        self._turn = asyncio.Lock()
        self._disk = ThreadPoolExecutor(1, "sqlite-commit")

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[SqliteConnection]:
        """Each statement stands alone."""
        with self._reader.use() as raw:
            yield SqliteConnection(raw, self._plans)

    snapshot = read
    """Statements await nothing, so no other transaction of this process comes between those of a block."""

    @asynccontextmanager
    async def write(self, patience: float) -> AsyncGenerator[SqliteConnection]:
        """One transaction, committed when its block ends; waits at most `patience` seconds for other writers."""
        deadline = asyncio.get_running_loop().time() + patience
        try:
            async with asyncio.timeout_at(deadline):
                await self._turn.acquire()
        except TimeoutError as error:
            raise exc.TimeoutError("database is locked by this process's other writers") from error
        try:
            with self._writer.use() as raw:
                await _begin(raw, deadline)
                connection = SqliteConnection(raw, self._plans)
                try:
                    yield connection
                except BaseException:
                    _roll_back(raw)
                    raise
                await self._commit(connection)
        finally:
            self._turn.release()

    async def analyze(self) -> None:
        """Tell the planner how large the tables are. It looks at some hundred rows of each, however large they are."""
        async with self._turn:
            with self._writer.use() as raw:
                await self._on_disk(raw, "ANALYZE")

    async def _commit(self, connection: SqliteConnection) -> None:
        try:
            await self._on_disk(connection.raw, "COMMIT")
            connection.committed = True
        except asyncio.CancelledError:
            connection.committed = not connection.raw.in_transaction
            raise
        finally:
            _roll_back(connection.raw)

    async def _on_disk(self, raw: sqlite3.Connection, text: str) -> None:
        """Run this where it may wait for the disk. Nobody else may write before it is over, whoever is cancelled."""
        done = asyncio.get_running_loop().run_in_executor(self._disk, raw.execute, text)
        cancelled: asyncio.CancelledError | None = None
        while not done.done():
            try:
                await asyncio.wait([done])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled
        done.result()

    async def close(self) -> None:
        self._reader.close()
        self._writer.close()
        self._disk.shutdown()


async def _begin(raw: sqlite3.Connection, deadline: float) -> None:
    """Begin as soon as no other process is writing; raises where that is not before `deadline`."""
    while True:
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or asyncio.get_running_loop().time() > deadline:
                raise
        else:
            return
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


def _roll_back(raw: sqlite3.Connection) -> None:
    if raw.in_transaction:  # a full disk has done it already
        raw.execute("ROLLBACK")
