"""One run's insights on one case: read it, send what it does not list, until all is settled or the time is over."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.datadog.answers import Triple
from bot.datadog.client import Datadog
from bot.datadog.errors import DatadogPermanent, DatadogTransient, TransientReason
from bot.links import Routes
from bot.messages import adding
from bot.model import Identity, Insight
from bot.worker.backoff import backoff, not_now

BATCH = 100
"""Insights in one call: the most that Datadog takes."""
SINGLES = 3
"""After this many single insights refused in a row, Datadog would refuse the rest too."""


class Ending(StrEnum):
    """What became of a link."""

    ADDED = "added"
    ON_CASE = "on_case"
    NOT_AN_INSIGHT = "not_an_insight"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds. `within`: for the whole run; `timeout`: for one call; `cap`: the longest pause that nobody asked for.

    `settles`: after which a call without an answer has surely ended; reading the case before that proves nothing.
    """

    within: float = 120.0
    timeout: float = 10.0
    cap: float = 30.0
    settles: float = 20.0


class Patience:
    """The time that one run has for trying again."""

    def __init__(self, limits: TimeLimits) -> None:
        self._cap, self._ends, self._attempts = limits.cap, time.monotonic() + limits.within, 0

    async def after(self, error: DatadogTransient, least: float = 0.0) -> bool:
        """Wait before the next try, at least as long as Datadog asks for; False, at once: it would be in vain."""
        wait = max(backoff(self._attempts, self._cap), error.after or 0.0, least)
        self._attempts += 1
        if error.why is TransientReason.CREDENTIALS or time.monotonic() + wait > self._ends:
            return False
        await asyncio.sleep(wait)
        return True


class Delivery:
    """The state of one run. `case_id`: the UUID, which stays when the case moves."""

    def __init__(
        self, datadog: Datadog, case_id: str, insights: Iterable[Insight], routes: Routes, limits: TimeLimits
    ) -> None:
        self._datadog, self._case_id, self._routes, self._limits = datadog, case_id, routes, limits
        self._left: dict[Identity, Insight] = {}
        for insight in insights:
            self._left.setdefault(insight.identity, insight)
        self._endings: dict[Identity, tuple[Ending, str]] = {}
        self._batch: list[Identity] = []
        self._may_be_there: set[Identity] = set()
        self._size, self._refused, self._settled_at = BATCH, 0, 0.0

    async def run(self, patience: Patience) -> Mapping[Identity, tuple[Ending, str]]:
        """What became of each insight, and why where it failed."""
        while self._left:
            try:
                await self._turn()
            except DatadogTransient as error:
                if not await patience.after(error, self._settled_at - time.monotonic()):
                    self._fail_all(not_now(error.why, error.status))
            except DatadogPermanent as error:
                self._refuse(error)
        return self._endings

    async def _turn(self) -> None:
        self._batch = []
        case = await self._datadog.case(self._case_id)
        for identity in case.identities(self._routes) & self._left.keys():
            self._end(identity, Ending.ADDED if identity in self._may_be_there else Ending.ON_CASE)
        if not case.lists_all:
            self._fail_all(adding.NOT_LISTED)
        self._may_be_there.clear()  # what is left is not listed
        self._batch = list(self._left)[: self._size]
        if self._batch:
            await self._send([self._left[identity] for identity in self._batch])

    async def _send(self, insights: list[Insight]) -> None:
        try:
            await self._datadog.add(self._case_id, [Triple(each.type, each.resource_id, each.ref) for each in insights])
        except DatadogTransient as error:
            if error.sent:
                self._may_be_there.update(self._batch)
            if error.sent and error.status is None:
                self._settled_at = time.monotonic() + self._limits.settles
            raise
        self._refused = 0
        for identity in self._batch:
            self._end(identity, Ending.ADDED)

    def _refuse(self, error: DatadogPermanent) -> None:
        """In a batch, halves find the insight that Datadog refuses; what concerns the case ends all."""
        words = adding.refused(error.status, error.words)
        if not self._batch or error.status in (401, 403, 404):
            self._fail_all(words)
        elif len(self._batch) > 1:  # whether a part was taken is documented nowhere: the next turn looks
            self._may_be_there.update(self._batch)
            self._size = len(self._batch) // 2
        else:
            self._end(self._batch[0], Ending.FAILED, words)
            self._size, self._refused = BATCH, self._refused + 1
            if self._refused >= SINGLES:
                self._fail_all(adding.OTHERS_REFUSED)

    def _fail_all(self, words: str) -> None:
        for identity in list(self._left):
            unsure = identity in self._may_be_there
            self._end(identity, Ending.FAILED, f"{words} {adding.LOOK_FIRST}" if unsure else words)

    def _end(self, identity: Identity, ending: Ending, words: str = "") -> None:
        del self._left[identity]
        self._endings[identity] = ending, words
