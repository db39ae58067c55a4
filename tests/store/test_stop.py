"""A bot that is asked to stop waits a while for what is under way, then leaves it to whoever comes next."""

import asyncio
import sqlite3
from typing import Any

from bot.config.database import file_of
from bot.services.context import Context
from bot.store import Store, jobs
from bot.store.cards import Timing
from bot.store.transaction import Job, JobKind
from bot.worker.loop import Worker
from tests.store.conftest import claim, write


async def claimed(store: Store) -> Job | None:
    return await write(store, claim)


async def stuck(store: Store) -> Worker:
    """One job is under way and will not end by itself."""
    nobody: Any = None
    times = {"lease": 30.0, "retry_cap": 300.0, "give_up_after": 3600.0, "keep": 3600.0, "timing": Timing()}
    context: Any = {"store": store, "workspaces": nobody, "orgs": {}, "routes": nobody, **times}
    delivery = Worker(Context(confirmers=None, **context))
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
