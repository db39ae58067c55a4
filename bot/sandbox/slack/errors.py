"""How Slack says no, to programs and to people."""

from typing import Any


class SlackError(Exception):
    """A Web API call that Slack answers with `{"ok": false, "error": …}`; `more` are further fields beside it."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.more = more


def bad_arguments(*sentences: str) -> SlackError:
    """`invalid_arguments` with Slack's sentences about each of them."""
    return SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {one}" for one in sentences]})
