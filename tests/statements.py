"""Every statement that the suite executes, explained on a large database: none may scan a table that grows.

The bot's processes write down each kind of statement once, with the values it came with; at the end of a whole run both
databases explain them, with statistics (`conftest`). What scans all the same stands in `ALLOWED`, with the reason.
"""

import asyncio
import contextlib
import json
import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import ProgrammingError

from bot.store import Store, dialects, migrate
from tests import postgres
from tests.fill import fill

FOLDER = "TESTS_STATEMENTS"
"""Where processes write down what they execute; unset: they do not."""
GROWING = (
    "cases",
    "ties",
    "sightings",
    "insights",
    "cards",
    "card_insights",
    "transitions",
    "mentions",
    "reactions",
    "thread_comments",
)
OF_FEW_ROWS = (
    "ix_cards_behind",
    "ix_insights_at_work",
    "ix_insights_unfinished",
    "ix_sightings_pending",
)
"""Indexes of what is under way: to read all of one is no scan of its table."""
ALLOWED: Mapping[str, str] = {}
"""By a piece of the statement: why it may scan."""
FEWEST = 150
"""Kinds of statement that a whole run executes at least: fewer means that they are not written down."""
SHARE = 0.02
"""Of the large database: enough for both planners to prefer an index where there is one."""

_VALUE = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b|%\(\w+\)s", re.IGNORECASE)
_seen: set[str] = set()


def watch(folder: Path) -> None:
    """Write down what this process executes, from here on."""
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect

    def watched(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection = connect(*args, **kwargs)
        connection.set_trace_callback(lambda statement: _note(folder, "sqlite", statement, {}))
        return connection

    sqlite3.connect = watched  # type: ignore[assignment]

    execute: Callable[..., Any] = psycopg.AsyncConnection.execute
    executemany: Callable[..., Any] = psycopg.AsyncCursor.executemany

    def note(statement: Any, values: Any) -> None:
        _note(folder, "postgresql", statement.decode() if isinstance(statement, bytes) else statement, values or {})

    async def one(self: Any, statement: Any, values: Any = None, **kwargs: Any) -> Any:
        note(statement, values)
        return await execute(self, statement, values, **kwargs)

    async def many(self: Any, statement: Any, values: Any, **kwargs: Any) -> Any:
        note(statement, values[0] if values else None)
        return await executemany(self, statement, values, **kwargs)

    psycopg.AsyncConnection.execute = one  # type: ignore[method-assign]
    psycopg.AsyncCursor.executemany = many  # type: ignore[method-assign]


def _note(folder: Path, database: str, statement: str, values: Mapping[str, Any]) -> None:
    if not re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", statement, re.IGNORECASE):
        return
    kind = f"{database} {_kind(statement)}"
    if kind in _seen:
        return
    _seen.add(kind)
    line = json.dumps({"database": database, "statement": statement, "values": values}, default=str)
    with (folder / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as notes:
        notes.write(f"{line}\n")


def _kind(statement: str) -> str:
    """The statement without its values."""
    plain = " ".join(_VALUE.sub("?", statement).split())
    return re.sub(r"\((?:\?, )+\?\)", "(?)", plain)


def scans(folder: Path) -> list[str]:
    """Each statement that scans a growing table, with the table."""
    notes: dict[str, dict[str, Any]] = {}
    for file in folder.glob("*.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            note = json.loads(line)
            notes[f"{note['database']} {_kind(note['statement'])}"] = note
    found = [] if len(notes) >= FEWEST else [f"only {len(notes)} kinds of statement were written down"]
    with _large() as explained:
        for kind, note in sorted(notes.items()):
            if any(piece in kind for piece in ALLOWED):
                continue
            found += [f"{table}: {kind[:600]}" for table in explained[note["database"]](note)]
    return found


@contextlib.contextmanager
def _large() -> Iterator[Mapping[str, Callable[[dict[str, Any]], list[str]]]]:
    """Both databases, filled; for each, what tells the growing tables that a statement scans."""
    with tempfile.TemporaryDirectory() as folder, postgres.server() as server, contextlib.ExitStack() as stack:
        sqlite_url = f"sqlite:///{folder}/large.db"
        postgres_url = postgres.create(server, "large")
        for url in (sqlite_url, postgres_url):
            _filled(url)
        near = stack.enter_context(contextlib.closing(sqlite3.connect(f"{folder}/large.db")))
        made = dialects.create_sync(postgres_url)
        stack.callback(made.dispose)
        far = stack.enter_context(made.connect())
        yield {"sqlite": lambda note: _of_sqlite(near, note), "postgresql": lambda note: _of_postgresql(far, note)}


def _filled(url: str) -> None:
    async def make() -> None:
        store = Store(url)
        await migrate.upgrade(store)
        await fill(store, SHARE)
        await store.close()

    asyncio.run(make())


def _of_sqlite(connection: sqlite3.Connection, note: dict[str, Any]) -> list[str]:
    try:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {note['statement']}").fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):  # a test's own
            return []
        raise
    details = [str(detail) for *_, detail in plan if not str(detail).endswith(OF_FEW_ROWS)]
    return [match[1] for detail in details if (match := re.match(r"SCAN (\w+)", detail)) and match[1] in GROWING]


def _of_postgresql(connection: Connection, note: dict[str, Any]) -> list[str]:
    with connection.begin_nested() if connection.in_transaction() else connection.begin() as at:
        try:
            plan = connection.exec_driver_sql(f"EXPLAIN {note['statement']}", note["values"]).scalars().all()
        except ProgrammingError as error:
            if "UndefinedTable" not in type(error.orig).__name__:
                raise
            plan = []
        finally:
            at.rollback()
    return [
        match[1] for line in plan for match in [re.search(r"Seq Scan on (\w+)", line)] if match and match[1] in GROWING
    ]
