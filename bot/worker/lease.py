"""The transactions of a turn: they write only while the job is still ours."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from bot.services.context import Context
from bot.store import jobs, ties
from bot.store.transaction import Job, Transaction


@asynccontextmanager
async def fenced(
    context: Context, job: Job, *, case: tuple[str, str] | None = None
) -> AsyncGenerator[tuple[Transaction, float]]:
    """A transaction and the server's now; raises LeaseLost. What follows has a whole lease again.

    `case` is locked before the job, as everywhere.
    """
    async with context.write() as tx:
        if case is not None:
            await ties.lock_case(tx, *case)
        yield tx, await jobs.check_lease(tx, job, context.lease)
