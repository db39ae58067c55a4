"""Delivery to the app: events, repeated until they are acknowledged, and interactions, sent once.

`SocketMode` and `HttpMode` are the two transports. The journal has one call for each attempt.
"""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from bot.sandbox.control import Control, Json


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Whether the app acknowledged in time, after how many seconds, and with which payload; if not, the reason.

    `retry` False: an HTTP app has refused repetitions (`x-slack-no-retry: 1`).
    """

    acknowledged: bool
    seconds: float
    payload: Any = None
    reason: str = "timeout"
    retry: bool = True


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which repetition of an event this is (0: the first attempt), and why it is repeated."""

    number: int = 0
    reason: str = ""


class Transport(ABC):
    """Deliveries to the app. `ack_seconds`: how long each attempt waits; `retry_delays`: the pauses in between."""

    def __init__(self, control: Control, ack_seconds: float, retry_delays: tuple[float, ...]) -> None:
        self.control = control
        self.ack_seconds = ack_seconds
        self.retry_delays = retry_delays
        self._tasks: set[asyncio.Task[None]] = set()
        self._connection = asyncio.Event()

    @property
    @abstractmethod
    def reachable(self) -> bool:
        """Whether the app can be reached; events wait until then."""

    @abstractmethod
    async def send_event(self, payload: Json, attempt: Attempt) -> Acknowledgement:
        """Send an event once."""

    @abstractmethod
    async def send_interaction(
        self, kind: str, payload: Json, *, accepts_response_payload: bool = False
    ) -> Acknowledgement:
        """Send an "interactive" or "slash_commands" payload once, and wait for the acknowledgement."""

    def connected(self) -> None:
        """Send waiting events now: the app can be reached, or has opened one more websocket."""
        connection, self._connection = self._connection, asyncio.Event()
        connection.set()

    def deliver(self, payload: Json) -> None:
        """Send an event, and repeat it after each of `retry_delays` until it is acknowledged.

        It waits while the app cannot be reached. A new websocket ends the pause before a repetition.
        """
        task = asyncio.create_task(self._deliver(payload))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def forget_deliveries(self) -> None:
        for task in self._tasks:
            task.cancel()

    @property
    def undelivered(self) -> int:
        """How many events are not acknowledged yet and will still be sent or repeated."""
        return len(self._tasks)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.control.changed()

    async def _deliver(self, payload: Json) -> None:
        attempt = Attempt()
        for number, delay in enumerate((*self.retry_delays, 0.0), 1):
            while not self.reachable:
                await self._connection.wait()
            next_connection = self._connection
            answer = await self.send_event(payload, attempt)
            if answer.acknowledged:
                return
            if not answer.retry:
                break
            attempt = Attempt(number, answer.reason)
            await _pause(delay, next_connection)
        self.control.publish("event_lost", {"event_id": payload["event_id"]})


async def _pause(seconds: float, connection: asyncio.Event) -> None:
    """Wait `seconds`, or until the app connects once more."""
    try:
        async with asyncio.timeout(seconds):
            await connection.wait()
    except TimeoutError:
        return
