"""What survives a restart: SQLite, or PostgreSQL for several replicas."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy import select

from bot.config import database
from bot.store.connection import Connection
from bot.store.dialects import BUSY_SECONDS, server_now
from bot.store.sqlite import SqliteDatabase
from bot.store.transaction import Taker, Transaction

__all__ = ["Store", "now"]


class Store:
    """The database. `write` is one transaction, committed when its block ends; `read` takes no write lock.

    `patience`: how many seconds a write waits for other writes (SQLite only). Somebody who clicked waits for one
    second; what a call to Slack or Datadog brought is worth waiting for longer. `taker`: who works on jobs here.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.taker: Taker | None = None
        file = database.file_of(url)
        if file is not None:
            self.database = SqliteDatabase(str(file))
        else:
            from bot.store.postgresql import PostgresqlDatabase  # 85 ms that a bot on SQLite need not spend

            self.database = PostgresqlDatabase(url)

    @asynccontextmanager
    async def write(self, *, patience: float = BUSY_SECONDS) -> AsyncGenerator[Transaction]:
        """Raises SQLAlchemyError, from the block or from the commit; then nothing is written."""
        tx = None
        try:
            async with self.database.write(patience) as connection:
                tx = Transaction(connection, self.taker)
                yield tx
        finally:
            if tx is not None:
                tx.end()

    def read(self) -> AbstractAsyncContextManager[Connection]:
        """Each statement stands alone: no BEGIN, no ROLLBACK."""
        return self.database.read()

    def snapshot(self) -> AbstractAsyncContextManager[Connection]:
        """As `read`, and all statements see the same moment; not to be held while something else is waited for."""
        return self.database.snapshot()

    async def analyze(self) -> None:
        """Tell the planner how large the tables are; raises SQLAlchemyError."""
        await self.database.analyze()

    async def close(self) -> None:
        await self.database.close()


_NOW = select(server_now())


async def now(connection: Connection) -> float:
    """The database's time, epoch seconds: all stored times come from this clock."""
    return (await connection.execute(_NOW)).scalar_one()
