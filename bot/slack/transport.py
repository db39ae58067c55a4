"""How Slack reaches us: over websockets that we open (Socket Mode), or with requests to our address (HTTP mode).

The law: what is known to come from Slack is passed to Bolt, and Slack gets Bolt's answer.
"""

import time
from dataclasses import dataclass
from typing import Protocol

import structlog

from bot import metrics
from bot.slack import payloads
from bot.slack.json import Json

log = structlog.get_logger(__name__)


class Transport(Protocol):
    """Either of the two."""

    async def run(self) -> None:
        """Take events from Slack until cancelled; an exception says why that cannot go on."""
        ...

    async def close(self) -> None:
        """Take no more events, and finish those in progress."""
        ...

    @property
    def age(self) -> float:
        """Seconds since the websocket was opened; 0 where there is none."""
        ...

    def reasons(self) -> list[str]:
        """Why Slack cannot reach us, in sentences for an operator; empty when it can."""
        ...


@dataclass(slots=True)
class LastEvent:
    """When Slack last sent an event, and when it last dropped some; by the monotonic clock, None: never."""

    event_at: float | None = None
    dropped_at: float | None = None

    def hear(self, payload: Json) -> None:
        """Note what Slack sent, as `payloads.read` gives it."""
        match payload.get("type"):
            case "event_callback":
                self.event_at = time.monotonic()
            case payloads.DROPPED:
                self.dropped_at = time.monotonic()
                metrics.events.labels(payloads.DROPPED, "dropped").inc()
                log.warning("slack.events_dropped", why="more than 30,000 in an hour")
            case _:
                pass

    @property
    def event_ago(self) -> float | None:
        """Seconds since the last event."""
        return _ago(self.event_at)

    @property
    def dropped_ago(self) -> float | None:
        """Seconds since Slack last dropped events."""
        return _ago(self.dropped_at)


def _ago(at: float | None) -> float | None:
    return None if at is None else time.monotonic() - at
