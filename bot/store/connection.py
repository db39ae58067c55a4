"""What statements run on, whichever database it is: each is compiled once, and its rows are read at once.

SQLAlchemy is the language of statements; its way of running them costs several times what the databases need.
"""

from collections import namedtuple
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from sqlalchemy import exc
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.base import Executable

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


class Connection(Protocol):
    """Runs statements."""

    @property
    def dialect(self) -> Dialect: ...

    def execute(self, statement: Executable, values: Values | Sequence[Values] | None = None, /) -> Awaitable[Result]:
        """Run a statement, with one set of values or several; raises exc.DBAPIError."""
        ...


class Writer(Connection, Protocol):
    """Runs the statements of one transaction."""

    committed: bool
    """Whether it was committed; true even if the task that waited for the COMMIT was cancelled."""


class Driver(Protocol):
    """What is particular to a database, and to the library that talks to it.

    A list is one value, so that a statement's text is the same however long the list is.
    """

    @property
    def dialect(self) -> Dialect: ...

    def with_list(self, text: str, name: str, bind: Any) -> str:
        """The statement's text, with one parameter where SQLAlchemy left a place for this list."""
        ...

    def list(self, values: Iterable[Any]) -> Any:
        """A list as the value of that parameter."""
        ...

    def reader(self, column: Any) -> Callable[[Any], Any] | None:
        """What converts a value of this column to Python's; None where the library does that itself."""
        ...


class Plan:
    """A statement compiled once for its database: its text, the values in it, and how values are converted."""

    def __init__(self, statement: Any, names: tuple[str, ...], driver: Driver) -> None:
        dialect = driver.dialect
        compiled: Any = statement.compile(dialect=dialect, column_keys=names if _takes_columns(statement) else None)
        binds: Mapping[str, Any] = compiled.binds
        self.text = str(compiled)
        self._lists, self._as_list = [name for name, bind in binds.items() if bind.expanding], driver.list
        for name in self._lists:
            self.text = driver.with_list(self.text, name, binds[name])
        found = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in binds.items()}
        self._convert = {name: convert for name, convert in found.items() if convert and name not in self._lists}
        self._own = self._converted(
            {name: bind.effective_value for name, bind in binds.items() if not bind.required and name not in names}
        )
        columns = getattr(statement, "exported_columns", None)
        self._row = _row_of(columns, driver) if columns is not None and len(columns) else None

    def values(self, given: Values) -> dict[str, Any]:
        values = {**self._own, **(self._converted(given) if self._convert else given)}
        for name in self._lists:
            values[name] = self._as_list(values[name])
        return values

    def rows(self, columns: Sequence[Sequence[Any]], raw: Iterable[Sequence[Any]]) -> list[Any]:
        """Rows as named tuples; `columns`: the cursor's description, for plain SQL, which does not tell its columns."""
        row = self._row or _named(name for name, *_ in columns)
        return [row(*values) for values in raw]

    def _converted(self, values: Values) -> dict[str, Any]:
        return {
            name: convert(value) if (convert := self._convert.get(name)) else value for name, value in values.items()
        }


class Plans:
    """The plans of one database, each kept as long as its statement: for good, if that is a module's constant."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._made: WeakKeyDictionary[Executable, dict[tuple[str, ...], Plan]] = WeakKeyDictionary()

    def of(self, statement: Executable, first: Values) -> Plan:
        """The plan of a statement that runs with values of these names."""
        plans = self._made.get(statement)
        if plans is None:
            plans = self._made[statement] = {}
        names = tuple(first)
        plan = plans.get(names)
        if plan is None:
            plan = plans[names] = Plan(statement, names, self._driver)
        return plan


def _takes_columns(statement: Any) -> bool:
    """Whether it is an INSERT whose columns are those of the values that it runs with."""
    return bool(getattr(statement, "is_insert", False))


def sets_of(values: Values | Sequence[Values] | None) -> Sequence[Values]:
    """The sets of values that a statement runs with, one after the other."""
    return [values or {}] if values is None or isinstance(values, Mapping) else values


class CommitUncertain(exc.SQLAlchemyError):
    """A commit got no answer: what the transaction wrote may stand."""


def as_sqlalchemy(error: Exception, text: str) -> exc.DBAPIError:
    """The error that SQLAlchemy would raise; without the values, which may be ids and refs."""
    names = (kind.__name__ for kind in type(error).__mro__)
    kind: type[exc.DBAPIError] = next(found for name in names if (found := getattr(exc, name, None)))
    return kind(text, None, error, hide_parameters=True)


def _row_of(columns: Any, driver: Driver) -> Callable[..., Any]:
    """What makes a named tuple of a row that the database returns, with its values converted (see `Driver.reader`)."""
    row = _named(columns.keys())
    found = [driver.reader(column) for column in columns]
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
