"""When Slack last sent an event."""

import time
from dataclasses import dataclass


@dataclass(slots=True)
class LastEvent:
    """`event_at`: by the monotonic clock; None before the first."""

    event_at: float | None = None

    def event(self) -> None:
        self.event_at = time.monotonic()

    @property
    def event_ago(self) -> float | None:
        """Seconds since the last event."""
        return None if self.event_at is None else time.monotonic() - self.event_at
