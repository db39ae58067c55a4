"""The loop: claims jobs that are due, works on several at once, and sleeps until the next is."""

import asyncio
import contextlib
import math
import time
from collections.abc import Mapping
from typing import Protocol, assert_never

import structlog
from sqlalchemy.exc import DataError, IntegrityError, NotSupportedError, ProgrammingError, SQLAlchemyError

from bot import metrics
from bot.datadog.errors import DatadogPermanent, DatadogTransient
from bot.messages import replies, sentences
from bot.messages.text import readable
from bot.services.context import Context
from bot.services.responder import new_reference, summary
from bot.slack.client import SlackPermanent, SlackTransient
from bot.store import jobs, retention
from bot.store.jobs import LeaseLost
from bot.store.transaction import Job, JobKind, Transaction
from bot.worker import cards, cases, creations, thread_comments, threads
from bot.worker.backoff import backoff, not_now
from bot.worker.lease import fenced
from bot.worker.limits import Limits
from bot.worker.outcomes import GAVE_UP, Done, GiveUp, More, Outcome, RetryAfter

UPKEEP_SECONDS = 60.0
ANALYZE_SECONDS = 3600.0
POLL_SECONDS = 1.0
"""After this long at most, work that another replica has enqueued is found."""

REFUSED = (DataError, IntegrityError, NotSupportedError, ProgrammingError)
"""The database works, and does not take what we give it: it will not tomorrow, either."""

log = structlog.get_logger(__name__)


class Handler(Protocol):
    """A module that does one kind of job."""

    async def work(self, context: Context, job: Job) -> Outcome:
        """One turn; may raise what `_turn` turns into outcomes."""
        ...

    async def give_up(self, context: Context, job: Job, end: GiveUp) -> Done | More:
        """What is written when the job is over without success."""
        ...


HANDLERS: Mapping[JobKind, Handler] = {
    JobKind.THREAD: threads,
    JobKind.CARD: cards,
    JobKind.CASE: cases,
    JobKind.COMMENT: thread_comments,
    JobKind.CREATE: creations,
}


