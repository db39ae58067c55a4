"""How a call to Slack fails: for now, or for good."""

from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError

from bot import retry_after
from bot.slack.json import as_object

DEAD_TOKEN = frozenset({"token_revoked", "token_expired", "account_inactive", "invalid_auth", "not_authed"})
"""The token no longer works; another one will, once the app is installed again."""
PERMANENT = DEAD_TOKEN | {
    *("channel_not_found", "not_in_channel", "is_archived", "message_not_found", "thread_not_found", "user_not_found"),
    *("cant_update_message", "edit_window_closed", "missing_scope", "restricted_action", "user_not_in_channel"),
    *("invalid_blocks", "invalid_arguments", "expired_trigger_id", "exchanged_trigger_id", "not_found"),
    *("view_too_large", "msg_too_long"),
}
"""Slack's errors that asking again does not change."""


class SlackTransient(Exception):
    """Not now: 429, 5xx, time-out, broken connection. `after`: seconds to wait, if known.

    `silent`: there was no answer; `tried`: false where an open circuit breaker held the call back.
    """

    def __init__(self, words: str, after: float | None = None, *, silent: bool = False, tried: bool = True) -> None:
        super().__init__(words)
        self.after, self.silent, self.tried = after, silent, tried


class SlackPermanent(Exception):
    """Slack refuses: `reason` is its own error word, `needed` the scope that is missing."""

    def __init__(self, reason: str, needed: str = "") -> None:
        super().__init__(f"{reason} ({needed})" if needed else reason)
        self.reason, self.needed = reason, needed


def refusal(error: SlackApiError) -> SlackTransient | SlackPermanent:
    """What slack_sdk's error means."""
    response: Any = error.response  # slack_sdk leaves it untyped
    if isinstance(response, aiohttp.ClientResponse):  # what it raises for a body that only claims to be JSON
        return SlackTransient(f"HTTP {response.status}", _retry_after(response.headers))
    data = as_object(response.data)
    reason = str(data.get("error") or f"HTTP {response.status_code}")
    if response.status_code == 429 or reason == "ratelimited":
        return SlackTransient("ratelimited", _retry_after(response.headers))
    if reason in PERMANENT:
        return SlackPermanent(reason, str(data.get("needed") or ""))
    return SlackTransient(reason)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    return retry_after.seconds({name.lower(): value for name, value in headers.items()}.get("retry-after"))
