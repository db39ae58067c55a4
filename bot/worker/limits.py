"""How many jobs of a kind one process works on at once: a kind that waits for Datadog takes no other's place."""

from collections.abc import Mapping

from bot.store.transaction import JobKind

AT_ONCE: Mapping[JobKind, int] = {
    JobKind.THREAD: 8,
    JobKind.CARD: 16,
    JobKind.CASE: 16,
    JobKind.COMMENT: 4,
    JobKind.CREATE: 4,
}


class Limits:
    """The free places of each kind."""

    def __init__(self, at_once: Mapping[JobKind, int] = AT_ONCE) -> None:
        self._free = dict(at_once)

    def free(self, kind: JobKind) -> int:
        return self._free[kind]

    def reserve(self, kind: JobKind, most: int = 1) -> int:
        """Take up to `most` places; returns how many there were."""
        taken = min(most, self._free[kind])
        self._free[kind] -= taken
        return taken

    def give_back(self, kind: JobKind, places: int = 1) -> None:
        self._free[kind] += places
