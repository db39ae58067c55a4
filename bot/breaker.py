"""A circuit breaker: while a service asks for a pause, or does not answer, nobody calls it."""

from collections.abc import Callable

SILENCES = 3
"""Calls without an answer, and none with one between them, after which the service counts as down."""
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 60.0
TRIAL_SECONDS = 5.0
"""How long others wait for what comes of the one call that is let through."""


class CircuitBreaker:
    """Of one service. `clock`: monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._paused = self._silent = (0.0, "")  # until when, and why
        self._silences = 0
        self._on_trial = False

    def open(self, seconds: float, reason: str) -> None:
        """Let no call through for so long, whatever comes of those that are under way."""
        self._paused = max(self._paused, (self._clock() + seconds, reason))

    @property
    def open_for(self) -> float:
        """Seconds until calls are tried again; 0: it is closed."""
        return max(0.0, max(self._paused, self._silent)[0] - self._clock())

    @property
    def reason(self) -> str:
        """Why it is open, or was open last."""
        return max(self._paused, self._silent)[1]

    def admit(self) -> float:
        """0: call, and tell what came of it; else how many seconds to wait. After silence one call alone is a trial."""
        wait = self.open_for
        if not wait and self._silences >= SILENCES:
            self._silent = self._clock() + TRIAL_SECONDS, self._silent[1]
            self._on_trial = True
        return wait

    def answered(self) -> None:
        """The service answered, whatever it said."""
        self._silent, self._silences, self._on_trial = (0.0, ""), 0, False

    def silent(self, reason: str) -> None:
        """A call got no answer. Those that were under way as it opened do not count: it is open for them."""
        if self._silences >= SILENCES and not self._on_trial:
            return
        self._silences, self._on_trial = self._silences + 1, False
        if self._silences >= SILENCES:
            pause = min(FIRST_PAUSE_SECONDS * 2 ** (self._silences - SILENCES), LONGEST_PAUSE_SECONDS)
            self._silent = self._clock() + pause, reason
