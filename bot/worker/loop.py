"""The loop: claims lanes that are due, works on several at once, and sleeps until the next is."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot import metrics
from bot.services.context import Reach
from bot.store import jobs, retention
from bot.store.jobs import Lane, LaneKind, LeaseLost, Retry
from bot.worker import cards, cases, threads

AT_ONCE = 16
"""Lanes under way in one process: each waits for Slack or Datadog most of its time."""
UPKEEP_SECONDS = 60.0
POLL_SECONDS = 1.0
"""How long at most until work of another replica is found."""

log = structlog.get_logger(__name__)

Work = Callable[[Reach, Lane], Awaitable[None]]
KINDS: Mapping[LaneKind, Work] = {
    LaneKind.THREAD: threads.deliver,
    LaneKind.CARD: cards.deliver,
    LaneKind.CASE: cases.deliver,
}


class Delivery:
    """The one loop of a process. `wake` after a commit makes it look at once."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._awake = asyncio.Event()
        self._under_way: dict[asyncio.Task[None], Lane] = {}
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
            for lane in left:
                async with self._reach.write() as tx:
                    await jobs.hand_back(tx, lane)
        except SQLAlchemyError as error:
            log.warning("delivery.not_handed_back", lanes=len(left), error=type(error).__name__)  # their leases end

    async def _keep_up(self) -> None:
        """Once a minute: lanes that are missing, and a batch of what is long finished."""
        if time.monotonic() - self._kept_up < UPKEEP_SECONDS:
            return
        self._kept_up = time.monotonic()
        made = await retention.sweep(self._reach.store)
        gone = await retention.prune(self._reach.store, self._reach.keep)
        if made or gone:
            log.info("delivery.upkeep", lanes_made=made, rows_pruned=gone)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._awake.wait()
        except TimeoutError:
            return

    async def _claim_due(self) -> float:
        """Start what is due; seconds until there may be more."""
        while len(self._under_way) < AT_ONCE:
            async with self._reach.store.read() as connection:
                due = await jobs.next_due(connection)
            if due is None:
                return POLL_SECONDS
            if due > 0:
                return min(due + 0.002, POLL_SECONDS)
            async with self._reach.write() as tx:
                lane = await jobs.claim(tx, self._reach.lease)
            if lane is None:
                return 0.02
            self._start(lane)
        return POLL_SECONDS

    def _start(self, lane: Lane) -> None:
        task = asyncio.create_task(self._work(lane), name=f"{lane.kind}:{lane.key}")
        self._under_way[task] = lane
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._under_way.pop(task, None)
        self.wake()

    async def _work(self, lane: Lane) -> None:
        try:
            await KINDS[lane.kind](self._reach, lane)
        except LeaseLost:
            metrics.leases_lost.labels(lane.kind).inc()
            log.warning("lane.lease_lost", kind=lane.kind, key=lane.key)
        except SQLAlchemyError as error:
            # The store will say when it works again: the lease ends and the lane is claimed anew.
            log.warning("lane.store_failed", kind=lane.kind, key=lane.key, error=type(error).__name__)
        except Exception:
            reference = secrets.token_hex(2).upper()
            log.exception("lane.failed", kind=lane.kind, key=lane.key, reference=reference)
            await self._keep(lane, reference)

    async def _keep(self, lane: Lane, reference: str) -> None:
        try:
            async with self._reach.write() as tx:
                await jobs.hold(tx, lane)
                await self._reach.retry(
                    tx, lane, Retry(self._reach.backoff(lane.attempts), f"Something went wrong ({reference}).")
                )
        except (LeaseLost, SQLAlchemyError):
            log.warning("lane.not_kept", kind=lane.kind, key=lane.key, reference=reference)
