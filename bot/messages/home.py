"""The Home tab: what is tied where, what happened lately, what failed, and how to do things."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.commands import COMMAND, VERBS
from bot.messages.blocks import button, section
from bot.messages.text import cut, escape

Json = dict[str, Any]

LINES_CHARS = 2_800
ROWS = 30
"""With a button each; a view holds 100 blocks."""


@dataclass(frozen=True, slots=True)
class Home:
    """What a person's Home shows: lines of mrkdwn made of parts that are escaped already.

    Ties and modes are pairs of a line and the place that its button names; `unfinished` waits, is under way or
    failed, and `failed` is how many of it did. `notice`: the result of what they pressed, or why there is little;
    `warning`: what whoever runs the bot should look at.
    """

    ties: Sequence[tuple[str, str]] = ()
    modes: Sequence[tuple[str, str]] = ()
    unfinished: Sequence[str] = ()
    failed: int = 0
    recent: Sequence[str] = ()
    notice: str = ""
    warning: str = ""


def home(shown: Home) -> Json:
    """The view for `views.publish`."""
    blocks: list[Json] = [_header("Case Insights")]
    if shown.notice:
        blocks.append(section(shown.notice))
    if shown.warning:
        blocks.append(section(escape(shown.warning)))
    if shown.unfinished:
        blocks += [_header("Waiting or failed"), section(_lines(shown.unfinished))]
    if shown.failed:
        retry = button("home.retry", "Retry all failed", "all", "primary")
        blocks.append({"type": "actions", "block_id": "failed", "elements": [retry]})
    if shown.ties:
        blocks += [_header("Tied to a case"), *_rows(shown.ties, "home.untie", "Untie")]
    if shown.modes:
        blocks += [_header("Modes"), *_rows(shown.modes, "home.ask", "Ask first")]
    if shown.recent:
        blocks += [_header("Lately"), section(_lines(shown.recent))]
    blocks += [_header("How to"), section(_how_to())]
    return {"type": "home", "blocks": blocks}


def what(happened: str, where: str) -> str:
    """What stands `where` (a channel's or message's mention, as Slack writes it)."""
    return f"{cut(escape(happened), 200)} · {where}"


def line(happened: str, where: str, more: str = "") -> str:
    """The same as one of several lines, with `more` of it: a reason, in mrkdwn."""
    return f"• {what(happened, where)}{f': {cut(more, 300)}' if more else ''}"


def channel_mention(channel: str) -> str:
    """A channel as Slack shows it by name."""
    return f"<#{channel}>"


def address(url: str, words: str) -> str:
    return f"<{url}|{escape(words)}>"


def _rows(rows: Sequence[tuple[str, str]], action_id: str, words: str) -> Iterable[Json]:
    """A line each, with the button that takes it back."""
    for text, place in rows[:ROWS]:
        yield {**section(text), "block_id": f"{action_id}:{place}", "accessory": button(action_id, words, place)}


def _lines(lines: Sequence[str]) -> str:
    kept: list[str] = []
    for each in lines:
        if sum(map(len, kept)) + len(kept) + len(each) > LINES_CHARS:
            kept.append("• …")
            break
        kept.append(each)
    return "\n".join(kept)


def _how_to() -> str:
    verbs = ", ".join(f"`{COMMAND} {name}`" for name in VERBS)
    return (
        "Start a thread with the link of a case, and paste Datadog links in it: each is offered in a card. "
        f"On any message, ⋯, Add to case. In words: {verbs}; in a thread, the same after @Case Insights."
    )


def _header(text: str) -> Json:
    return {"type": "header", "text": {"type": "plain_text", "text": text, "emoji": False}}
