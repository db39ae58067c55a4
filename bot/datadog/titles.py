"""The names of insights, as Datadog tells them: looked up when a card is about to show them, and cached for an hour.

The law: a name is only for reading. Nothing here raises, stores anything, or delays a card longer than it allows;
whatever goes wrong, the insight is shown without its name.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import structlog
from cachetools import TLRUCache, TTLCache

from bot.datadog import answers
from bot.datadog.client import Datadog
from bot.datadog.errors import DatadogPermanent, DatadogTransient
from bot.datadog.resources import ANY_ID, ResourceType, type_of
from bot.model import Identity

PER_CARD = 20
"""Look-ups that one card may start."""
AT_ONCE = 8
"""Look-ups in flight for one organisation."""
AT_ONCE_IN_ALL = 16
"""Look-ups in flight for all organisations of a process: one that does not answer leaves places for others."""
CALL_SECONDS = 8.0
NAME_SECONDS = 3600.0
NO_NAME_SECONDS = 600.0
"""How long "it has no name" counts: an event can be read only some time after it happened."""
TROUBLE_SECONDS = 30.0
OFF_SECONDS = 3600.0
"""How long nothing is asked that needs a permission which the credentials lack."""

log = structlog.get_logger(__name__)


class _Resource(NamedTuple):
    """What one call reads; a dashboard tells the names of all its widgets."""

    type: ResourceType
    id: str


@dataclass(frozen=True, slots=True)
class _Cached:
    """The names in an answer, and for how many seconds they are kept."""

    names: Mapping[str, str]
    seconds: float


class _LookUp(NamedTuple):
    task: "asyncio.Task[None]"
    since: float


class Titles:
    """One organisation's names. `places`: what all organisations share; `clock`: monotonic seconds."""

    def __init__(
        self, datadog: Datadog, org: str, places: asyncio.Semaphore, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._datadog, self._org, self._clock = datadog, org, clock
        self._cache = TLRUCache[_Resource, _Cached](4096, ttu=lambda _, entry, now: now + entry.seconds, timer=clock)
        self._not_permitted = TTLCache[str, bool](64, OFF_SECONDS, timer=clock)
        self._look_ups: dict[_Resource, _LookUp] = {}
        self._slots, self._places = asyncio.Semaphore(AT_ONCE), places

    async def look_up(self, insights: Iterable[Identity], *, within: float) -> dict[Identity, str]:
        """The names that are cached, or that Datadog tells within this many seconds.

        A look-up that takes longer goes on, and its name is cached for the next time: it delays nobody twice.
        """
        wanted = list(insights)
        resources = dict.fromkeys(filter(None, map(_resource_of, wanted)))
        missing = [resource for resource in resources if resource not in self._cache and self._may_ask(resource)]
        look_ups = [self._started(resource) for resource in missing[:PER_CARD]]
        if look_ups:
            left = max(look_up.since for look_up in look_ups) + within - self._clock()
            await asyncio.wait([look_up.task for look_up in look_ups], timeout=max(left, 0.0))
        return self.cached(wanted)

    def cached(self, insights: Iterable[Identity]) -> dict[Identity, str]:
        """The names that are known without asking."""
        names: dict[Identity, str] = {}
        for insight in insights:
            entry = self._cache.get(resource) if (resource := _resource_of(insight)) else None
            if entry and (name := entry.names.get(insight.resource_id) or entry.names.get(ANY_ID)):
                names[insight] = name
        return names

    async def close(self) -> None:
        """Cancel the look-ups in flight."""
        tasks = [look_up.task for look_up in self._look_ups.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _may_ask(self, resource: _Resource) -> bool:
        return resource.type.scope not in self._not_permitted and not self._datadog.titles.open_for

    def _started(self, resource: _Resource) -> _LookUp:
        """The look-up in flight for this, or a new one."""
        if resource not in self._look_ups:
            task = asyncio.create_task(self._read(resource), name=f"name:{resource.type.insight}:{resource.id}")
            task.add_done_callback(lambda _: self._look_ups.pop(resource, None))
            self._look_ups[resource] = _LookUp(task, self._clock())
        return self._look_ups[resource]

    async def _read(self, resource: _Resource) -> None:
        async with self._slots, self._places:
            if not self._may_ask(resource):  # learnt while this one waited for a slot
                return
            try:
                body = answers.read(
                    await self._datadog.read(resource.type.path.format(resource.id), within=CALL_SECONDS)
                )
                names = resource.type.names(body)
                answers.log_unread(body, resource.type.insight)
                self._cache[resource] = _Cached(names, NO_NAME_SECONDS if body.unread else NAME_SECONDS)
            except DatadogPermanent as refused:
                self._refused(resource, refused)
            except DatadogTransient:
                self._cache[resource] = _Cached({}, TROUBLE_SECONDS)

    def _refused(self, resource: _Resource, refused: DatadogPermanent) -> None:
        if refused.status != 403:  # 401: the client has looked, and the keys are valid
            self._cache[resource] = _Cached({}, TROUBLE_SECONDS if refused.status == 401 else NO_NAME_SECONDS)
        elif resource.type.scope not in self._not_permitted:
            self._not_permitted[resource.type.scope] = True
            log.warning("names.not_permitted", org=self._org, type=resource.type.insight, needs=resource.type.scope)


def _resource_of(insight: Identity) -> _Resource | None:
    """What to read for an insight's name; None where Datadog has no name for it."""
    resource = type_of(insight)
    return _Resource(*resource) if resource else None
