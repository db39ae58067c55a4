"""What both databases have in common: the server's clock, INSERTs that may repeat, and the engine of migrations.

SQLite's transactions begin IMMEDIATE: deferred ones fail as "database is locked" when they turn into writers, and
SQLAlchemy's default loses updates.
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Double, Engine, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import ConnectionPoolEntry, NullPool
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.sql.functions import FunctionElement

from bot.config.sqlite_file import keep_private
from bot.store.sqlite import PRAGMAS
from bot.store.transaction import Transaction

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

BUSY_SECONDS = 1.0
"""How long a transaction waits for another: a click must be answered within Slack's three seconds."""


class server_now(FunctionElement[float]):  # noqa: N801  it reads as a SQL function
    """The database's clock in epoch seconds: replicas' own clocks may be skewed, leases must not be."""

    type = Double[float]()
    inherit_cache = True


@compiles(server_now, "sqlite")
def _sqlite_now(element: server_now, compiler: SQLCompiler, **kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"  # unixepoch('subsec') needs SQLite 3.42


@compiles(server_now, "postgresql")
def _postgresql_now(element: server_now, compiler: SQLCompiler, **kw: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


def create_sync(url: str) -> Engine:
    """The engine of migrations; on SQLite its transaction takes the write lock as it begins. It keeps no connection."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed.set(drivername="postgresql+psycopg"), poolclass=NullPool)
    keep_private(str(parsed.database))
    engine = create_engine(parsed.set(drivername="sqlite"), poolclass=NullPool)
    event.listen(engine, "connect", _sqlite_connect)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_connect(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves  # pyright: ignore[reportAttributeAccessIssue]
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


async def upsert(
    tx: Transaction,
    table: Table,
    key: Mapping[str, object],
    values: Mapping[str, object],
    *,
    changes: Mapping[str, object] | None = None,
    where: ColumnElement[bool] | None = None,
) -> bool:
    """Insert a row, or change the row of this primary key; returns whether either happened.

    `changes`: what an existing row gets, where that is not `values`; `where`: which existing rows are changed.
    """
    if changes is None and where is None:
        statement = _upsert(tx.dialect.name, table, tuple(key), tuple(values))
        return (await tx.execute(statement, {**key, **values})).first() is not None
    row = insert_on(tx.dialect.name, table).values(**key, **values)
    row = row.on_conflict_do_update(index_elements=list(key), set_=values if changes is None else changes, where=where)
    # Not `rowcount`: after an INSERT psycopg's is -1.
    return (await tx.execute(row.returning(*table.primary_key))).first() is not None


@cache
def _upsert(dialect: str, table: Table, key: tuple[str, ...], names: tuple[str, ...]) -> ReturningInsert[Any]:
    row = insert_on(dialect, table)
    row = row.on_conflict_do_update(index_elements=key, set_={name: row.excluded[name] for name in names})
    return row.returning(*table.primary_key)


def insert_on(dialect: str, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """The dialect's INSERT, which knows ON CONFLICT: Slack repeats what it sends, and that must be harmless."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # 85 ms that a bot on SQLite need not spend

        return postgresql.insert(table)
    return sqlite.insert(table)
