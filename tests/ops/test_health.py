"""Whether the database is of use: one that only answers reads is not."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from bot.ops.health import DatabaseCheck
from bot.store import Store, migrate
from tests import postgres


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[Store]:
    store = Store(postgres.create(postgres_url, "health"))
    await migrate.upgrade(store)
    yield store
    await store.close()
    postgres.drop(postgres_url, "health")


def read_only(postgres_url: str, value: str) -> None:
    """What sessions are from now on."""
    with psycopg.connect(postgres.url_of(postgres_url, "postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE health SET default_transaction_read_only = {value}".encode())


async def test_a_database_that_only_answers_is_told_until_it_takes_writes_again(store: Store, postgres_url: str):
    asked_each_time, asked_once = DatabaseCheck(store, every=0.0), DatabaseCheck(store, every=3600.0)
    assert await asked_each_time.reasons() == []
    read_only(postgres_url, "on")
    async with asyncio.timeout(10):
        while not (reasons := await asked_each_time.reasons()):
            await store.database._pool.drain()  # each time: a session that was just being opened is from before
    [reason] = reasons
    assert reason.startswith("Nothing can be written to the database (InternalError: 25006): check its disk, and ")
    assert await asked_once.reasons() == [reason]

    read_only(postgres_url, "off")
    async with asyncio.timeout(10):
        while await asked_each_time.reasons():
            pass  # each refused write takes its session out of the pool
    assert await asked_once.reasons() == [reason], "it looks again in an hour"


async def test_a_database_that_does_not_answer_is_asked_to_write_once_it_does(tmp_path: Path):
    store = Store(f"sqlite:///{tmp_path}/none/one.db")
    database = DatabaseCheck(store)
    [reason] = await database.reasons()
    assert reason.startswith("The database does not answer (OperationalError: unable to open database file)")
    (tmp_path / "none").mkdir()
    [reason] = await database.reasons()
    assert reason.startswith("Nothing can be written to the database (OperationalError: no such table")
    await store.close()
