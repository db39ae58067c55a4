"""How Slack reaches us: over websockets that we open (Socket Mode), or with requests to our address (HTTP mode).

The law: what is known to come from Slack is passed to Bolt, and Slack gets Bolt's answer.
"""

import time
from dataclasses import dataclass
from typing import Protocol


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
    """When Slack last sent an event. `event_at`: by the monotonic clock; None before the first."""

    event_at: float | None = None

    def event(self) -> None:
        self.event_at = time.monotonic()

    @property
    def event_ago(self) -> float | None:
        """Seconds since the last event."""
        return None if self.event_at is None else time.monotonic() - self.event_at
