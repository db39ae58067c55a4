"""What survives a restart: SQLite, or PostgreSQL for several replicas."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.config import database
from bot.store import engine, sqlite
from bot.store.engine import BUSY_SECONDS, server_now

__all__ = ["Store", "now"]


class Store:
    """The database. `write` is one transaction, committed when its block ends; `read` takes no write lock.

    `patience`: how many seconds a write waits for this process's others on SQLite. Somebody who clicked waits for one
    second; what a call to Slack or Datadog brought is worth waiting for longer.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        file = database.file_of(url)
        self.sqlite = None if file is None else sqlite.Database(str(file))
        self.engine = None if file is not None else engine.create(url)

    @asynccontextmanager
    async def write(self, *, patience: float = BUSY_SECONDS) -> AsyncGenerator[AsyncConnection]:
        """Raises SQLAlchemyError, from the block or from the commit; then nothing is written."""
        if self.sqlite is not None:
            async with self.sqlite.write(patience) as connection:
                yield cast(AsyncConnection, connection)  # as much of it as statements need
        else:
            assert self.engine is not None, "one of the two"  # noqa: S101
            async with self.engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """Each statement stands alone: no BEGIN, no ROLLBACK."""
        if self.sqlite is not None:
            yield cast(AsyncConnection, self.sqlite.reader())
        else:
            assert self.engine is not None, "one of the two"  # noqa: S101
            async with self.engine.connect() as connection:
                yield connection

    async def close(self) -> None:
        if self.sqlite is not None:
            self.sqlite.close()
        if self.engine is not None:
            await self.engine.dispose()


_NOW = select(server_now())


async def now(connection: AsyncConnection) -> float:
    """The database's time, epoch seconds: every stored time is of this clock."""
    return (await connection.execute(_NOW)).scalar_one()
