"""What statements run on, whichever database it is: each is compiled once, and its rows are read at once.

SQLAlchemy is the language of statements; its way of running them costs several times what the databases need.
"""

import re
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from sqlalchemy import exc
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.base import Executable

Values = Mapping[str, Any]
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Result(list[Any]):
    """The rows of a statement; as much of SQLAlchemy's `Result` as the store uses."""

    rowcount = 0

    def first(self) -> Any:
        return self[0] if self else None

    def one(self) -> Any:
        (row,) = self
        return row

    def one_or_none(self) -> Any:
        return self.one() if self else None

    def scalar_one(self) -> Any:
        return self.one()[0]

    def scalar_one_or_none(self) -> Any:
        return self.one()[0] if self else None

    def scalars(self) -> list[Any]:
        return [row[0] for row in self]


class Driver(Protocol):
    """What is particular to a database and to the library that talks to it.

    A list is one value, so that a statement's text is the same however long the list is: `with_list` puts a parameter
    where SQLAlchemy left a place for it, `list` makes its value. `reader`: what converts a value of a column to
    Python's; None where the library does that itself. `error`: what the library raises.
    """

    @property
    def dialect(self) -> Dialect: ...
    @property
    def error(self) -> type[Exception]: ...
    def with_list(self, text: str, name: str, bind: Any) -> str: ...
    def list(self, values: Iterable[Any]) -> Any: ...
    def reader(self, column: Any) -> Callable[[Any], Any] | None: ...


def storable(value: Any) -> Any:
    """A text with U+FFFD for what databases refuse (NUL, half a character): an event with it would come for ever."""
    return _UNSTORABLE.sub("\ufffd", value) if isinstance(value, str) and not value.isprintable() else value


class Plan:
    """A statement compiled once for its database: its text, the values in it, and how values are converted."""

    def __init__(self, statement: Any, names: tuple[str, ...], driver: Driver) -> None:
        dialect = driver.dialect
        # Of an INSERT without values the columns are those of the values that it runs with.
        columns = names if getattr(statement, "is_insert", False) else None
        compiled: Any = statement.compile(dialect=dialect, column_keys=columns)
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
        returned = getattr(statement, "exported_columns", None)
        self._row = _row_of(returned, driver) if returned is not None and len(returned) else None

    def values(self, given: Values) -> dict[str, Any]:
        values = {**self._own, **self._converted(given)}
        return values | {name: self._as_list(map(storable, values[name])) for name in self._lists}

    def rows(self, cursor: Any, raw: Iterable[Sequence[Any]]) -> list[Any]:
        """Rows as named tuples. Only plain SQL does not tell its columns: psycopg takes long to describe them."""
        row = self._row or _named(name for name, *_ in cursor.description)
        return [row(*values) for values in raw]

    def _converted(self, values: Values) -> dict[str, Any]:
        return {name: self._convert.get(name, storable)(value) for name, value in values.items()}


class Plans:
    """The plans of one database, each kept as long as its statement: for good, if that is a module's constant."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self._made: WeakKeyDictionary[Executable, dict[tuple[str, ...], Plan]] = WeakKeyDictionary()

    def of(self, statement: Executable, first: Values) -> Plan:
        """The plan of a statement that runs with values of these names."""
        plans, names = self._made.setdefault(statement, {}), tuple(first)
        if names not in plans:
            plans[names] = Plan(statement, names, self.driver)
        return plans[names]


class Connection:
    """Runs statements. `committed`: whether its transaction stands, also where who waited for that was cancelled."""

    def __init__(self, raw: Any, plans: Plans) -> None:
        self.raw, self.plans, self.committed = raw, plans, False

    @property
    def dialect(self) -> Dialect:
        return self.plans.driver.dialect

    async def execute(self, statement: Executable, values: Values | Sequence[Values] | None = None, /) -> Result:
        """Run a statement, with one set of values or several; raises exc.SQLAlchemyError."""
        many = [values or {}] if values is None or isinstance(values, Mapping) else values
        plan = self.plans.of(statement, many[0] if many else {})
        try:
            cursor, rows, count = await self.run(plan.text, [plan.values(each) for each in many])
        except self.plans.driver.error as error:
            raise as_sqlalchemy(error, plan.text) from error
        result = Result(plan.rows(cursor, rows) if rows else ())
        result.rowcount = count
        return result

    async def run(self, text: str, many: Sequence[Values]) -> tuple[Any, Sequence[Any], int]:
        """Execute a text with each of these sets; the last cursor, all rows, and how many were affected."""
        raise NotImplementedError


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
