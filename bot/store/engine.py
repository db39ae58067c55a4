"""PostgreSQL's connections, those of migrations on both databases, and the server's clock.

SQLite's own are in `sqlite`. Its transactions begin IMMEDIATE: deferred ones fail as "database is locked" when they
turn into writers, and SQLAlchemy's default loses updates.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Double, Engine, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import ConnectionPoolEntry, NullPool
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from bot.store.sqlite import PRAGMAS

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

BUSY_SECONDS = 1.0
"""How long a transaction waits for another: a click must be answered within Slack's three seconds."""

LOST = ("08", "57P", "25006", "25P03", "25P04")
"""How the SQLSTATE of a session begins that is over, or that cannot write: after a failover those that were open before
are read-only. Our own time-out is 57014 and ends nothing. https://www.postgresql.org/docs/current/errcodes-appendix.html
"""


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


def create(url: str) -> AsyncEngine:
    """PostgreSQL's pool, with our settings whatever driver the URL names.

    Neither prepared statements nor start-up options: PgBouncer shares connections between transactions.
    """
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        pool_size=12,  # what goes over that is opened and closed each time, which costs more than the work it does
        max_overflow=8,
        connect_args={"prepare_threshold": None},
        hide_parameters=True,  # an error goes to the log, ids and refs do not
    )
    event.listen(engine.sync_engine, "begin", _postgresql_begin)
    event.listen(engine.sync_engine, "handle_error", _postgresql_error)
    return engine


def create_sync(url: str) -> Engine:
    """One connection for migrations, whose transaction takes the write lock as it begins."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed.set(drivername="postgresql+psycopg"), poolclass=NullPool)
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


def _postgresql_begin(connection: Connection) -> None:
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(BUSY_SECONDS * 1000)}")


def _postgresql_error(context: ExceptionContext) -> None:
    """A lost session is closed, and so is, before its next use, every other that was opened before this moment.

    The driver counts only closed connections as lost, and the ping a read-only one as good.
    """
    if (getattr(context.original_exception, "sqlstate", None) or "").startswith(LOST):
        context.is_disconnect = True


async def upsert(
    tx: AsyncConnection,
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
    row = insert_on(tx.dialect.name, table).values(**key, **values)
    row = row.on_conflict_do_update(index_elements=list(key), set_=values if changes is None else changes, where=where)
    # Not `rowcount`: after an INSERT psycopg's is -1.
    return (await tx.execute(row.returning(*table.primary_key))).first() is not None


def insert_on(dialect: str, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """The dialect's INSERT, which knows ON CONFLICT: Slack repeats what it sends, and that must be harmless."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # 85 ms that a bot on SQLite need not spend

        return postgresql.insert(table)
    return sqlite.insert(table)
