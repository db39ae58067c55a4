"""What insights are called, as Datadog tells: asked when a card is about to show them, and remembered for an hour.

The law: a name is for the eyes. None of this raises, stores anything, or holds up a card for longer than it grants;
whatever goes wrong, the insight is shown without its name.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import structlog
from cachetools import TLRUCache, TTLCache
from pydantic import ValidationError

from bot.datadog.client import Datadog, DatadogPermanent, DatadogTransient, TransientReason
from bot.datadog.resources import Resource, ResourceType, type_of
from bot.model import Identity

PER_CARD = 20
"""Look-ups that one card may start."""
AT_ONCE = 8
"""Look-ups under way in one organisation."""
CALL_SECONDS = 8.0
NAME_SECONDS = 3600.0
NO_NAME_SECONDS = 600.0
"""How long "there is no such thing" counts: an event can be read only a while after it happened."""
TROUBLE_SECONDS = 30.0
OFF_SECONDS = 3600.0
"""How long nothing is asked that needs a permission which the credentials have not."""
QUIET_SECONDS = 60.0
"""How long nothing at all is asked when Datadog wants no calls, and does not say until when."""

log = structlog.get_logger(__name__)


class _Ask(NamedTuple):
    """One thing to read; a dashboard tells the names of all its widgets at once."""

    kind: ResourceType
    resource_id: str


@dataclass(frozen=True, slots=True)
class _Told:
    """What became of an ask, None where it has no name to tell, and for how many seconds that counts."""

    resource: Resource | None
    counts: float


class _Reading(NamedTuple):
    task: "asyncio.Task[None]"
    since: float


class Titles:
    """One organisation's names. `clock` gives seconds that never run backwards."""

    def __init__(self, datadog: Datadog, org: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._datadog, self._org, self._clock = datadog, org, clock
        self._told = TLRUCache[_Ask, _Told](4096, ttu=lambda _, told, now: now + told.counts, timer=clock)
        self._off = TTLCache[str, bool](64, OFF_SECONDS, timer=clock)
        self._quiet_until = 0.0
        self._reading: dict[_Ask, _Reading] = {}
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._judging = asyncio.Lock()

    async def of(self, insights: Iterable[Identity], *, within: float) -> dict[Identity, str]:
        """Names for as many insights as have one that is known, or told within so many seconds.

        A look-up that takes longer goes on, and its name is known when it is asked for again: it holds up nobody
        a second time.
        """
        wanted = list(insights)
        asks = [ask for ask in dict.fromkeys(map(_ask, wanted)) if ask and ask not in self._told and self._allowed(ask)]
        reading = [self._read(ask) for ask in asks[:PER_CARD]]
        if reading:
            left = max(each.since for each in reading) + within - self._clock()
            await asyncio.wait([each.task for each in reading], timeout=max(left, 0.0))
        return self.known(wanted)

    def known(self, insights: Iterable[Identity]) -> dict[Identity, str]:
        """Names for as many as were told before; asks nobody."""
        found: dict[Identity, str] = {}
        for insight in insights:
            told = self._told.get(ask) if (ask := _ask(insight)) else None
            name = told.resource.name_of(insight.resource_id) if told and told.resource else ""
            if name:
                found[insight] = name
        return found

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = [reading.task for reading in self._reading.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _allowed(self, ask: _Ask) -> bool:
        return ask.kind.scope not in self._off and self._clock() >= self._quiet_until

    def _read(self, ask: _Ask) -> _Reading:
        """The look-up that is under way for this, or a new one."""
        if ask not in self._reading:
            task = asyncio.create_task(self._look_up(ask), name=f"name:{ask.kind.insight}:{ask.resource_id}")
            task.add_done_callback(lambda _: self._reading.pop(ask, None))
            self._reading[ask] = _Reading(task, self._clock())
        return self._reading[ask]

    async def _look_up(self, ask: _Ask) -> None:
        async with self._at_once:
            if not self._allowed(ask):  # found out while this one waited for its turn
                return
            try:
                body = await self._datadog.read(ask.kind.path.format(ask.resource_id), within=CALL_SECONDS)
                self._told[ask] = _Told(ask.kind.resource.model_validate_json(body), NAME_SECONDS)
            except DatadogPermanent as refused:
                await self._refused(ask, refused)
            except DatadogTransient as later:
                self._not_now(ask, later)
            except ValidationError as error:
                log.info("names.unreadable", org=self._org, type=ask.kind.insight, errors=error.error_count())
                self._told[ask] = _Told(None, NO_NAME_SECONDS)

    async def _refused(self, ask: _Ask, refused: DatadogPermanent) -> None:
        if refused.status not in (401, 403):
            self._told[ask] = _Told(None, NO_NAME_SECONDS)
            return
        async with self._judging:
            if not self._allowed(ask):
                return
            try:
                permission = refused.status == 403 and await self._datadog.keys_are_valid()
            except DatadogTransient as later:
                self._not_now(ask, later)
                return
            if permission:
                self._off[ask.kind.scope] = True
                log.warning("names.not_permitted", org=self._org, type=ask.kind.insight, needs=ask.kind.scope)
            else:
                self._quiet_until = self._clock() + QUIET_SECONDS

    def _not_now(self, ask: _Ask, later: DatadogTransient) -> None:
        self._told[ask] = _Told(None, TROUBLE_SECONDS)
        if later.why is TransientReason.RATE_LIMITED:
            self._quiet_until = self._clock() + (QUIET_SECONDS if later.after is None else later.after)


def _ask(insight: Identity) -> _Ask | None:
    """What to read for an insight's name; None where Datadog has no name for it."""
    found = type_of(insight)
    return _Ask(*found) if found else None
