"""The loop: claims jobs that are due, works on several at once, and sleeps until the next is."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot import metrics
from bot.services.context import Context
from bot.store import jobs, retention
from bot.store.jobs import Job, JobKind, LeaseLost, Retry
from bot.worker import cards, cases, threads

AT_ONCE = 16
"""Jobs under way in one process: each waits for Slack or Datadog most of its time."""
UPKEEP_SECONDS = 60.0
POLL_SECONDS = 1.0
"""How long at most until work of another replica is found."""

log = structlog.get_logger(__name__)

Work = Callable[[Context, Job], Awaitable[None]]
KINDS: Mapping[JobKind, Work] = {
    JobKind.THREAD: threads.deliver,
    JobKind.CARD: cards.deliver,
    JobKind.CASE: cases.deliver,
}


class Worker:
    """The one loop of a process. `wake` after a commit makes it look at once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._awake = asyncio.Event()
        self._under_way: dict[asyncio.Task[None], Job] = {}
        self._kept_up = 0.0
        self.alive_at = time.monotonic()

    def wake(self) -> None:
        self._awake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._awake.clear()
            try:
                await self._keep_up()
                wait = await self._claim_due()
                self.alive_at = time.monotonic()
            except SQLAlchemyError as error:
                log.warning("delivery.store_failed", error=type(error).__name__)
                wait = POLL_SECONDS
            if wait > 0:
                await self._sleep(wait)

    async def drain(self, within: float) -> None:
        """Let what is under way finish, for so many seconds; the rest is handed back to whoever comes next."""
        if not self._under_way:
            return
        _, pending = await asyncio.wait(self._under_way, timeout=within)
        left = [self._under_way[task] for task in pending]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        try:
            for job in left:
                async with self._context.write() as tx:
                    await jobs.release(tx, job)
        except SQLAlchemyError as error:
            log.warning("delivery.not_handed_back", jobs=len(left), error=type(error).__name__)  # their leases end

    async def _keep_up(self) -> None:
        """Once a minute: jobs that are missing, and a batch of what is long finished."""
        if time.monotonic() - self._kept_up < UPKEEP_SECONDS:
            return
        self._kept_up = time.monotonic()
        made = await retention.reconcile(self._context.store)
        gone = await retention.prune(self._context.store, self._context.keep)
        if made or gone:
            log.info("delivery.upkeep", jobs_made=made, rows_pruned=gone)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._awake.wait()
        except TimeoutError:
            return

    async def _claim_due(self) -> float:
        """Start what is due; seconds until there may be more."""
        while len(self._under_way) < AT_ONCE:
            async with self._context.store.read() as connection:
                due = await jobs.next_due(connection)
            if due is None:
                return POLL_SECONDS
            if due > 0:
                return min(due + 0.002, POLL_SECONDS)
            async with self._context.write() as tx:
                job = await jobs.claim(tx, self._context.lease)
            if job is None:
                return 0.02
            self._start(job)
        return POLL_SECONDS

    def _start(self, job: Job) -> None:
        task = asyncio.create_task(self._work(job), name=f"{job.kind}:{job.key}")
        self._under_way[task] = job
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._under_way.pop(task, None)
        self.wake()

    async def _work(self, job: Job) -> None:
        try:
            await KINDS[job.kind](self._context, job)
        except LeaseLost:
            metrics.leases_lost.labels(job.kind).inc()
            log.warning("job.lease_lost", kind=job.kind, key=job.key)
        except SQLAlchemyError as error:
            # The store will say when it works again: the lease ends and the job is claimed anew.
            log.warning("job.store_failed", kind=job.kind, key=job.key, error=type(error).__name__)
        except Exception:
            reference = secrets.token_hex(2).upper()
            log.exception("job.failed", kind=job.kind, key=job.key, reference=reference)
            await self._keep(job, reference)

    async def _keep(self, job: Job, reference: str) -> None:
        try:
            async with self._context.write() as tx:
                await jobs.check_lease(tx, job)
                await self._context.retry(
                    tx, job, Retry(self._context.backoff(job.attempts), f"Something went wrong ({reference}).")
                )
        except (LeaseLost, SQLAlchemyError):
            log.warning("job.not_kept", kind=job.kind, key=job.key, reference=reference)
