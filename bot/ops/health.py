"""What the bot knows of its own state: whether it can do its work, how much work waits, and when Slack was heard."""

import asyncio
import secrets
import time
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot import metrics
from bot.ops.server import Probes
from bot.services import site_warning
from bot.services.context import Context
from bot.slack.last_event import LastEvent
from bot.slack.transport import Transport
from bot.store import Store, heartbeats, jobs, now
from bot.worker.loop import Worker

DATABASE_SECONDS = 2.0
WRITE_SECONDS = 10.0
"""How long the answer counts to whether the database can be written to: anybody may ask, and a write costs it work."""
DELIVERY_SECONDS = 30.0
"""The loop looks for work every second; after this long without, it hangs."""

BEAT_SECONDS = 60.0

log = structlog.get_logger(__name__)


def starting(what: Callable[[], str]) -> Probes:
    """The answers before the bot can work: `what` says what it waits for."""

    async def ready() -> list[str]:
        return [what()]

    async def warnings() -> list[str]:
        return []

    async def measure() -> None:
        metrics.ready.set(0)

    return Probes(ready, warnings, measure)


def probes(context: Context, delivery: Worker, transport: Transport, last_event: LastEvent) -> Probes:
    """The answers of `/readyz` and `/metrics`."""
    started = time.monotonic()
    database = Database(context.store)

    async def ready() -> list[str]:
        closed = _closed(context)
        none_open = closed if len(closed) == len(context.orgs) else []
        return [*await database.reasons(), *_delivery(delivery), *none_open, *transport.reasons()]

    async def warnings() -> list[str]:
        # A pasted link of another company must not take the bot out of rotation: this is no reason not to be ready.
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                warning = await site_warning.warning(context)
        except (SQLAlchemyError, TimeoutError):
            return []  # `ready` says why
        closed = _closed(context)
        some_closed = closed if len(closed) < len(context.orgs) else []
        return [*some_closed, *([warning] if warning else [])]

    async def measure() -> None:
        metrics.ready.set(not await ready())
        metrics.last_event_age.set(time.monotonic() - started if last_event.event_ago is None else last_event.event_ago)
        metrics.socket_age.set(transport.age)
        try:
            async with context.store.read() as connection:
                found = await jobs.depths(connection)
        except SQLAlchemyError:
            return  # `/readyz` says so; the last figures stand
        for each in found:
            metrics.jobs_depth.labels(each.kind).set(each.jobs)
            metrics.jobs_oldest.labels(each.kind).set(each.oldest)

    return Probes(ready, warnings, measure)


class Database:
    """Whether the database answers, asked each time, and whether it can be written to, asked at most so often."""

    def __init__(self, store: Store, every: float = WRITE_SECONDS) -> None:
        self._store, self._every = store, every
        self._replica = secrets.token_hex(8)
        self._rehearsed_at = float("-inf")
        self._unwritable: list[str] = []

    async def reasons(self) -> list[str]:
        """What keeps it from being of use, in words."""
        try:
            async with asyncio.timeout(DATABASE_SECONDS), self._store.read() as connection:
                await now(connection)
        except (SQLAlchemyError, TimeoutError) as error:
            return [f"The database does not answer ({type(error).__name__}): check DATABASE_URL and the server."]
        if time.monotonic() - self._rehearsed_at >= self._every:
            self._rehearsed_at = time.monotonic()
            self._unwritable = await self._rehearse()
        return self._unwritable

    async def _rehearse(self) -> list[str]:
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                await heartbeats.rehearse(self._store, self._replica)
        except (SQLAlchemyError, TimeoutError) as error:
            return [
                f"Nothing can be written to the database ({type(error).__name__}): "
                "check that DATABASE_URL leads to the primary, and its disk."
            ]
        return []


async def beat(context: Context, last_event: LastEvent) -> None:
    """Write down once a minute that this process lives, and when Slack last told it something; until cancelled."""
    replica = secrets.token_hex(8)
    while True:
        try:
            await heartbeats.beat(context.store, replica, last_event.event_ago)
        except SQLAlchemyError as error:
            log.warning("heartbeat.lost", error=type(error).__name__)
        await asyncio.sleep(BEAT_SECONDS)


def _delivery(delivery: Worker) -> list[str]:
    silent = time.monotonic() - delivery.alive_at
    return (
        [f"Delivery has not looked for work for {silent:.0f} s: restart the bot."] if silent > DELIVERY_SECONDS else []
    )


def _closed(context: Context) -> list[str]:
    """The Datadog organisations that take no calls now, and why. While one takes them, the bot has work to do."""
    return [f"{org.hosts.name}: {org.breaker.note}" for org in context.orgs.values() if org.breaker.open_for]
