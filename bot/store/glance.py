"""SQLite's short way to a few rows: a statement made once, on a connection that stays open and is read from at once.

In WAL a reader waits for nobody, so it does not leave the loop either (see `near_sqlite`).
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DatabaseError

WAIT_SECONDS = 1.0
"""How long a read waits where it must: while the log is recovered after a crash."""

_DIALECT = sqlite.dialect(paramstyle="named")


class Glances:
    """One connection to a database file, opened when it is first asked."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None
        self._made: dict[Select[Any], tuple[str, dict[str, Any], Callable[..., Any]]] = {}

    def rows(self, statement: Select[Any], values: Mapping[str, Any]) -> Sequence[Any]:
        """What it finds, as named tuples of what SQLite keeps; raises DatabaseError, as SQLAlchemy does."""
        text, constants, row = self._made.get(statement) or self._make(statement)
        try:
            self._connection = self._connection or sqlite3.connect(self._file, WAIT_SECONDS, isolation_level=None)
            return [row(*each) for each in self._connection.execute(text, {**constants, **values})]
        except sqlite3.Error as error:
            raise DatabaseError(text, None, error, hide_parameters=True) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _make(self, statement: Select[Any]) -> tuple[str, dict[str, Any], Callable[..., Any]]:
        compiled = statement.compile(dialect=_DIALECT)
        row = namedtuple("row", statement.selected_columns.keys())  # pyright: ignore[reportUntypedNamedTuple]
        self._made[statement] = made = str(compiled), dict(compiled.params), row
        return made
