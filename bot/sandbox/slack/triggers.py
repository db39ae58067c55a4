"""Trigger ids: each opens one modal for one person, within three seconds."""

import secrets
import time

from bot.sandbox.slack.errors import SlackError


class Triggers:
    """The trigger ids issued so far. `lifetime` is in seconds."""

    def __init__(self) -> None:
        self.lifetime = 3.0
        self._given: dict[str, tuple[str, float]] = {}
        self._used: set[str] = set()

    def mint(self, user: str) -> str:
        trigger = f"{time.time_ns() // 1_000_000}.{secrets.token_hex(4)}.{secrets.token_hex(16)}"
        self._given[trigger] = (user, time.monotonic() + self.lifetime)
        return trigger

    def use(self, trigger: str) -> str:
        """The person it was issued for. Raises SlackError when it is used, expired or unknown."""
        if trigger not in self._given:
            raise SlackError("invalid_trigger_id")
        if trigger in self._used:
            raise SlackError("exchanged_trigger_id")
        user, until = self._given[trigger]
        self._used.add(trigger)
        if until < time.monotonic():
            raise SlackError("expired_trigger_id")
        return user
