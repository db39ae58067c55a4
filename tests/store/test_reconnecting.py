"""A PostgreSQL that is away for long is looked for as often as somebody asks."""

import asyncio
import contextlib

from sqlalchemy.exc import SQLAlchemyError

from bot.store import Store, now

ATTEMPTS, WITHIN = 20, 30.0
"""Left to itself, the pool makes a dozen attempts in half a minute, and none in the two minutes after."""


async def test_a_server_that_is_away_is_looked_for_again_and_again() -> None:
    attempts, enough = 0, asyncio.Event()

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal attempts
        attempts += 1
        writer.close()
        if attempts >= ATTEMPTS:
            enough.set()

    async def ask(store: Store) -> None:
        while True:
            with contextlib.suppress(SQLAlchemyError):
                async with store.read() as connection:
                    await now(connection)

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        store = Store(f"postgresql://bot@127.0.0.1:{port}/none?sslmode=disable")
        asking = asyncio.create_task(ask(store))
        try:
            async with asyncio.timeout(WITHIN):
                await enough.wait()
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await store.close()
