"""The Home tab: ties and modes, what failed, what happened recently, and how to use the bot."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.commands import COMMAND, VERBS
from bot.messages.blocks import Json, actions, button, header, section
from bot.messages.text import cut_mrkdwn, escape, link_label

LINES_CHARS = 2_800
ROWS = 30
"""Each has a button; a view can have 100 blocks."""


@dataclass(frozen=True, slots=True)
class Home:
    """A person's Home, in lines of escaped mrkdwn.

    Ties and modes are pairs of a line and the value of its button. `unfinished`: what waits, is under way or failed;
    `failed`: how many of these failed. `notice`: the result of the last click, or why Home is nearly empty;
    `warning`: for whoever runs the bot.
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
    blocks: list[Json] = [header("Case Insights")]
    if shown.notice:
        blocks.append(section(shown.notice))
    if shown.warning:
        blocks.append(section(escape(shown.warning)))
    if shown.unfinished:
        blocks += [header("Waiting or failed"), section(_lines(shown.unfinished))]
    if shown.failed:
        blocks.append(actions("failed", button("home.retry", "Retry all failed", "all", "primary")))
    if shown.ties:
        blocks += [header("Tied to a case"), *_rows(shown.ties, "home.untie", "Untie")]
    if shown.modes:
        blocks += [header("Modes"), *_rows(shown.modes, "home.ask", "Ask first")]
    if shown.recent:
        blocks += [header("Recently"), section(_lines(shown.recent))]
    blocks += [header("How to"), section(_how_to())]
    return {"type": "home", "blocks": blocks}


def what(happened: str, where: str) -> str:
    """What happened `where` (in Slack's markup of a channel or message)."""
    return f"{escape(happened, 200)} · {where}"


def line(happened: str, where: str, more: str = "") -> str:
    """The same as a line of a list; `more`: a reason, in mrkdwn."""
    return f"• {what(happened, where)}{f': {cut_mrkdwn(more, 300)}' if more else ''}"


def channel_mention(channel: str) -> str:
    """Slack's markup of a channel."""
    return f"<#{channel}>"


def address(url: str, words: str) -> str:
    return f"<{url}|{link_label(words)}>"


def _rows(rows: Sequence[tuple[str, str]], action_id: str, words: str) -> Iterable[Json]:
    """Lines with a button each."""
    for text, place in rows[:ROWS]:
        yield {**section(text), "block_id": f"{action_id}:{place}", "accessory": button(action_id, words, place)}


def _lines(lines: Sequence[str]) -> str:
    kept: list[str] = []
    for line in lines:
        if sum(map(len, kept)) + len(kept) + len(line) > LINES_CHARS:
            kept.append("• …")
            break
        kept.append(line)
    return "\n".join(kept)


def _how_to() -> str:
    verbs = ", ".join(f"`{COMMAND} {name}`" for name in VERBS)
    return (
        "Start a thread with the link of a case and paste Datadog links in it: a card offers them. "
        f"On any message: ⋯, Add to case. Commands: {verbs}; in a thread, the same after @Case Insights."
    )
