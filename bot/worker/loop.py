"""The loop: claims jobs that are due, works on several at once, and sleeps until the next is."""

import asyncio
import contextlib
import secrets
import time
from typing import Protocol, assert_never

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot import metrics
from bot.datadog.client import DatadogTransient, TransientReason
from bot.messages import sentences
from bot.services.cases import CredentialsRefused
from bot.services.context import Context
from bot.slack.client import SlackPermanent, SlackTransient
from bot.store import jobs, retention, ties
from bot.store.jobs import Job, JobKind, LeaseLost
from bot.worker import cards, cases, threads
from bot.worker.backoff import backoff, probe
from bot.worker.outcomes import Done, GiveUp, More, Outcome, RetryAfter

AT_ONCE = 16
"""Jobs under way in one process: each waits for Slack or Datadog most of its time."""
UPKEEP_SECONDS = 60.0
POLL_SECONDS = 1.0
"""How long at most until work of another replica is found."""

log = structlog.get_logger(__name__)


class Handler(Protocol):
    """A module that does one kind of job."""

    async def work(self, context: Context, job: Job) -> Outcome:
        """One turn; may raise what `_turn` knows."""
        ...

    async def give_up(self, context: Context, job: Job, reason: str) -> Outcome:
        """What is written of a job that is over without success: a sentence, Slack's word, or `gave_up`."""
        ...


def handler_of(kind: JobKind) -> Handler:
    match kind:
        case JobKind.THREAD:
            return threads
        case JobKind.CARD:
            return cards
        case JobKind.CASE:
            return cases
        case _:
            assert_never(kind)


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
                log.warning("worker.store_failed", error=type(error).__name__)
                wait = POLL_SECONDS
            if wait > 0:
                await self._sleep(wait)

    async def drain(self, within: float) -> None:
        """Let what is under way finish within this many seconds; the rest is released for the next holder."""
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
            log.warning("worker.not_released", jobs=len(left), error=type(error).__name__)  # their leases end

    async def _keep_up(self) -> None:
        """Once a minute: jobs that are missing, and a batch of what is long finished."""
        if time.monotonic() - self._kept_up < UPKEEP_SECONDS:
            return
        self._kept_up = time.monotonic()
        made = await retention.reconcile(self._context.store)
        gone = await retention.prune(self._context.store, self._context.keep)
        if made or gone:
            log.info("worker.upkeep", jobs_made=made, rows_pruned=gone)

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
        """A turn of a job, and what became of it."""
        try:
            await self._write(job, await self._turn(job))
        except LeaseLost:
            metrics.leases_lost.labels(job.kind).inc()
            log.warning("job.lease_lost", kind=job.kind, key=job.key)
        except SQLAlchemyError as error:
            # The store will say when it works again: the lease ends and the job is claimed anew.
            log.warning("job.store_failed", kind=job.kind, key=job.key, error=type(error).__name__)
        except Exception as error:  # noqa: BLE001  of what was to be written: it counts as an attempt
            with contextlib.suppress(LeaseLost, SQLAlchemyError):
                await self._write(job, _error_of_ours(job, error))

    async def _turn(self, job: Job) -> Outcome:
        context, handler = self._context, handler_of(job.kind)
        try:
            outcome = await _attempt(context, handler, job)
        except (LeaseLost, SQLAlchemyError):
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, it counts as an attempt
            outcome = _error_of_ours(job, error)
        if isinstance(outcome, RetryAfter) and outcome.counts and job.failing_for > context.give_up_after:
            outcome = GiveUp(outcome.reason)
        if isinstance(outcome, GiveUp):
            log.warning("job.given_up", kind=job.kind, key=job.key, reason=outcome.reason)
            outcome = await handler.give_up(context, job, outcome.reason)
        return outcome

    async def _write(self, job: Job, outcome: Outcome) -> None:
        """One transaction, fenced by the lease: what the turn brought, and its end."""
        async with self._context.write() as tx:
            if outcome.case is not None:
                await ties.lock_case(tx, *outcome.case)
            await jobs.check_lease(tx, job)
            written = await outcome.write(tx) if outcome.write is not None else None
            match outcome:
                case Done() | GiveUp():
                    await jobs.complete(tx, job)
                case More(batch_size=batch_size, refused=refused):
                    await jobs.keep(tx, job, batch_size=batch_size, refused=refused)
                case RetryAfter(seconds=seconds, reason=reason, counts=counts):
                    after = backoff(job.attempts, self._context.retry_cap, seconds)
                    await jobs.retry(tx, job, after, reason, counts_as_attempt=counts)
                    metrics.jobs_retried.labels(job.kind).inc()
                case _:
                    assert_never(outcome)
        if outcome.after is not None:
            await outcome.after(written)


async def _attempt(context: Context, handler: Handler, job: Job) -> Outcome:
    """A turn, with what any kind may raise as an outcome."""
    try:
        return await handler.work(context, job)
    except SlackTransient as error:
        return RetryAfter(error.after, str(error))
    except SlackPermanent as error:
        return GiveUp(error.reason)
    except DatadogTransient as error:
        limited = error.why is TransientReason.RATE_LIMITED
        return RetryAfter(error.after, sentences.rate_limited() if limited else sentences.not_answering(error.status))
    except CredentialsRefused:
        return RetryAfter(probe(context.retry_cap), sentences.credentials(), counts=False)


def _error_of_ours(job: Job, error: Exception) -> RetryAfter:
    """It counts as an attempt, and the log has it under the reference that people get."""
    reference = secrets.token_hex(2).upper()
    log.error("job.failed", kind=job.kind, key=job.key, reference=reference, exc_info=error)
    return RetryAfter(None, f"Something went wrong ({reference}).")
