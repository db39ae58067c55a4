"""The Home tab: what waits or failed, ties and what was added lately by case, modes, and how to use the bot."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.commands import COMMAND, MENTION, VERBS
from bot.messages.blocks import Json, actions, button, header, section
from bot.messages.text import TITLE_CHARS, code, cut_mrkdwn, escape, link_label
from bot.model import State

LINES_CHARS = 2_000
ROWS = 20
"""Cases of each list, lines with a button: a view can have 100 blocks."""
_STATES = {State.CONFIRMED: "waits to be added", State.UNDOING: "waits to be removed"}


@dataclass(frozen=True, slots=True)
class HomeCase:
    """A case with what is told of it. `url`: its page in Datadog; `ties`, `lines`: see `Home`."""

    key: str
    title: str
    url: str
    ties: Sequence[tuple[str, str]] = ()
    lines: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Home:
    """A person's Home, in lines of escaped mrkdwn, grouped by case.

    Ties and modes are pairs of a line and the value of its button. `unfinished`: what waits or failed; `failed`: how
    many of these failed. `notice`: the result of the last click, or why Home is nearly empty; `warning`: for whoever
    runs the bot; `restricted`: this person may change no case.
    """

    unfinished: Sequence[HomeCase] = ()
    failed: int = 0
    cases: Sequence[HomeCase] = ()
    modes: Sequence[tuple[str, str]] = ()
    notice: str = ""
    warning: str = ""
    restricted: bool = False


def home(shown: Home) -> Json:
    """The view for `views.publish`."""
    blocks: list[Json] = [header("Case Insights")]
    if shown.notice:
        blocks.append(section(shown.notice))
    if shown.warning:
        blocks.append(section(escape(shown.warning)))
    if shown.unfinished:
        blocks += [header("Waiting or failed"), *map(_listed, shown.unfinished[:ROWS])]
    if shown.failed:
        blocks.append(actions("failed", button("home.retry", "Retry all failed", "all", "primary")))
    if shown.cases:
        blocks += [header("Cases"), *_cases(shown.cases[:ROWS])]
    if shown.modes:
        blocks += [header("Modes"), *_rows(shown.modes[:ROWS], "home.ask", "Ask first")]
    blocks += [header("How to"), section(_how_to(restricted=shown.restricted))]
    return {"type": "home", "blocks": blocks}


def what(happened: str, where: str) -> str:
    """What happened `where` (in Slack's markup of a channel or message)."""
    return f"{escape(happened, 200)} · {where}"


def line(insight: str, state: State, at: float, where: str, why: str = "") -> str:
    """An insight as a line of a list; `at`: since when (epoch s); `why`: it waits or failed, in mrkdwn."""
    happened = f"{escape(insight, 200)} {_STATES.get(state, state)} · {moment(at)} · {where}"
    return f"• {happened}{f': {cut_mrkdwn(why, 300)}' if why else ''}"


def comment_deleted(where: str) -> str:
    """`where`: the thread, as a link."""
    return f"• Somebody deleted the bot's comment about the {where}: it writes none for it on this case again"


def moment(at: float) -> str:
    """A day and time that Slack shows in each reader's zone; UTC in plain text."""
    return f"<!date^{int(at)}^{{date_short}}, {{time}}|{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC>"


def channel_mention(channel: str) -> str:
    """Slack's markup of a channel."""
    return f"<#{channel}>"


def address(url: str, words: str) -> str:
    return f"<{url}|{link_label(words)}>"


def _cases(cases: Sequence[HomeCase]) -> Iterable[Json]:
    left = ROWS
    for case in cases:
        yield _listed(case)
        yield from _rows(case.ties[:left], "home.untie", "Untie")
        left -= len(case.ties[:left])


def _listed(case: HomeCase) -> Json:
    key = address(case.url, case.key) if case.url else escape(case.key)
    return section("\n".join([f"{key} {escape(case.title, TITLE_CHARS)}", *_fitting(case.lines)]))


def _rows(rows: Sequence[tuple[str, str]], action_id: str, words: str) -> Iterable[Json]:
    """Lines with a button each."""
    for text, place in rows:
        yield {**section(text), "block_id": f"{action_id}:{place}", "accessory": button(action_id, words, place)}


def _fitting(lines: Sequence[str]) -> Sequence[str]:
    kept: list[str] = []
    for line in lines:
        if sum(map(len, kept)) + len(kept) + len(line) > LINES_CHARS:
            return [*kept, "• …"]
        kept.append(line)
    return kept


def _how_to(*, restricted: bool) -> str:
    """A list of what this person may do."""
    paste = "• Start a thread with the link of a case and paste Datadog links in it: a card offers them"
    if restricted:
        explain = code(f"{COMMAND} {VERBS['explain'].usage}")
        return f"{paste}, and who may change the case adds them.\n• {explain} {VERBS['explain'].does}."
    verbs = ", ".join(f"`{COMMAND} {name}`" for name in VERBS)
    return "\n".join(
        [
            f"{paste}.",
            "• On any message: ⋯, *Add to case*.",
            f"• Commands: {verbs}.",
            f"• In a thread the same, after {MENTION}.",
        ]
    )
