"""SQLite, driven directly: each statement is compiled once and runs on a connection that stays open.

SQLAlchemy stays the language of statements; its way of running them costs ten times what SQLite needs. One connection
reads (in WAL it waits for nobody) and one writes, for which this process queues: SQLite lets one write at a time and
keeps no queue, so of twenty who wait, one would starve. Only what may wait for the disk or for another process leaves
the event loop: COMMIT, and a BEGIN that finds somebody else writing.
"""

import asyncio
import json
import sqlite3
from collections import namedtuple
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import exc
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.base import Executable

DIALECT = sqlite.dialect(paramstyle="named")
KEPT_STATEMENTS = 512
"""Prepared by the sqlite3 module, per connection: more than the bot has."""
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")
"""`synchronous=FULL`: power cuts are real, and rates are tiny."""
LOOK_AGAIN_SECONDS = 0.01
OPEN_SECONDS = 1.0
"""How long the first connection may wait while the log of a crashed process is recovered."""

Values = Mapping[str, Any]


class Result:
    """The rows of a statement, read already; as much of SQLAlchemy's `Result` as the store uses."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: list[Any], rowcount: int) -> None:
        self._rows, self.rowcount = rows, rowcount

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> list[Any]:
        return self._rows

    def first(self) -> Any:
        return self._rows[0] if self._rows else None

    def one(self) -> Any:
        (row,) = self._rows
        return row

    def one_or_none(self) -> Any:
        return self.one() if self._rows else None

    def scalar_one(self) -> Any:
        return self.one()[0]

    def scalar_one_or_none(self) -> Any:
        return self.one()[0] if self._rows else None

    def scalars(self) -> "Result":
        return Result([row[0] for row in self._rows], self.rowcount)


class Plan:
    """A statement as SQLite takes it, made once: its text, its own values, and how values go in and come out.

    Lists are handed over as JSON, so that the text is the same however long they are.
    """

    def __init__(self, statement: Any, names: tuple[str, ...]) -> None:
        compiled: Any = statement.compile(dialect=DIALECT, column_keys=names or None)
        binds: Mapping[str, Any] = compiled.binds
        self.text = str(compiled)
        self._lists = [name for name, bind in binds.items() if bind.expanding]
        for name in self._lists:
            self.text = self.text.replace(f"(__[POSTCOMPILE_{name}])", f"(SELECT value FROM json_each(:{name}))")  # noqa: S608  ours
        found = {name: bind.type.dialect_impl(DIALECT).bind_processor(DIALECT) for name, bind in binds.items()}
        self._convert = {name: convert for name, convert in found.items() if convert and name not in self._lists}
        self._own = self._converted(
            {name: bind.effective_value for name, bind in binds.items() if not bind.required and name not in names}
        )
        columns = getattr(statement, "exported_columns", None)
        self._row = _row_of(columns) if columns is not None and len(columns) else None

    def values(self, given: Values) -> Values:
        values = {**self._own, **(self._converted(given) if self._convert else given)}
        for name in self._lists:
            values[name] = json.dumps(list(values[name]))
        return values

    def rows(self, cursor: sqlite3.Cursor) -> list[Any]:
        if cursor.description is None:
            return []
        row = self._row or _named([name for name, *_ in cursor.description])  # a text says nothing of its columns
        return [row(*values) for values in cursor.fetchall()]

    def _converted(self, values: Values) -> dict[str, Any]:
        return {
            name: convert(value) if (convert := self._convert.get(name)) else value for name, value in values.items()
        }


def _row_of(columns: Any) -> Callable[..., Any]:
    """Makes a named tuple of what SQLite returns, with truth values and times as such."""
    row = _named(columns.keys())
    found = [column.type.dialect_impl(DIALECT).result_processor(DIALECT, None) for column in columns]
    converts = [(place, convert) for place, convert in enumerate(found) if convert]
    if not converts:
        return row

    def made(*values: Any) -> Any:
        converted = list(values)
        for place, convert in converts:
            converted[place] = convert(converted[place])
        return row(*converted)

    return made


def _named(names: Iterable[str]) -> Callable[..., Any]:
    return namedtuple("Row", names, rename=True)  # pyright: ignore[reportUntypedNamedTuple]


class Connection:
    """Runs statements; awaits nothing."""

    dialect = DIALECT

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw
        # A statement that is kept (a module's constant) keeps its plan; one that was made for once takes it along.
        self._plans: WeakKeyDictionary[Executable, dict[tuple[str, ...], Plan]] = WeakKeyDictionary()

    async def execute(self, statement: Executable, values: Values | Sequence[Values] | None = None) -> Result:
        """Run a statement, with one set of values or several; raises exc.DBAPIError."""
        many = [values or {}] if values is None or isinstance(values, Mapping) else values
        rows: list[Any] = []
        count = 0
        plan = self._plan(statement, tuple(many[0]) if many else ())
        try:
            for each in many:
                cursor = self.raw.execute(plan.text, plan.values(each))
                rows += plan.rows(cursor)
                count += cursor.rowcount
        except sqlite3.Error as error:
            raise as_sqlalchemy(error, plan.text) from error
        return Result(rows, count)

    def _plan(self, statement: Executable, names: tuple[str, ...]) -> Plan:
        plans = self._plans.setdefault(statement, {})
        plan = plans.get(names)
        if plan is None:
            plan = plans[names] = Plan(statement, names)
        return plan


def as_sqlalchemy(error: sqlite3.Error, text: str) -> exc.DBAPIError:
    """The error that SQLAlchemy would raise; without the values, which may be ids and refs."""
    kind = exc.IntegrityError if isinstance(error, sqlite3.IntegrityError) else exc.OperationalError
    return kind(text, None, error, hide_parameters=True)


class Database:
    """One file, with its two connections, which are opened when they are first needed."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._reader: Connection | None = None
        self._writer: Connection | None = None
        self._turn = asyncio.Lock()
        self._disk = ThreadPoolExecutor(1, "sqlite-commit")

    def reader(self) -> Connection:
        self._reader = self._reader or self._open()
        return self._reader

    @asynccontextmanager
    async def write(self, patience: float) -> AsyncGenerator[Connection]:
        """One transaction, committed when its block ends; waits at most `patience` seconds for other writers."""
        deadline = asyncio.get_running_loop().time() + patience
        try:
            async with asyncio.timeout_at(deadline):
                await self._turn.acquire()
        except TimeoutError as error:
            raise exc.TimeoutError("database is locked by this process's other writers") from error
        try:
            self._writer = self._writer or self._open()
            raw = self._writer.raw
            await _begin(raw, deadline)
            try:
                yield self._writer
            except BaseException:
                _roll_back(raw)
                raise
            await self._commit(raw)
        finally:
            self._turn.release()

    async def _commit(self, raw: sqlite3.Connection) -> None:
        done = asyncio.get_running_loop().run_in_executor(self._disk, raw.execute, "COMMIT")
        try:
            await asyncio.shield(done)
        except sqlite3.Error as error:
            _roll_back(raw)
            raise as_sqlalchemy(error, "COMMIT") from error
        except asyncio.CancelledError:
            await asyncio.wait([done])  # nobody else may write before it is over
            raise

    def _open(self) -> Connection:
        try:
            raw = sqlite3.connect(
                self._file,
                OPEN_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=KEPT_STATEMENTS,
            )
            for pragma in PRAGMAS:
                raw.execute(f"PRAGMA {pragma}")
            raw.execute("PRAGMA busy_timeout=0")  # what waits for another process waits off the loop, see `_begin`
        except sqlite3.Error as error:
            raise as_sqlalchemy(error, "connect") from error
        return Connection(raw)

    def close(self) -> None:
        for connection in (self._reader, self._writer):
            if connection is not None:
                connection.raw.close()
        self._reader = self._writer = None
        self._disk.shutdown()


async def _begin(raw: sqlite3.Connection, deadline: float) -> None:
    """Another process may be writing: then its turn comes first."""
    while True:
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or asyncio.get_running_loop().time() > deadline:
                raise as_sqlalchemy(error, "BEGIN") from error
        else:
            return
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


def _roll_back(raw: sqlite3.Connection) -> None:
    if raw.in_transaction:  # a full disk has done it already
        raw.execute("ROLLBACK")
