"""The replies to `why` and `explain`, for people: how each link is read, what became of it, and what to do now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from bot.insights import Decision, Mode
from bot.links import Reading, sentence
from bot.links.outcomes import CaseLink, Uncovered
from bot.links.reasons import NOTED
from bot.messages.card_view import TYPE_NAMES, type_name
from bot.messages.replies import MODES, NOT_FOR_THIS_WORKSPACE
from bot.messages.text import WORDS_CHARS, code, escape, moment
from bot.model import Draft, Insight, InsightType, State, Tie, TieKind, TieSource

PAGE_CHARS = 3_500
"""Of one answer: Slack recommends at most 4,000 for a message's text."""
LINK_CHARS = 200
_ADD_IT = "To add it: ⋯ on the message, Add to case."
_REASONS: dict[str, str] = {
    Decision.ON_CARD: "It is already on a card of this thread.",
    Decision.ON_CASE: "It was already on the case.",
    Decision.CONFIRMED: "Somebody had already confirmed it.",
    Decision.ADDED: "It had already been added to this case.",
    Decision.FAILED: "Adding it failed before.",
    Decision.DISMISSED: f"It was dismissed for this case, so it is not offered again. {_ADD_IT}",
    Decision.UNDONE: f"It was removed from this case on purpose, so it is not offered again. {_ADD_IT}",
    Decision.OTHER_ORG: "It and the case belong to different Datadog organisations.",
    Decision.MODE_OFF: "Watching was off here when it was pasted: @Case Insights scan in its thread offers it.",
    Decision.NEEDS_ID: f"It needs an id, so it gets no card by itself. {_ADD_IT}",
    Decision.NOTES_ALONE: f"Links alone get one card an hour in a thread, and none once one was dismissed. {_ADD_IT}",
    Decision.TOO_MANY: "Too many links in one message to offer at once: @Case Insights scan in its thread offers more.",
    Decision.UNTIED: f"It was offered for the case that this channel was tied to before. {_ADD_IT}",
    "no_case": f"The thread named no case. {_ADD_IT}",
    "none": f"Somebody had said that this thread is about no case. {_ADD_IT}",
    "several": "The thread's first message named several cases, and nobody had chosen one yet.",
    "gave_up": f"The thread's case stayed unknown: Slack or Datadog did not answer for too long. {_ADD_IT}",
}
"""The reasons for silence in the store, of the time when it was decided: `Decision`, `TieKind`, or Slack's error."""
_STATES = frozenset(map(str, (Decision.ON_CARD, *State)))
"""The reasons that its insight's state tells better: as it is now, with who and when."""
_RESULTS: dict[State, str] = {
    State.OFFERED: "Offered, and nobody has decided yet.",
    State.CONFIRMED: "Confirmed by {who}, {when}; it is on its way to the case.",
    State.ADDED: "Added by {who}, {when}.",
    State.FAILED: "{who} confirmed it, but it was not added.",
    State.DISMISSED: f"Dismissed by {{who}}, {{when}}, so it is not offered again. {_ADD_IT}",
    State.WITHDRAWN: f"Not offered any more since {{when}}: its link left the message, or the case changed. {_ADD_IT}",
    State.UNDOING: "{who} is having it removed.",
    State.UNDONE: f"Removed by {{who}}, {{when}}, so it is not offered again. {_ADD_IT}",
}
_PROPER = ("Error Tracking", "Watchdog", "APM")
"""What stays upper-case within a sentence."""


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
    """A link that was stored. `reason`: why it was not offered; `waits`: nothing is decided yet.

    `state`: its insight's now, moved by `who` at (epoch s).
    """

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


def why_pages(thread: ThreadReport, links: Sequence[LinkReport]) -> list[str]:
    """The thread, then a few lines for each link: as many links on a page as Slack shows well, each of them whole."""
    tie = _tie(thread.tie, thread.case_key)
    if not links:
        return [f"There is no link in this message. {tie}"]
    mode = MODES[thread.mode] if thread.case_key else "it takes effect once the thread is about a case"
    head = [tie, f"Mode {thread.mode}: {mode}.", *([thread.poster.value] if thread.poster.value else [])]
    pages = ["\n".join(head)]
    for about in map(_about, links):
        if len(pages[-1]) + len(about) < PAGE_CHARS:
            pages[-1] += f"\n{about}"
        else:
            pages.append(about)
    return pages


