"""Text for Slack: escaped, cut, counted, and with times in the reader's own zone."""

from datetime import UTC, datetime

OPTION_CHARS = 75
"""Slack's limit for the text and the description of a checkbox."""
TEXT_CHARS = 3_900
SECTION_CHARS = 2_900
"""Just under Slack's 4,000 for `text` in chat.update and 3,000 for a section."""


def escape(text: str) -> str:
    """`text` as mrkdwn that pings nobody and links nowhere (docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, most: int) -> str:
    """`text` in at most `most` characters, without its middle: both ends of a path are needed to recognise it."""
    if len(text) <= most:
        return text
    head = most // 2
    return text[:head] + "…" + text[len(text) - (most - 1 - head) :]


def clock(at: float) -> str:
    """A time of day that Slack shows in each reader's zone; UTC in plain text."""
    return f"<!date^{int(at)}^{{time}}|{datetime.fromtimestamp(at, UTC):%H:%M} UTC>"


def this(thread: bool) -> str:
    return "This thread" if thread else "This channel"


def insights(count: int) -> str:
    """`1 insight`, `2 insights`."""
    return "1 insight" if count == 1 else f"{count} insights"
