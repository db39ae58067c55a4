"""Transactions: writers wait for each other and lose nothing, readers wait for nobody."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError

from bot.store import Store, migrate, now
from bot.store.connection import CommitUncertain
from bot.store.jobs import BATCH, enqueue
from bot.store.schema import jobs
from bot.store.sqlite import SqliteDatabase
from bot.store.transaction import JobKind, Transaction
from tests.store.conftest import column, rows, run, write

COME_AND_GO = """
import sqlite3, sys

other = sqlite3.connect(sys.argv[1])
other.execute("SELECT count(*) FROM written")
other.close()
"""


async def add_job(store: Store) -> None:
    row: dict[str, object] = {"kind": JobKind.CARD, "key": "one", "due_at": 0.0, "enqueued": 1, "attempts": 0}
    row |= {"batch_size": BATCH, "refused": 0, "note": ""}
    await run(store, insert(jobs).values(**row))


async def attempts(store: Store) -> int:
    [found] = await column(store, select(jobs.c.attempts))
    return found


@pytest.fixture
async def new(tmp_path: Path) -> AsyncIterator[Store]:
    """A database that is not there yet."""
    store = Store(f"sqlite:///{tmp_path}/one.db")
    yield store
    await store.close()


async def test_writers_at_once_lose_no_update(store):
    await add_job(store)

    async def add_one(tx: Transaction) -> None:
        before = (await tx.execute(select(jobs.c.attempts).with_for_update())).scalar_one()
        await tx.execute(update(jobs).values(attempts=before + 1))

    async def add_ten() -> None:
        for _ in range(10):
            await write(store, add_one)

    # Four, not more: whoever waits for a lock longer than a second is refused, and shared machines stall.
    await asyncio.gather(*(add_ten() for _ in range(4)))
    assert await attempts(store) == 40


async def test_what_raises_leaves_nothing_behind(store):
    await add_job(store)

    async def fail(tx: Transaction) -> None:
        await tx.execute(update(jobs).values(attempts=7))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await write(store, fail)
    assert await attempts(store) == 0


async def test_a_write_takes_the_lock_before_its_first_statement(new: Store, tmp_path: Path):
    async with new.write():
        second = sqlite3.connect(tmp_path / "one.db", timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            second.execute("BEGIN IMMEDIATE")
        second.close()


async def test_a_write_waits_for_another_process_and_the_loop_does_not(new: Store, tmp_path: Path):
    await rows(new, text("SELECT 1"))  # so that there is a database
    other = sqlite3.connect(tmp_path / "one.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(run(new, text("CREATE TABLE written (a)")))
    done, _ = await asyncio.wait({writing}, timeout=0.1)
    assert not done
    other.rollback()
    await writing
    assert other.execute("SELECT count(*) FROM written").fetchone() == (0,)
    other.close()


async def test_a_read_keeps_no_writer_waiting(store):
    await add_job(store)
    async with store.read() as connection:
        await connection.execute(select(jobs))
        await run(store, update(jobs).values(attempts=1))
        assert (await connection.execute(select(jobs.c.attempts))).scalar_one() == 1


async def test_every_connection_keeps_power_cuts_and_foreign_keys_in_mind(new: Store):
    for name, value in {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}.items():
        assert await column(new, text(f"PRAGMA {name}")) == [value]


async def test_the_databases_clock_has_parts_of_a_second(store):
    async with store.read() as connection:
        before = await now(connection)
        later = before
        while later == before:
            later = await now(connection)
    assert 0 < later - before < 1


@pytest.mark.parametrize(
    "url", ["postgresql://bot@host/name", "postgres://bot@host/name", "postgresql+psycopg://bot@host/name"]
)
async def test_a_postgresql_address_leads_to_the_server_whatever_driver_it_names(url: str):
    postgresql = pytest.importorskip("bot.store.postgresql")
    assert postgresql.PostgresqlDatabase(url)._pool.conninfo == "postgresql://bot@host/name"


@pytest.fixture
async def apart(postgres_store: Store) -> AsyncIterator[Store]:
    """The PostgreSQL store with a pool of its own, whose sessions may be spoilt."""
    store = Store(postgres_store.url)
    yield store
    await store.close()


async def sessions(store: Store, number: int, first: str = "SELECT 1") -> set[int]:
    """The server's processes behind so many connections at once, on each of which this statement was committed."""
    all_there = asyncio.Barrier(number)

    async def one() -> int:
        async with store.write() as tx:
            await tx.execute(text(first))
            pid = (await tx.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            await all_there.wait()
        return pid

    return set(await asyncio.gather(*(one() for _ in range(number))))


async def test_of_sessions_that_a_failover_left_read_only_one_write_fails_and_none_stays(apart: Store):
    """K30."""
    old = await sessions(apart, 4, "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    with pytest.raises(DBAPIError, match="read-only transaction"):
        await add_job(apart)
    assert not old & await sessions(apart, 4)
    await add_job(apart)
    assert await attempts(apart) == 0


async def test_a_session_that_ends_before_its_commit_is_answered_leaves_open_what_stands(apart, postgres_store):
    async def write() -> None:
        async with apart.write() as tx:
            pid = (await tx.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            async with postgres_store.read() as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    with pytest.raises(CommitUncertain):
        await write()


async def test_sessions_that_the_server_ends_take_one_transaction_with_them(apart: Store, postgres_store: Store):
    old = await sessions(apart, 4)

    async def write_meanwhile() -> None:
        async with apart.write() as tx:
            await tx.execute(text("SELECT 1"))
            async with postgres_store.read() as other:
                end = text("SELECT pg_terminate_backend(pid, 5000) FROM unnest(CAST(:pids AS int[])) AS pid")
                await other.execute(end, {"pids": list(old)})
            await tx.execute(text("SELECT 1"))

    with pytest.raises(DBAPIError):
        await write_meanwhile()
    assert not old & await sessions(apart, 4)


LOST = ("25006", "25P03", "25P04", "57P01", "57P02", "57P03", "57P05", "08006", "08P01")
FAILED = ("57014", "25P02", "23505", "40001", "40P01", "55P03", "53100")


@pytest.mark.parametrize("state", [*LOST, *FAILED])
async def test_a_session_is_given_to_nobody_else_only_if_it_is_lost_or_cannot_write(apart: Store, state: str):
    """57014 is our own time-out; 53100 is a full disk, which another session would find just as full."""
    old = await sessions(apart, 2)
    with pytest.raises(DBAPIError):
        await run(apart, text(f"DO $$ BEGIN RAISE EXCEPTION SQLSTATE '{state}'; END $$"))
    assert await sessions(apart, 3) & old == (set() if state in LOST else old)


class CountingExecutor(ThreadPoolExecutor):
    count = 0

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        self.count += 1
        return super().submit(*args, **kwargs)


async def test_a_transaction_changes_the_thread_once_and_a_read_never(tmp_path: Path):
    store = Store(f"sqlite:///{tmp_path}/one.db")
    await migrate.upgrade(store)
    assert isinstance(store.database, SqliteDatabase)
    store.database._disk = disk = CountingExecutor(1)
    async with store.write() as tx:
        for key in ("one", "two", "three"):
            await enqueue(tx, JobKind.CARD, key)
    async with store.snapshot() as connection:
        assert len(await connection.execute(select(jobs))) == 3
    assert disk.count == 1
    await store.close()


async def test_to_open_a_database_again_ends_no_lock_of_this_process(tmp_path: Path):
    """Else another process believes that it is the last to leave, and takes the log away under the first's feet.

    A process that closes the file loses its locks: https://sqlite.org/howtocorrupt.html, 2.2.
    """
    first, again = Store(f"sqlite:///{tmp_path}/one.db"), Store(f"sqlite:///{tmp_path}/one.db")
    async with first.write() as tx:
        await tx.execute(text("CREATE TABLE written (a)"))
    async with again.read() as connection:
        await connection.execute(text("SELECT 1"))
    await again.close()
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", COME_AND_GO, str(tmp_path / "one.db"))
    assert await other.wait() == 0
    assert sorted(os.listdir(tmp_path)) == ["one.db", "one.db-shm", "one.db-wal"]
    await first.close()