def why_page(pages: Sequence[str], number: int, again: str) -> str:
    """The page with this number (1, 2, …), or the last one. `again`: the command that asked, without a number."""
    number = min(number, len(pages))
    more = f"\nPage {number} of {len(pages)}. For the next: {code(f'{again} {number + 1}')}"
    return pages[number - 1] + (more if number < len(pages) else "")


def explained(reading: Reading, *, hidden: bool) -> str:
    """What a link is, by what in its address, and what to do with it. `hidden` as in `LinkReport`."""
    lines = [escape(reading.link, LINK_CHARS), _read_as(reading)]
    match reading.outcome:
        case Draft():
            lines += [escape(reading.hint)] if reading.hint else []
            lines.append(_ADD_IT)
        case CaseLink():
            lines.append("In a thread without a case, the bot offers to tie the thread to it.")
        case Insight() | Uncovered() | None:
            pass
        case _:
            assert_never(reading.outcome)
    return "\n".join([*lines, *([NOT_FOR_THIS_WORKSPACE] if hidden else [])])


def _read_as(reading: Reading) -> str:
    """`Read as a monitor because of /monitors/…; its id is 1.`"""
    match reading.outcome:
        case Insight() as insight:
            an_id = "" if insight.type is InsightType.SCM_URL else f"; its id is {escape(insight.resource_id, 80)}"
            return f"Read as {_kind(type_name(insight.identity))} because of {_shape(reading.rule)}{an_id}."
        case Draft(resource_id=resource_id) as draft:
            an_id = f"is perhaps {escape(resource_id, 80)}" if resource_id else "is not in the link"
            return f"Probably {_kind(TYPE_NAMES[draft.type])} because of {_shape(reading.rule)}, but its id {an_id}."
        case CaseLink(case=case):
            return f"A case: {escape(case)}."
        case Uncovered(reason, _, note):
            return f"{sentence(reason)} {NOTED}" if note else sentence(reason)
        case None:
            return sentence(reading.reason) if reading.reason else "Not read."
        case _:
            assert_never(reading.outcome)


def _kind(name: str) -> str:
    name = name if name.startswith(_PROPER) else name.lower()
    return f"{'an' if name[0] in 'AEIaei' else 'a'} {name}"


def _shape(rule: str) -> str:
    """`/monitors/{id}/**` as people see it in an address: `/monitors/…`."""
    parts = ["…" if part in ("*", "**", "{id}", "{scope}") else part for part in rule.split("/")]
    return code("/".join(part for number, part in enumerate(parts) if part != "…" or parts[number - 1] != "…"))


def _tie(tie: Tie | None, case_key: str) -> str:
    if tie is not None and case_key:
        return f"Its thread is tied to {escape(case_key)} {_TIED[tie.source]}."
    if tie is not None and tie.kind is TieKind.NO_CASE and tie.named:
        named = escape(tie.named[0].case)
        return f"Its thread's first message names {named}, which Datadog does not know: it is tied to none."
    return _UNTIED.get(tie.kind if tie else TieKind.UNREAD, _UNTIED[TieKind.UNREAD])


def _about(link: LinkReport) -> str:
    lines = [_read_as(link.reading), *_became(link)]
    return "\n   ".join([f"• {escape(link.reading.link, LINK_CHARS)}", *lines])


def _became(link: LinkReport) -> Iterator[str]:
    outcome, sighting = link.reading.outcome, link.sighting
    if outcome is None or (isinstance(outcome, Uncovered) and not (sighting or (outcome.note and link.sites))):
        return
    if link.hidden:
        yield NOT_FOR_THIS_WORKSPACE
    elif link.sites:
        yield f"Its host {escape(outcome.host)} is not on this bot's Datadog site ({', '.join(link.sites)})."
    elif sighting is None:
        if not isinstance(outcome, CaseLink):
            unseen = "it did not see the message, the thread had no case then, or it is too long ago"
            yield f"The bot has no record of it: {unseen}. {_ADD_IT}"
    elif sighting.waits:
        yield "It waits until the bot knows this thread's case."
    elif sighting.state is not None and sighting.reason in ("", *_STATES):
        who = escape(sighting.who) or "somebody"
        said = _RESULTS[sighting.state].format(who=who, when=moment(sighting.at))
        yield said[0].upper() + said[1:]
    elif sighting.reason:
        yield _REASONS.get(sighting.reason, f"Slack said: {escape(sighting.reason, WORDS_CHARS)}.")
    if sighting is not None and sighting.card:
        failed = (sighting.state or sighting.reason) == State.FAILED
        yield f"<{sighting.card}|Its card>{' says why and has a Retry button.' if failed else ''}"
