"""How a call to Slack fails: for now, or for good."""

from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError

from bot import retry_after
from bot.messages.text import NAME_CHARS, clean
from bot.slack.json import as_object

DEAD_TOKEN = frozenset({"token_revoked", "token_expired", "account_inactive", "invalid_auth", "not_authed"})
"""The token no longer works; another one will, once the app is installed again."""
NOT_THERE = frozenset({"not_in_channel", "channel_not_found"})
"""The bot is not in that channel: a public one, and one that it does not see."""
WORD_CHARS = 80
"""As much of an unknown word as the store keeps."""
TRANSIENT = frozenset(
    {
        *("ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"),
        *("team_added_to_org", "org_login_required", "external_channel_migrating", "update_failed"),
    }
)
"""Slack's errors that pass by themselves. The list of others grows: each that is not here is an end.
https://docs.slack.dev/reference/methods/chat.postMessage#errors
"""


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
    reason, status = clean(str(data.get("error") or ""), WORD_CHARS), int(response.status_code)
    if status == 429 or reason in TRANSIENT:
        return SlackTransient(reason or "ratelimited", _retry_after(response.headers))
    if status >= 500 or not reason:
        return SlackTransient(reason or f"HTTP {status}")
    return SlackPermanent(reason, clean(str(data.get("needed") or ""), NAME_CHARS))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    return retry_after.seconds({name.lower(): value for name, value in headers.items()}.get("retry-after"))
