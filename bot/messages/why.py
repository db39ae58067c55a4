"""The reply to `why`: what happened to each link of a message."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from bot.insights import Decision, Mode
from bot.links import Reading, sentence
from bot.messages.replies import MODES, NOT_FOR_THIS_WORKSPACE
from bot.messages.text import clock, cut_mrkdwn, escape
from bot.model import CaseLink, Draft, Insight, State, Tie, TieKind, TieSource, Uncovered

TEXT_CHARS = 3_500
_REASONS: dict[str, str] = {
    Decision.ON_CARD: "It is already on this thread's card.",
    Decision.ON_CASE: "It is already on the case.",
    Decision.CONFIRMED: "Somebody has already confirmed it.",
    Decision.ADDED: "It was already added to this case.",
    Decision.FAILED: "Adding it failed before. The card that says so has a Retry button.",
    Decision.DISMISSED: "It was dismissed for this case, so it is not offered again.",
    Decision.UNDONE: "It was removed from this case on purpose, so it is not offered again.",
    Decision.OTHER_ORG: "It and the case belong to different Datadog organisations.",
    Decision.MODE_OFF: "Watching was off here when it was pasted.",
    Decision.NEEDS_ID: "It needs an id, so it gets no card by itself. Use ⋯ on the message, Add to case.",
    Decision.TOO_MANY: "Too many links in one message to offer at once: @Case Insights scan in its thread offers more.",
    Decision.UNTIED: "It was offered for the case that this channel was tied to before.",
    "no_case": "The thread names no case.",
    "none": "Somebody said that this thread is about no case.",
    "several": "The thread's first message names several cases, and nobody has chosen one yet.",
    "gave_up": "The thread's case stayed unknown: Slack or Datadog did not answer for too long.",
}
"""The reasons for silence in the store: `Decision`, `TieKind`, or Slack's error."""
_RESULTS: dict[State, str] = {
    State.OFFERED: "Offered.",
    State.CONFIRMED: "Confirmed by {who}, {when}; it is on its way to the case.",
    State.ADDED: "Added by {who}, {when}.",
    State.FAILED: "{who} confirmed it, but it was not added; the card says why.",
    State.DISMISSED: "Dismissed by {who}, {when}.",
    State.WITHDRAWN: "Taken back, {when}: its link left the message.",
    State.UNDOING: "{who} is having it removed.",
    State.UNDONE: "Removed by {who}, {when}.",
}


_TIED = {
    TieSource.SAID: "because somebody said so",
    TieSource.ROOT: "by its first message",
    TieSource.CHANNEL: "by its channel",
}
_UNTIED = {
    TieKind.NAMED: "Its thread names a case that Datadog has not confirmed yet.",
    TieKind.NO_CASE: "Its thread names no case.",
    TieKind.SEVERAL: "Its thread's first message names several cases, and nobody has chosen one yet.",
    TieKind.NONE: "Somebody said that its thread is about no case.",
    TieKind.UNREAD: "The bot does not know yet which case its thread is about.",
}


class Poster(Enum):
    """Who posted a message; the value says what this means for its links in mode auto."""

    MAY_ADD = ""
    MAY_NOT_ADD = "The poster may not add insights: their links are never added at once."
    NOBODY = "A bot posted it: its links are always offered first."


@dataclass(frozen=True, slots=True)
class Sighting:
    """A link that was stored. `reason`: why it is not offered; `state`: its insight's, moved by `who` at (epoch s)."""

    reason: str = ""
    state: State | None = None
    who: str = ""
    at: float = 0.0
    card: str = ""
    waits: bool = False


@dataclass(frozen=True, slots=True)
class LinkReport:
    """What happened to one link. `sites`: the bot's own, if the link is on none of them.

    `hidden`: it belongs to an organisation that is not for this workspace.
    """

    reading: Reading
    sites: Sequence[str] = ()
    hidden: bool = False
    sighting: Sighting | None = None


@dataclass(frozen=True, slots=True)
class ThreadReport:
    """A message's thread: its tie and the key of its case, if known, and the mode in effect."""

    tie: Tie | None
    case_key: str
    mode: Mode
    poster: Poster


def why_text(thread: ThreadReport, links: Sequence[LinkReport]) -> str:
    """The thread, then a few lines for each link."""
    tie = _tie(thread.tie, thread.case_key)
    if not links:
        return f"There is no link in this message. {tie}"
    head = [tie, f"Mode {thread.mode}: {MODES[thread.mode]}.", *([thread.poster.value] if thread.poster.value else [])]
    return cut_mrkdwn("\n".join([*head, *(_about(link) for link in links[:20])]), TEXT_CHARS)


def _tie(tie: Tie | None, case_key: str) -> str:
    if tie is not None and case_key:
        return f"Its thread is tied to {escape(case_key)} {_TIED[tie.source]}."
    if tie is not None and tie.kind is TieKind.NO_CASE and tie.named:
        named = escape(tie.named[0].case)
        return f"Its thread's first message names {named}, which Datadog does not know: it is tied to none."
    return _UNTIED.get(tie.kind if tie else TieKind.UNREAD, _UNTIED[TieKind.UNREAD])


def _about(link: LinkReport) -> str:
    lines = [f"• {escape(link.reading.link, 300)}", f"   {escape(_read_as(link))}"]
    sighting = link.sighting or Sighting()
    if sighting.state is not None:
        who = escape(sighting.who) or "somebody"
        lines.append(f"   {_RESULTS[sighting.state].format(who=who, when=clock(sighting.at) if sighting.at else '')}")
    if sighting.reason:
        lines.append(f"   {_REASONS.get(sighting.reason, f'Slack said: {escape(sighting.reason)}.')}")
    if sighting.waits:
        lines.append("   It waits until the bot knows this thread's case.")
    if sighting.card:
        lines.append(f"   <{sighting.card}|Its card>")
    return "\n".join(lines)


def _read_as(link: LinkReport) -> str:
    reading = link.reading
    match reading.outcome:
        case Insight() as insight:
            words = f"{insight.type} {insight.resource_id}, by route {reading.route}."
        case Draft() as insight:
            words = f"Probably {insight.type}, by route {reading.route}; a person has to give its id."
        case CaseLink(case=case):
            words = f"A case: {case}."
        case Uncovered() | None:
            return sentence(reading.reason) if reading.reason else "Not read."
        case _:
            assert_never(reading.outcome)
    if link.hidden:
        return f"{words} {NOT_FOR_THIS_WORKSPACE}"
    if link.sites:
        return f"{words} Its host {reading.outcome.host} is not on this bot's Datadog site ({', '.join(link.sites)})."
    if link.sighting is None and not isinstance(reading.outcome, CaseLink):
        return f"{words} It was not stored: the bot did not receive it, or there was no case."
    return words
