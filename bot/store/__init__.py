"""What survives a restart: SQLite, or PostgreSQL for several replicas."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.config import database
from bot.store import engine, glance
from bot.store.engine import BUSY_SECONDS, server_now

__all__ = ["Store", "now"]


class Store:
    """The database. `write` is one transaction, committed when its block ends; `read` takes no write lock.

    `patience`: how many seconds a write waits for this process's others on SQLite. Somebody who clicked waits for one
    second; what a call to Slack or Datadog brought is worth waiting for longer.
    """

    def __init__(self, url: str) -> None:
        self.engine = engine.create(url)
        self._writing = engine.for_writes(self.engine)
        self._turn = asyncio.Lock()
        file = database.file_of(url)
        self._glances = None if file is None else glance.Glances(str(file))

    def write(self, *, patience: float = BUSY_SECONDS) -> AbstractAsyncContextManager[AsyncConnection]:
        return engine.write(self._writing, self._turn, patience)

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return engine.read(self.engine)

    async def rows(self, statement: Select[Any], values: Mapping[str, str]) -> Sequence[Any]:
        """What a SELECT finds that comes with nearly every event; `statement` must be kept, and take texts and numbers.

        On SQLite it leaves out SQLAlchemy's way to a connection, which costs twenty times the statement.
        """
        if self._glances is not None:
            return self._glances.rows(statement, values)
        async with self.read() as connection:
            return (await connection.execute(statement, values)).all()

    async def close(self) -> None:
        if self._glances is not None:
            self._glances.close()
        await self.engine.dispose()


_NOW = select(server_now())


async def now(connection: AsyncConnection) -> float:
    """The database's time, epoch seconds: every stored time is of this clock."""
    return (await connection.execute(_NOW)).scalar_one()
