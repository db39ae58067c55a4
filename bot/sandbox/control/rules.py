"""Rules: which calls fail or wait, and how.

A rule answers instead of the server, waits, closes the connection, or holds a call at an exact point.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, get_args

Moment = Literal["before", "after"]
"""Before or after the request was applied."""

MOMENTS: tuple[str, ...] = get_args(Moment)


@dataclass(slots=True, kw_only=True)
class Rule:
    """What happens to the calls of `service` and `method` (each may be `*`), `times` times (None: always).

    `status`, `body` and `headers` answer instead of the server, which then applies nothing, unless `apply` is set, or
    `hold` or `drop` is "after": that one applies first. `delay` (seconds) comes first. `drop` closes the
    connection without an answer; `hold` suspends the call until it is released. `probability` is drawn from
    `seed` for each matching call in order, so one seed always affects the same calls.
    """

    service: str
    method: str
    status: int | None = None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    delay: float = 0.0
    drop: Moment | None = None
    hold: Moment | None = None
    apply: bool = False
    times: int | None = None
    probability: float = 1.0
    seed: int = 0
    chance: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if (wrong := _wrong(self)) is not None:
            raise ValueError(wrong)
        self.chance = Random(self.seed)  # noqa: S311 - repeatable on purpose; nothing secret hangs on it

    def takes(self, service: str, method: str) -> bool:
        """Whether this rule is for the call; uses up one of its times if so."""
        if self.times == 0 or self.service not in ("*", service) or self.method not in ("*", method):
            return False
        if self.chance.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def as_json(self) -> dict[str, Any]:
        """What the rule was made of, without the body and headers of its answer."""
        names = ("service", "method", "status", "delay", "drop", "hold", "apply", "times", "probability")
        return {name: getattr(self, name) for name in names}

    @property
    def answers(self) -> bool:
        """Whether it answers instead of the server."""
        return self.status is not None or self.body is not None

    @property
    def applies(self) -> bool:
        """Whether the server still does what was asked."""
        if self.drop == "before":
            return False
        return self.apply or not self.answers or "after" in (self.drop, self.hold)


def _wrong(rule: Rule) -> str | None:
    """What is wrong with a rule, as a sentence, or None."""
    if rule.status is not None and not 200 <= rule.status <= 599:
        return f"status must be between 200 and 599, not {rule.status}."
    if rule.delay < 0:
        return f"delay must be 0 or more seconds, not {rule.delay}."
    if rule.times is not None and rule.times < 1:
        return f"times must be 1 or more, not {rule.times}."
    if not 0 <= rule.probability <= 1:
        return f"probability must be between 0 and 1, not {rule.probability}."
    for name, moment in (("drop", rule.drop), ("hold", rule.hold)):
        if moment is not None and moment not in MOMENTS:
            return f'{name} must be "before" or "after", not {moment!r}.'
    return None
