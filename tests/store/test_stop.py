"""A bot that is asked to stop waits a while for what is under way, then leaves it to whoever comes next."""

import asyncio
import math
import sqlite3
import threading
from typing import Any

from bot.config.database import file_of
from bot.services.context import Context
from bot.store import Store, jobs
from bot.store.cards import Timing
from bot.store.sqlite import SqliteDatabase
from bot.store.transaction import Job, JobKind
from bot.worker.loop import Worker
from bot.worker.outcomes import Done, GiveUp, Outcome
from tests.store.conftest import claim, jobs_of, write


async def claimed(store: Store) -> Job | None:
    return await write(store, claim)


class Hanging:
    """Does not end by itself."""

    async def work(self, context: Context, job: Job) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    async def give_up(self, context: Context, job: Job, end: GiveUp) -> Done:
        raise AssertionError


def idle(store: Store) -> Worker:
    nobody: Any = None
    times = {"lease": 2.0, "retry_cap": 300.0, "give_up_after": 3600.0, "keep": 3600.0, "timing": Timing()}
    context: Any = {"store": store, "workspaces": nobody, "orgs": {}, "routes": nobody, **times}
    return Worker(Context(confirmers=None, **context), {JobKind.CASE: Hanging()})


async def stuck(store: Store) -> Worker:
    """One job is under way and will not end by itself."""
    delivery = idle(store)
    await write(store, jobs.enqueue, JobKind.CASE, "default/one")
    job = await claimed(store)
    assert job is not None
    delivery._under_way[asyncio.create_task(asyncio.Event().wait())] = job
    return delivery


async def test_what_does_not_finish_in_time_is_free_for_the_next_at_once(store):
    delivery = await stuck(store)
    assert await claimed(store) is None
    await delivery.drain(0.05)
    job = await claimed(store)
    assert job is not None
    assert job.key == "default/one"


async def test_a_database_that_does_not_answer_keeps_nobody_from_stopping(sqlite_store):
    delivery = await stuck(sqlite_store)
    holder = sqlite3.connect(str(file_of(sqlite_store.url)), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    await delivery.drain(0.05)
    holder.rollback()
    holder.close()
    assert await claimed(sqlite_store) is None, "its lease has yet to end"


async def test_a_write_that_is_cancelled_twice_while_the_disk_is_slow_leaves_the_next_alone(sqlite_store):
    disk_is_free = threading.Event()
    assert isinstance(sqlite_store.database, SqliteDatabase)
    sqlite_store.database._disk.submit(disk_is_free.wait)
    writing = asyncio.create_task(write(sqlite_store, jobs.enqueue, JobKind.CASE, "default/one"))
    for _ in range(2):
        await asyncio.sleep(0)
        writing.cancel()
    following = asyncio.create_task(write(sqlite_store, jobs.enqueue, JobKind.CASE, "default/two"))
    await asyncio.sleep(0)
    disk_is_free.set()
    await asyncio.gather(writing, return_exceptions=True)
    await following
    assert writing.cancelled()
    assert await jobs_of(sqlite_store, JobKind.CASE) == ["default/one", "default/two"]


async def test_what_was_claimed_in_the_moment_of_the_stop_is_free_for_the_next_at_once(sqlite_store):
    """The claim is committed although nobody waits for it any more: the disk is slow."""
    worker = idle(sqlite_store)
    worker._kept_up = math.inf  # upkeep would commit first
    await write(sqlite_store, jobs.enqueue, JobKind.CASE, "default/one")
    disk_is_busy, disk_is_free = threading.Event(), threading.Event()

    def hold() -> None:
        disk_is_busy.set()
        disk_is_free.wait()

    assert isinstance(sqlite_store.database, SqliteDatabase)
    slow = sqlite_store.database._disk.submit(hold)
    await asyncio.to_thread(disk_is_busy.wait)
    running = asyncio.create_task(worker.run())
    for _ in range(1000):
        if not sqlite_store.database._disk._work_queue.empty():
            break  # the claim's commit waits for the disk
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.sleep(0)
    disk_is_free.set()
    await asyncio.gather(running, asyncio.wrap_future(slow), return_exceptions=True)
    assert [job.key for job in worker._under_way.values()] == ["default/one"]
    await worker.drain(0.0)
    job = await claimed(sqlite_store)
    assert job is not None
    assert job.key == "default/one"
