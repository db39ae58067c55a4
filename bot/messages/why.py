"""Why: what became of each link of a message, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.insights import Decision, Mode
from bot.messages.replies import MODES
from bot.messages.text import clock, cut, escape
from bot.model import State

TEXT_CHARS = 3_500
_NOT: dict[str, str] = {
    Decision.ON_CARD: "It is on this thread's card already.",
    Decision.ON_CASE: "It is on the case already.",
    Decision.CONFIRMED: "Somebody has confirmed it already.",
    Decision.ADDED: "It was added to this case before.",
    Decision.FAILED: "Adding it failed before: the card that says so has a Retry button.",
    Decision.DISMISSED: "It was dismissed for this case, so it is not offered again.",
    Decision.UNDONE: "It was removed from this case on purpose, so it is not offered again.",
    Decision.OTHER_ORG: "It belongs to another Datadog organisation than the case.",
    Decision.MODE_OFF: "Watching was off here when it was pasted.",
    Decision.NEEDS_ID: "It needs an id, and by itself such a link makes no card: use ⋯ on the message, Add to case.",
    Decision.UNTIED: "It was offered for the case that this channel was tied to before.",
    "no_case": "The thread names no case.",
    "none": "Somebody said that this thread is about no case.",
    "several": "The thread's first message names several cases, and nobody has chosen one yet.",
    "gave_up": "Slack or Datadog did not tell the thread's case for too long.",
}
"""Each reason for silence that the store knows (`insights.Decision`, `store.TieKind`, Slack's own words)."""
_BECAME: dict[State, str] = {
    State.OFFERED: "Offered.",
    State.CONFIRMED: "Confirmed by {who}, {when}; it is on its way to the case.",
    State.ADDED: "Added by {who}, {when}.",
    State.FAILED: "{who} confirmed it, and Datadog did not take it; the card says why.",
    State.DISMISSED: "Dismissed by {who}, {when}.",
    State.WITHDRAWN: "Taken back, {when}: its link left the message.",
    State.UNDOING: "{who} is having it removed.",
    State.UNDONE: "Removed by {who}, {when}.",
}


@dataclass(frozen=True, slots=True)
class LinkReport:
    """What became of one link. `read_as`: by `explain`; the rest is empty where it was never written down."""

    link: str
    read_as: str
    reason: str = ""
    state: State | None = None
    who: str = ""
    at: float = 0.0
    card: str = ""
    waits: bool = False


@dataclass(frozen=True, slots=True)
class ThreadReport:
    """Where the message stands: `tie` in words, the mode in effect, and whether its poster may confirm (in words)."""

    tie: str
    mode: Mode
    policy: str


def why_text(place: ThreadReport, links: Sequence[LinkReport]) -> str:
    """The place, then a few lines for each link."""
    if not links:
        return f"There is no link in this message. {place.tie}"
    head = [place.tie, f"Mode {place.mode}: {MODES[place.mode]}.", *([place.policy] if place.policy else [])]
    return cut("\n".join([*head, *(_about(each) for each in links[:20])]), TEXT_CHARS)


def _about(link: LinkReport) -> str:
    lines = [f"• {escape(cut(link.link, 300))}", f"   {escape(link.read_as)}"]
    if link.state is not None:
        who = escape(link.who) or "somebody"
        lines.append(f"   {_BECAME[link.state].format(who=who, when=clock(link.at) if link.at else '')}")
    if link.reason:
        lines.append(f"   {_NOT.get(link.reason, f'Slack said: {escape(link.reason)}.')}")
    if link.waits:
        lines.append("   It waits until it is known which case this thread is about.")
    if link.card:
        lines.append(f"   <{link.card}|Its card>")
    return "\n".join(lines)
