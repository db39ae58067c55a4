"""When Slack last told us something."""

import time
from dataclasses import dataclass


@dataclass(slots=True)
class LastEvent:
    """`event_at`: of the last event, on the process's own clock (monotonic); None before the first."""

    event_at: float | None = None

    def event(self) -> None:
        self.event_at = time.monotonic()

    @property
    def event_ago(self) -> float | None:
        """Seconds since the last event."""
        return None if self.event_at is None else time.monotonic() - self.event_at
