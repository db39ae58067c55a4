"""A circuit breaker: while a service asks for a pause, or does not answer, nobody calls it."""

from collections.abc import Callable

SILENCES = 3
"""Calls in a row without an answer, after which the service counts as down."""
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 60.0
PROBE_SECONDS = 5.0
"""How long others wait for what comes of the one call that is let through."""


class CircuitBreaker:
    """Of one service. `clock`: monotonic seconds. `reason`: why it was opened last."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = self._silent_until = 0.0
        self._silences = 0
        self.reason = ""

    def open(self, seconds: float, reason: str) -> None:
        """Let no call through for so long, whatever comes of those that are under way."""
        self._until, self.reason = self._clock() + seconds, reason

    @property
    def open_for(self) -> float:
        """Seconds until calls are tried again; 0: it is closed."""
        return max(0.0, max(self._until, self._silent_until) - self._clock())

    def admit(self) -> float:
        """0: call, and tell what came of it; else how many seconds to wait. After silence one call alone is a trial."""
        wait = self.open_for
        if not wait and self._silences >= SILENCES:
            self._silent_until = self._clock() + PROBE_SECONDS
        return wait

    def answered(self) -> None:
        """The service answered, whatever it said."""
        self._silences, self._silent_until = 0, 0.0

    def silent(self, reason: str) -> None:
        """A call got no answer."""
        self._silences += 1
        if self._silences >= SILENCES:
            pause = min(FIRST_PAUSE_SECONDS * 2 ** (self._silences - SILENCES), LONGEST_PAUSE_SECONDS)
            self._silent_until, self.reason = self._clock() + pause, reason
