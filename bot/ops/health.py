"""Whether the bot can work, how much work waits, and when Slack last sent an event."""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot import metrics
from bot.datadog.errors import DatadogTransient, TransientReason
from bot.ops.server import Probes
from bot.services import dropped_events, site_warning
from bot.services.context import Context, Organization
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
KEYS_SECONDS = 60.0
LOOK_SECONDS = 30.0
"""How often the log is told what broke; what is well in two looks in a row is mended."""
KEYS_REFUSED = (
    "Datadog does not accept the bot's keys: check them and the site; case-insights doctor says which is wrong."
)

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


class Health:
    """What `/readyz` and `/metrics` tell, and the log: one line when something breaks, one when it is mended."""

    def __init__(self, context: Context, worker: Worker, transport: Transport, last_event: LastEvent) -> None:
        self._context, self._worker, self._transport, self._last_event = context, worker, transport, last_event
        self._started = time.monotonic()
        self._database = DatabaseCheck(context.store)
        self.keys = KeysCheck(context.orgs)

    @property
    def probes(self) -> Probes:
        """The answers of `/readyz` and `/metrics`."""
        return Probes(self._ready, self._warnings, self._measure)

    async def log_changes(self, every: float = LOOK_SECONDS) -> None:
        """Log what breaks and what is mended, and why it was broken, until cancelled; `every`: seconds."""
        broken: dict[str, str] = {}
        lately: dict[str, str] = {}
        while True:
            await asyncio.sleep(every)  # a bot that starts is not broken
            now_broken = {part: " ".join(reasons) for part, reasons in (await self._parts()).items() if reasons}
            now_broken |= self.keys.warnings()
            for part in now_broken.keys() - broken.keys():
                log.error("health.broken", part=part, why=now_broken[part])
            # A service that does not answer looks well while it is being tried again.
            for part in broken.keys() - now_broken.keys() - lately.keys():
                log.info("health.mended", part=part, why=broken.pop(part))
            broken, lately = now_broken | broken, now_broken

    async def _parts(self) -> dict[str, list[str]]:
        """Why each part cannot work, in sentences; empty where it can."""
        return {
            "database": await self._database.reasons(),
            "worker": _worker(self._worker),
            "datadog": self.keys.reasons(),
            "slack": self._transport.reasons(),
        }

    async def _ready(self) -> list[str]:
        return [reason for reasons in (await self._parts()).values() for reason in reasons]

    async def _warnings(self) -> list[str]:
        """What takes no bot out of rotation: its links would find nobody, and Datadog is back without our doing."""
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                known = [await site_warning.warning(self._context), await dropped_events.warning(self._context)]
        except (SQLAlchemyError, TimeoutError):
            return []  # `_ready` says why
        datadog = [] if self.keys.reasons() else [f"{name}: {why}" for name, why in self.keys.warnings().items()]
        return [*datadog, *filter(None, known)]

    async def _measure(self) -> None:
        parts = await self._parts()
        metrics.ready.set(not any(parts.values()))
        for part, reasons in parts.items():
            metrics.part_ready.labels(part).set(not reasons)
        for name, org in self._context.orgs.items():
            metrics.keys_accepted.labels(name).set(not org.datadog.keys_refused)
        ago = self._last_event.event_ago
        metrics.last_event_age.set(time.monotonic() - self._started if ago is None else ago)
        metrics.socket_age.set(self._transport.age)
        try:
            async with self._context.store.read() as connection:
                depths = await jobs.depths(connection)
        except SQLAlchemyError:
            return  # `/readyz` says so; the gauges keep their last values
        for depth in depths:
            metrics.jobs_depth.labels(depth.kind).set(depth.jobs)
            metrics.jobs_oldest.labels(depth.kind).set(depth.oldest)


class KeysCheck:
    """Whether Datadog accepts each organisation's keys: asked at the start, then once a minute.

    Only a bot that starts with keys that are all refused is not ready, so that a release with wrong ones stops. Refused
    later, or while Datadog is silent, what people confirm is kept, and Slack's events are answered.
    """

    def __init__(self, orgs: Mapping[str, Organization], every: float = KEYS_SECONDS) -> None:
        self._orgs, self._every = orgs, every
        self._asked = False
        self._unanswered: set[str] = set()

    async def run(self) -> None:
        """Ask, until cancelled."""
        while True:
            await asyncio.gather(*map(self._check, self._orgs))
            self._asked = True
            await asyncio.sleep(self._every)

    def reasons(self) -> list[str]:
        """Why the bot is not ready; empty when it is."""
        if not self._asked:
            return ["Datadog has not been asked yet whether it accepts the keys."]
        datadogs = [org.datadog for org in self._orgs.values()]
        if any(datadog.keys_accepted_once or not datadog.keys_refused for datadog in datadogs):
            return []
        return [f"{name}: {why}" for name, why in self.warnings().items()]

    def warnings(self) -> dict[str, str]:
        """The organisations that take no calls now, and why: a sentence."""
        return {name: why for name in self._orgs if (why := self._closed(name))}

    async def _check(self, name: str) -> None:
        try:
            await self._orgs[name].datadog.check_keys()
        except DatadogTransient:
            self._unanswered.add(name)
        else:
            self._unanswered.discard(name)

    def _closed(self, name: str) -> str:
        """Why this organisation takes no calls now, a sentence; empty when it does."""
        org = self._orgs[name]
        if org.datadog.keys_refused:
            return KEYS_REFUSED
        if org.breaker.open_for:
            why = TransientReason(org.breaker.reason)
        elif name in self._unanswered and org.datadog.silence:
            why = TransientReason.SILENT
        else:
            return ""
        silence = f" The cause: {org.datadog.silence}." if why is TransientReason.SILENT and org.datadog.silence else ""
        return f"{not_now(why)}{silence}"


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
            alive = await heartbeats.beat(context.store, replica, last_event.event_ago, last_event.dropped_ago)
            context.latest_messages.alone = alive == 1
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
