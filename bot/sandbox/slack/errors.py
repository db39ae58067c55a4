"""Errors of the Web API."""

from typing import Any


class SlackError(Exception):
    """Answered as `{"ok": false, "error": …}`; `more` are further fields of the answer."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.more = more


def bad_arguments(*sentences: str) -> SlackError:
    """`invalid_arguments` with these sentences of Slack's."""
    return SlackError(
        "invalid_arguments", response_metadata={"messages": [f"[ERROR] {sentence}" for sentence in sentences]}
    )
