"""How a call to Datadog fails: for now, or for good.

Error bodies come as strings or objects on any endpoint, a 429 even as HTML; so nothing here relies on their shape.
"""

import time
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, cast

import httpx

from bot import retry_after
from bot.datadog.answers import read
from bot.messages.text import WORDS_CHARS, clean


class TransientReason(StrEnum):
    """Why Datadog did not do it now."""

    SILENT = "silent"
    RATE_LIMITED = "rate_limited"
    CREDENTIALS = "credentials"


class DatadogTransient(Exception):
    """Not now: time-out, broken connection, 408, 429, 5xx, keys that are refused. `after`: seconds to wait, if known.

    `sent`: the request may have been carried out all the same. `tried`: false where an open circuit breaker held it
    back.
    """

    def __init__(
        self,
        why: TransientReason,
        status: int | None,
        *,
        after: float | None = None,
        sent: bool = True,
        tried: bool = True,
    ) -> None:
        super().__init__(f"Datadog: {why.value} ({status})")
        self.why, self.status, self.after, self.sent, self.tried = why, status, after, sent, tried

    def about(self, *, sent: bool) -> "DatadogTransient":
        """The same of a change that this call was only to clear up: whether that was `sent`."""
        return DatadogTransient(self.why, self.status, after=self.after, sent=sent, tried=self.tried)

    @property
    def counts(self) -> bool:
        """Whether it is a failed attempt: keys are somebody's to renew, and what was not tried did not fail."""
        return self.tried and self.why is not TransientReason.CREDENTIALS


class DatadogPermanent(Exception):
    """Datadog refuses: 4xx. `words`: its own."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"Datadog refused ({status}): {words}")
        self.status, self.words = status, words


def retry_after_of(response: httpx.Response) -> float | None:
    """Seconds. X-RateLimit-Reset is seconds until the reset, but has been seen as an epoch too."""
    now = date_of(response) or time.time()
    waits = (
        retry_after.seconds(response.headers.get(name), epoch_now=now) for name in ("x-ratelimit-reset", "retry-after")
    )
    return next((wait for wait in waits if wait is not None), None)


def date_of(response: httpx.Response) -> float | None:
    """When the answer was made, epoch s, by Datadog's clock."""
    try:
        return parsedate_to_datetime(response.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None


def words_of(response: httpx.Response) -> str:
    """Datadog's own words, cleaned, whatever the shape of its errors."""
    errors = read(response.content).at("errors").value
    words = map(_error_words, cast(list[Any], errors if isinstance(errors, list) else [errors]))
    return clean("; ".join(filter(None, words)), WORDS_CHARS) or f"HTTP {response.status_code}"


def _error_words(error: Any) -> str:
    fields = cast(dict[str, Any], error) if isinstance(error, dict) else {"detail": error}
    told = (fields.get(name) for name in ("detail", "title", "code"))
    return next((words for words in told if words and isinstance(words, str)), "")