class Worker:
    """The one loop of a process. Transactions of its store hand it the jobs that they make."""

    def __init__(self, context: Context, handlers: Mapping[JobKind, Handler] = HANDLERS) -> None:
        self._context, self._handlers = context, handlers
        self._limits, self.lease = Limits(), context.lease
        self._awake = asyncio.Event()
        self._look_at = 0.0
        self._under_way: dict[asyncio.Task[None], Job] = {}
        self._kept_up = self._analyzed = -math.inf
        self._failures = 0
        self.alive_at = time.monotonic()

    async def run(self) -> None:
        """Work until cancelled; as long as it runs, transactions take jobs for it."""
        self._context.store.taker = self
        try:
            while True:
                self._look_at = math.inf
                self.look_in(await self._round())
                await self._sleep()
        finally:
            self._context.store.taker = None

    async def _round(self) -> float:
        """Do the upkeep, and start what is due; returns the seconds until there may be more.

        Neither keeps the other from being done, and no error ends the loop: the process would only begin it again.
        """
        try:
            await self._keep_up()
        except Exception as error:  # noqa: BLE001  it is logged, and tried again in a minute
            _log_failure(error, "upkeep")
        try:
            wait = await self._claim_due()
        except Exception as error:  # noqa: BLE001  it is logged
            _log_failure(error, "claim")
            self._failures += 1
            return POLL_SECONDS if _is_down(error) else backoff(self._failures, UPKEEP_SECONDS)
        self._failures, self.alive_at = 0, time.monotonic()
        return wait

    def can_start(self, kind: JobKind, key: str) -> bool:
        if kind in (JobKind.THREAD, JobKind.CARD):
            return True
        org = self._context.orgs.get(jobs.case_of(key)[0])
        return org is not None and not org.breaker.open_for

    def reserve(self, kind: JobKind, most: int = 1) -> int:
        return self._limits.reserve(kind, most)

    def give_back(self, kind: JobKind, places: int = 1) -> None:
        if places and not self._limits.free(kind):
            self.look_in(0.0)  # for what waited for a place
        self._limits.give_back(kind, places)

    def start(self, job: Job) -> None:
        task = asyncio.create_task(self._work(job), name=f"{job.kind}:{job.key}")
        self._under_way[task] = job
        task.add_done_callback(self._ended)

    def look_in(self, seconds: float) -> None:
        """Look for jobs that are due in this many seconds, if not before."""
        at = time.monotonic() + seconds
        if at < self._look_at:
            self._look_at = at
            self._awake.set()

    async def drain(self, within: float) -> None:
        """Let what is under way finish within this many seconds; the rest is released for the next holder."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=within)
        while left := self._under_way:  # what a transaction started meanwhile, too
            self._under_way = {}
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            try:
                for job in left.values():
                    async with self._context.write() as tx:
                        await jobs.release(tx, job)
            except SQLAlchemyError as error:
                log.warning("worker.not_released", jobs=len(left), error=summary(error))  # their leases end

    async def _keep_up(self) -> None:
        """Once a minute: make jobs that are missing, and delete a batch of what was finished long ago.

        Once an hour the database counts its rows anew.
        """
        if time.monotonic() - self._kept_up < UPKEEP_SECONDS:
            return
        self._kept_up = time.monotonic()
        made = await retention.reconcile(self._context.store)
        gone = await retention.prune(self._context.store, self._context.keep)
        if self._kept_up - self._analyzed >= ANALYZE_SECONDS:
            self._analyzed = self._kept_up
            await self._context.store.analyze()
        if made or gone:
            log.info("worker.upkeep", jobs_made=made, rows_pruned=gone)

    async def _sleep(self) -> None:
        """Sleep until it is time to look for jobs."""
        while (left := self._look_at - time.monotonic()) > 0:
            self._awake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._awake.wait()

    async def _claim_due(self) -> float:
        """Start what is due, as far as there are places; returns the seconds until there may be more."""
        while True:
            async with self._context.store.read() as connection:
                due = await jobs.next_due(connection, [kind for kind in JobKind if self._limits.free(kind)])
            if not due:
                return POLL_SECONDS
            ready = [kind for kind, wait in due.items() if wait <= 0]
            if not ready:
                return min(min(due.values()) + 0.002, POLL_SECONDS)
            async with self._context.write() as tx:
                for kind in ready:
                    await self._claim(tx, kind)
                found = len(tx.taken)
            if not found:
                return 0.02

    async def _claim(self, tx: Transaction, kind: JobKind) -> None:
        """Take as many jobs as there are places at most; they start once the transaction is committed."""
        places = self.reserve(kind, self._limits.free(kind))
        try:
            claimed = await jobs.claim(tx, kind, self.lease, places) if places else []
        except BaseException:
            self._limits.give_back(kind, places)
            raise
        tx.taken |= {(kind, job.key): job for job in claimed}
        self._limits.give_back(kind, places - len(claimed))

    def _ended(self, task: "asyncio.Task[None]") -> None:
        job = self._under_way.pop(task, None)
        if job is not None:
            self.give_back(job.kind)

    async def _work(self, job: Job) -> None:
        """Run one turn of a job, and store what became of it."""
        try:
            await self._end(job, await self._turn(job))
        except LeaseLost:
            metrics.leases_lost.labels(job.kind).inc()
            log.warning("job.lease_lost", kind=job.kind, key=job.key)
        except Exception as error:
            if _is_down(error):  # nothing can be written now: the lease ends and the job is claimed anew
                log.warning("job.store_failed", kind=job.kind, key=job.key, error=summary(error))
                return
            reference = new_reference()
            log.exception("job.failed", kind=job.kind, key=job.key, reference=reference)
            await self._failed(job, reference)

    async def _turn(self, job: Job) -> Outcome:
        """Run the handler; what a job of any kind may raise becomes an outcome, too."""
        try:
            return await self._handlers[job.kind].work(self._context, job)
        except SlackTransient as error:
            return RetryAfter(error.after, str(error), error.tried)
        except SlackPermanent as error:
            log.warning("slack.refused", kind=job.kind, key=job.key, reason=error.reason, needed=error.needed)
            if error.reason == "missing_scope":  # until somebody grants it
                return RetryAfter(self._context.retry_cap, replies.missing_scope(error.needed), counts=False)
            return GiveUp(error.reason)
        except DatadogTransient as error:
            return RetryAfter(error.after, not_now(error.why, error.status), error.counts)
        except DatadogPermanent as refused:  # valid keys that may not read a case: until somebody grants it
            log.warning("datadog.refused", kind=job.kind, key=job.key, status=refused.status, words=refused.words)
            return RetryAfter(self._context.retry_cap, readable(sentences.refused_by_datadog(refused.words)))

    async def _failed(self, job: Job, reference: str) -> None:
        """Retry after an error of ours. It counts as an attempt, so a job that always fails is given up in the end.

        Where even giving it up fails, the job is deleted, and only the log tells.
        """
        try:
            await self._end(job, RetryAfter(None, sentences.failed_here(reference)))
        except LeaseLost:
            pass  # the turn was over before, or is somebody else's
        except Exception as error:
            log.exception("job.not_kept", kind=job.kind, key=job.key, reference=reference, error=type(error).__name__)
            if job.failing_for > self._context.give_up_after and not _is_down(error):
                await self._abandon(job, reference)  # else its lease ends, and the job is claimed anew

    async def _abandon(self, job: Job, reference: str) -> None:
        try:
            async with fenced(self._context, job) as (tx, _):
                await jobs.complete(tx, job)
        except (LeaseLost, SQLAlchemyError) as error:
            log.warning("job.not_abandoned", kind=job.kind, key=job.key, error=summary(error))
        else:
            log.error("job.abandoned", kind=job.kind, key=job.key, reference=reference)

    async def _end(self, job: Job, outcome: Outcome) -> None:
        """End the turn; a job that has failed for too long is given up, once what the turn brought is written."""
        context = self._context
        if isinstance(outcome, RetryAfter) and outcome.counts and job.failing_for > context.give_up_after:
            if outcome.write is not None:
                async with fenced(context, job, case=outcome.case) as (tx, _):
                    await outcome.write(tx)
            outcome = GiveUp(GAVE_UP, outcome.reason)
        if isinstance(outcome, GiveUp):
            log.warning("job.given_up", kind=job.kind, key=job.key, reason=outcome.reason, words=outcome.words)
            outcome = await self._handlers[job.kind].give_up(context, job, outcome)
        async with fenced(context, job, case=outcome.case) as (tx, _):
            written = await outcome.write(tx) if outcome.write is not None else None
            await self._release(tx, job, outcome)
        if outcome.after is not None:
            await outcome.after(written)

    async def _release(self, tx: Transaction, job: Job, outcome: Done | More | RetryAfter) -> None:
        match outcome:
            case Done():
                await jobs.complete(tx, job)
            case More():
                await jobs.keep(tx, job, batch_size=outcome.batch_size, refused=outcome.refused)
            case RetryAfter():
                after = backoff(job.attempts, self._context.retry_cap, outcome.seconds)
                await jobs.retry(tx, job, after, outcome.reason, counts_as_attempt=outcome.counts)
                metrics.jobs_retried.labels(job.kind).inc()
            case _:
                assert_never(outcome)


def _is_down(error: Exception) -> bool:
    """Whether the database cannot be used now, whatever it is asked."""
    return isinstance(error, SQLAlchemyError) and not isinstance(error, REFUSED)


def _log_failure(error: Exception, part: str) -> None:
    if _is_down(error):
        log.warning("worker.store_failed", part=part, error=summary(error))
    else:
        log.error("worker.failed", part=part, reference=new_reference(), exc_info=error)
