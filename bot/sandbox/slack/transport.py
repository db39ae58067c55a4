"""What is on its way to the app: events, sent again while unacknowledged, and questions, asked once.

How it gets there is Socket Mode's (`slack_socket`) or HTTP's (`slack_http`). Each try is one journalled call.
"""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from bot.sandbox.control import Control, Json


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Whether it was acknowledged in time, after how many seconds, with what payload; if not, why not.

    `again`: whether an event is sent once more; over HTTP the app may refuse that (`x-slack-no-retry: 1`).
    """

    acknowledged: bool
    seconds: float
    payload: Any = None
    reason: str = "timeout"
    again: bool = True


@dataclass(frozen=True, slots=True)
class Try:
    """The how-manieth repetition of an event this is, and why it is repeated; 0 and "" at first."""

    number: int = 0
    reason: str = ""


class Outbox(ABC):
    """Deliveries to the app. `ack_seconds`: how long each try waits; `retry_delays`: the pauses before the next."""

    def __init__(self, control: Control, ack_seconds: float, retry_delays: tuple[float, ...]) -> None:
        self.control = control
        self.ack_seconds = ack_seconds
        self.retry_delays = retry_delays
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrival = asyncio.Event()

    @property
    @abstractmethod
    def reachable(self) -> bool:
        """Whether there is anywhere to send to; until then events wait."""

    @abstractmethod
    async def attempt(self, payload: Json, this: Try) -> Acknowledgement:
        """Send an event once."""

    @abstractmethod
    async def ask(self, kind: str, payload: Json, *, accepts_response_payload: bool = False) -> Acknowledgement:
        """Send an interaction ("interactive") or a command ("slash_commands"), once, and wait for its answer."""

    def arrived(self) -> None:
        """The app can be reached, in one more way: what waits goes at once."""
        arrival, self._arrival = self._arrival, asyncio.Event()
        arrival.set()

    def deliver(self, payload: Json) -> None:
        """Send an event, and again after each of `retry_delays` while it is not acknowledged.

        While the app is not reachable it waits. A new websocket gets what is due for another try at once.
        """
        task = asyncio.create_task(self._deliver(payload))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def forget_deliveries(self) -> None:
        for task in self._tasks:
            task.cancel()

    @property
    def undelivered(self) -> int:
        """How many events are still on their way, retries included."""
        return len(self._tasks)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.control.changed()

    async def _deliver(self, payload: Json) -> None:
        this = Try()
        for number, delay in enumerate((*self.retry_delays, 0.0), 1):
            while not self.reachable:
                await self._arrival.wait()
            next_arrival = self._arrival
            answer = await self.attempt(payload, this)
            if answer.acknowledged:
                return
            if not answer.again:
                break
            this = Try(number, answer.reason)
            await _pause(delay, next_arrival)
        self.control.tell("event_lost", {"event_id": payload["event_id"]})


async def _pause(seconds: float, arrival: asyncio.Event) -> None:
    """Until `seconds` have passed, or another way to the app has come since the last try."""
    try:
        async with asyncio.timeout(seconds):
            await arrival.wait()
    except TimeoutError:
        return
