"""What survives a restart: SQLite, or PostgreSQL for several replicas."""

import asyncio
from contextlib import AbstractAsyncContextManager

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import engine
from bot.store.engine import BUSY_SECONDS, server_now

__all__ = ["Store", "now"]


class Store:
    """The database. `write` is one transaction, committed when its block ends; `read` takes no write lock.

    `patience`: how many seconds a write waits for this process's others on SQLite. Somebody who clicked waits for one
    second; what a call to Slack or Datadog brought is worth waiting for longer.
    """

    def __init__(self, url: str) -> None:
        self.engine = engine.create(url)
        self._turn = asyncio.Lock()

    def write(self, *, patience: float = BUSY_SECONDS) -> AbstractAsyncContextManager[AsyncConnection]:
        return engine.write(self.engine, self._turn, patience)

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return engine.read(self.engine)

    async def close(self) -> None:
        await self.engine.dispose()


async def now(connection: AsyncConnection) -> float:
    """The database's time, epoch seconds: every stored time is of this clock."""
    return (await connection.execute(select(server_now()))).scalar_one()
