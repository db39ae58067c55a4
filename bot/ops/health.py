"""Whether the bot can work, how much work waits, and when Slack last sent an event."""

import asyncio
import secrets
import time
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot import metrics
from bot.datadog.errors import TransientReason
from bot.ops.server import Probes
from bot.services import dropped_events, site_warning
from bot.services.context import Context
from bot.services.responder import summary
from bot.slack.transport import LastEvent, Transport
from bot.store import Store, heartbeats, jobs, now
from bot.worker.backoff import not_now
from bot.worker.loop import Worker

DATABASE_SECONDS = 2.0
WRITE_SECONDS = 10.0
"""How long it counts whether the database takes writes: anybody may ask for `/readyz`, and a write costs work."""
WORKER_SECONDS = 30.0
"""The worker looks for jobs every second; after this long without, it hangs."""
BEAT_SECONDS = 60.0

log = structlog.get_logger(__name__)


def starting(waiting_for: Callable[[], str]) -> Probes:
    """The answers while the bot starts."""

    async def ready() -> list[str]:
        return [waiting_for()]

    async def warnings() -> list[str]:
        return []

    async def measure() -> None:
        metrics.ready.set(0)

    return Probes(ready, warnings, measure)


def probes(context: Context, worker: Worker, transport: Transport, last_event: LastEvent) -> Probes:
    """The answers of `/readyz` and `/metrics`."""
    started = time.monotonic()
    database = DatabaseCheck(context.store)

    async def ready() -> list[str]:
        return [*await database.reasons(), *_worker(worker), *_refused(context), *transport.reasons()]

    async def warnings() -> list[str]:
        # Warnings only: a pasted link of another company must not take the bot out of rotation.
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                known = [await site_warning.warning(context), await dropped_events.warning(context)]
        except (SQLAlchemyError, TimeoutError):
            return []  # `ready` says why
        closed = [] if _refused(context) else list(_closed(context).values())
        return [*closed, *filter(None, known)]

    async def measure() -> None:
        metrics.ready.set(not await ready())
        metrics.last_event_age.set(time.monotonic() - started if last_event.event_ago is None else last_event.event_ago)
        metrics.socket_age.set(transport.age)
        try:
            async with context.store.read() as connection:
                depths = await jobs.depths(connection)
        except SQLAlchemyError:
            return  # `/readyz` says so; the gauges keep their last values
        for depth in depths:
            metrics.jobs_depth.labels(depth.kind).set(depth.jobs)
            metrics.jobs_oldest.labels(depth.kind).set(depth.oldest)

    return Probes(ready, warnings, measure)


class DatabaseCheck:
    """Asks every time whether the database answers, and at most once in `every` seconds whether it takes writes."""

    def __init__(self, store: Store, every: float = WRITE_SECONDS) -> None:
        self._store, self._every = store, every
        self._replica = secrets.token_hex(8)
        self._written_at = float("-inf")
        self._write_reasons: list[str] = []

    async def reasons(self) -> list[str]:
        """Why the database cannot be used, in sentences; empty when it can."""
        try:
            async with asyncio.timeout(DATABASE_SECONDS), self._store.read() as connection:
                await now(connection)
        except (SQLAlchemyError, TimeoutError) as error:
            return [f"The database does not answer ({summary(error)}): check DATABASE_URL and the server."]
        if time.monotonic() - self._written_at >= self._every:
            self._written_at = time.monotonic()
            self._write_reasons = await self._try_write()
        return self._write_reasons

    async def _try_write(self) -> list[str]:
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                await heartbeats.rehearse(self._store, self._replica)
        except (SQLAlchemyError, TimeoutError) as error:
            return [
                f"Nothing can be written to the database ({summary(error)}): "
                "check its disk, and that DATABASE_URL leads to it: to the primary, or to the file."
            ]
        return []


async def beat(context: Context, last_event: LastEvent) -> None:
    """Record every minute that this process lives, and when Slack last sent it an event; until cancelled."""
    replica = secrets.token_hex(8)
    while True:
        try:
            await heartbeats.beat(context.store, replica, last_event.event_ago, last_event.dropped_ago)
        except SQLAlchemyError as error:
            log.warning("heartbeat.lost", error=summary(error))
        except Exception:  # an error of ours: the bot works without its heartbeat
            log.exception("heartbeat.failed")
        await asyncio.sleep(BEAT_SECONDS)


def _worker(worker: Worker) -> list[str]:
    silent = time.monotonic() - worker.alive_at
    return (
        [f"The worker has not looked for jobs for {silent:.0f} s: restart the bot."] if silent > WORKER_SECONDS else []
    )


def _closed(context: Context) -> dict[str, str]:
    """The Datadog organisations that take no calls now, and why: a sentence."""
    closed = {name: org.breaker.reason for name, org in context.orgs.items() if org.breaker.open_for}
    return {name: f"{name}: {not_now(TransientReason(reason))}" for name, reason in closed.items()}


def _refused(context: Context) -> list[str]:
    """Why the bot is not ready where no organisation accepts its keys; a silent one is back without our doing."""
    breakers = [org.breaker for org in context.orgs.values()]
    refused = all(each.open_for and each.reason == TransientReason.CREDENTIALS for each in breakers)
    return list(_closed(context).values()) if refused else []
