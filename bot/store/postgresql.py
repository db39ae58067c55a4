"""PostgreSQL, driven directly: a read is one statement without a transaction, a write begins in one round trip.

Neither prepared statements nor start-up options: PgBouncer shares connections between transactions.
"""

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import exc
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import make_url

from bot.store.connection import CommitUncertain, Connection, Plans, Values, as_sqlalchemy
from bot.store.dialects import BUSY_SECONDS

DIALECT = PGDialect_psycopg()
MOST = 20
"""Connections of one process: what waits for Slack or Datadog holds none."""
LOST = ("08", "57P", "25006", "25P03", "25P04")
"""How the SQLSTATE begins where a session is over or cannot write: sessions from before a failover are read-only after
it. Our own time-out is 57014 and ends no session. https://www.postgresql.org/docs/current/errcodes-appendix.html
"""
DEAD_AFTER = {"connect_timeout": 5, "tcp_user_timeout": 5000, "keepalives_idle": 10, "keepalives_interval": 5}
"""A server whose machine is gone answers nothing, not even that it is gone."""
RECONNECT_SECONDS = 2.0
"""When the pool's own attempts, which become rare, end: whoever asks for a connection then starts new ones."""
_TIME_OUT = f"SET LOCAL statement_timeout = {int(BUSY_SECONDS * 1000)}"
BEGIN = f"BEGIN; {_TIME_OUT}".encode()
BEGIN_SNAPSHOT = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_TIME_OUT}".encode()

LOOK_AFTER_SECONDS = 1.0
"""How long a connection may be idle before somebody looks whether it still stands."""

logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # whoever wanted a connection logs what it warns of


class PooledConnection(psycopg.AsyncConnection[TupleRow]):
    """A connection that knows when it was used last."""

    used_at = 0.0


async def _check(raw: PooledConnection) -> None:
    if time.monotonic() - raw.used_at > LOOK_AFTER_SECONDS:
        await AsyncConnectionPool.check_connection(raw)


class PostgresqlDriver:
    """Lists are handed over as arrays; psycopg makes Python's values."""

    dialect, error = DIALECT, psycopg.Error

    def with_list(self, text: str, name: str, bind: Any) -> str:
        array = f"(%({name})s::{bind.type.compile(DIALECT)}[])"
        place = re.escape(f"(__[POSTCOMPILE_{name}])")
        text = re.sub(rf"\bNOT IN {place}", f"!= ALL {array}", text)
        return re.sub(rf"\bIN {place}", f"= ANY {array}", text)

    def list(self, values: Iterable[Any]) -> Any:
        return [*values]

    def reader(self, column: Any) -> None:
        return None


class PostgresqlConnection(Connection):
    """`within`: seconds for each statement; None: the server's time-out is enough."""

    within: float | None = None

    async def run(self, text: str, many: Sequence[Values]) -> tuple[Any, Sequence[Any], int]:
        """Several sets are one round trip."""
        try:
            async with asyncio.timeout(self.within):
                if len(many) == 1:
                    cursor = await self.raw.execute(text.encode(), many[0])
                else:
                    cursor = self.raw.cursor()
                    await cursor.executemany(text.encode(), many, returning=True)
                has_rows = cursor.rownumber is not None
                rows: list[Any] = await cursor.fetchall() if has_rows else []
                while cursor.nextset() and has_rows:
                    rows += await cursor.fetchall()
        except TimeoutError as error:
            raise exc.TimeoutError(f"PostgreSQL did not answer within {self.within} s") from error
        return cursor, rows, cursor.rowcount


class PostgresqlDatabase:
    """A pool of connections, which are opened as they are needed."""

    def __init__(self, url: str) -> None:
        self._plans = Plans(PostgresqlDriver())
        self._opened = False
        self._pool = AsyncConnectionPool[PooledConnection](
            make_url(url).set(drivername="postgresql").render_as_string(hide_password=False),
            kwargs={"autocommit": True, "prepare_threshold": None, **DEAD_AFTER},
            min_size=1,
            max_size=MOST,
            timeout=BUSY_SECONDS,
            reconnect_timeout=RECONNECT_SECONDS,
            open=False,
            connection_class=PooledConnection,
            check=_check,
        )

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[PostgresqlConnection]:
        """Each statement stands alone."""
        async with self._connection() as raw:
            connection = PostgresqlConnection(raw, self._plans)
            connection.within = BUSY_SECONDS
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[PostgresqlConnection]:
        """All statements see the same moment."""
        async with self._connection() as raw:
            await raw.execute(BEGIN_SNAPSHOT)
            yield PostgresqlConnection(raw, self._plans)

    @asynccontextmanager
    async def write(self, patience: float) -> AsyncGenerator[PostgresqlConnection]:
        """One transaction, committed when its block ends. `patience` is for SQLite: PostgreSQL lets many write."""
        async with self._connection() as raw:
            await raw.execute(BEGIN)
            connection = PostgresqlConnection(raw, self._plans)
            yield connection  # the pool rolls back what raises
            await _commit(connection)

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[PooledConnection]:
        """Raises SQLAlchemy's errors in place of psycopg's.

        When one session is lost, all that were opened before leave the pool, too: the driver takes only closed
        connections for lost, and the pool's check lets a read-only one pass.
        """
        if not self._opened:
            self._opened = True
            await self._pool.open()
        try:
            async with self._pool.connection() as raw:
                yield raw
                raw.used_at = time.monotonic()
        except psycopg.Error as error:
            await self._left(error)
            raise as_sqlalchemy(error, "") from error
        except Exception as error:
            await self._left(getattr(error, "orig", error.__cause__))
            raise

    async def _left(self, error: object) -> None:
        state = error.sqlstate if isinstance(error, psycopg.Error) else None
        if type(error) is psycopg.OperationalError or (state or "").startswith(LOST):  # without a state: cut
            await self._pool.drain()

    async def analyze(self) -> None:
        """PostgreSQL keeps its statistics itself."""

    async def close(self) -> None:
        await self._pool.close()


async def _commit(connection: PostgresqlConnection) -> None:
    done = asyncio.ensure_future(connection.raw.commit())
    try:
        await asyncio.shield(done)
    except asyncio.CancelledError:
        await asyncio.wait([done], timeout=BUSY_SECONDS)
        connection.committed = done.done() and done.exception() is None
        raise
    except psycopg.OperationalError as error:
        if connection.raw.broken:
            raise CommitUncertain("the connection was lost during COMMIT") from error
        raise
    connection.committed = True
