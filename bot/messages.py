"""Every word the bot says, as Block Kit.

The laws: a card is a function of its insights; everything from outside is `plain_text` or escaped, so a monitor
called `<!channel>` pings nobody; `text` alone is a whole sentence, because notifications have only that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from bot.insights import State
from bot.links import change_name
from bot.model import InsightType
from bot.policy import Refusal

Json = dict[str, Any]

OPTION_CHARS = 75
"""Slack's limit for the text and the description of a checkbox."""
TEXT_CHARS = 3_900
SECTION_CHARS = 2_900
"""Just under Slack's 4,000 for `text` in chat.update and 3,000 for a section."""
METADATA_EVENT = "case_insights_card"

TYPE_NAMES: Mapping[InsightType, str] = {
    InsightType.SECURITY_SIGNAL: "Security signal",
    InsightType.MONITOR: "Monitor",
    InsightType.EVENT_CORRELATION: "Event correlation",
    InsightType.ERROR_TRACKING: "Error Tracking issue",
    InsightType.CLOUD_COST_RECOMMENDATION: "Cloud cost recommendation",
    InsightType.INCIDENT: "Incident",
    InsightType.SENSITIVE_DATA_SCANNER_ISSUE: "Sensitive data issue",
    InsightType.EVENT: "Event",
    InsightType.WATCHDOG_STORY: "Watchdog story",
    InsightType.WIDGET: "Widget",
    InsightType.SECURITY_FINDING: "Security finding",
    InsightType.INSIGHT_SCORECARD_CAMPAIGN: "Scorecard campaign",
    InsightType.RESOURCE_POLICY: "Resource policy",
    InsightType.APM_RECOMMENDATION: "APM recommendation",
    InsightType.SCM_URL: "Code change",
    InsightType.PROFILING_DOWNSIZING_EXPERIMENT: "Downsizing experiment",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One insight as a card shows it. `by` and `at` (epoch s) tell of its last move; `note` is a failure's sentence."""

    id: int
    type: InsightType
    resource_id: str
    ref: str
    host: str
    state: State
    group: int
    by: str | None = None
    at: float = 0.0
    note: str = ""
    ours: bool = False
    left_out: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why confirmed insights are not on the case yet, and when delivery tries again (epoch s)."""

    words: str
    next_try: float


@dataclass(frozen=True, slots=True)
class Card:
    """All that a card's message depends on. `names` maps Slack user ids to plain names."""

    id: str
    version: int
    case_key: str
    case_title: str
    case_url: str
    items: Sequence[Item]
    poster: str | None = None
    permalink: str = ""
    closed: bool = False
    archived: bool = False
    continued: bool = False
    waiting: Waiting | None = None
    names: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Message:
    """What Slack shows: `blocks`, and `text` for all who see no blocks."""

    text: str
    blocks: list[Json]


def escape(text: str) -> str:
    """`text` as mrkdwn that pings nobody and links nowhere (docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, most: int) -> str:
    """`text` in at most `most` characters, its middle left out: both ends of a path tell what it is."""
    if len(text) <= most:
        return text
    head = (most - 1 + 1) // 2
    return text[:head] + "…" + text[len(text) - (most - 1 - head) :]


def clock(at: float) -> str:
    """A time of day that Slack shows in each reader's own zone, with UTC for those who see no Slack."""
    return f"<!date^{int(at)}^{{time}}|{datetime.fromtimestamp(at, UTC):%H:%M} UTC>"


def label(item: Item) -> str:
    """An insight in running text: `Monitor High memory on api`, `Error Tracking issue 2841440d`."""
    return f"{TYPE_NAMES[item.type]} {item.name or _short(item)}"


def insights(count: int) -> str:
    """`1 insight`, `2 insights`."""
    return "1 insight" if count == 1 else f"{count} insights"


def card(view: Card) -> Message:
    """The card as it stands."""
    offered = [item for item in view.items if item.state is State.OFFERED]
    lines = [*_outcomes(view)]
    head = _question(view, offered) if offered else None
    said = [line for line in (head, *lines) if line]
    if view.continued and not offered:
        said.append("Continued below.")
    blocks: list[Json] = []
    if head:
        blocks.append(_section(f"*{head}*"))
        blocks += _checkboxes(offered)
    blocks += [_section(line) for line in lines]
    if not blocks:
        blocks.append(_context("Continued below." if view.continued else "Nothing to add here any more."))
    blocks += _notes(view, offered)
    buttons = _buttons(view, offered)
    if buttons:
        blocks.append({"type": "actions", "block_id": "buttons", "elements": buttons})
    return Message(text=_cut_text(" ".join(said) or "Nothing to add here any more."), blocks=blocks)


def metadata(card_id: str, told: int = 0) -> Json:
    """What a card's message carries, so that it is found again after a crash. No secrets: any app can read it.

    `told` marks the reply that tells of late failures, the how-many-eth it is.
    """
    payload = {"card": card_id, "told": told} if told else {"card": card_id}
    return {"event_type": METADATA_EVENT, "event_payload": payload}


def late_failure(view: Card) -> Message:
    """A reply for whoever confirmed and has stopped watching the card: what did not work, said once."""
    failed = [item for item in view.items if item.state is State.FAILED]
    people = dict.fromkeys(_who(view, item.by) for item in failed)
    text = (
        f"{' and '.join(people) or 'Somebody'} wanted {insights(len(failed))} on {escape(view.case_key)}, and it did "
        f"not work: {_listed(failed)}. {failed[0].note if failed else ''} The card in this thread has a Retry button."
    )
    return Message(_cut_text(text), [_section(text)])


# --- the card's parts ---


def _short(item: Item) -> str:
    if item.type is InsightType.SCM_URL and (change := change_name(item.resource_id)):
        return cut(change, 60)
    plain = item.resource_id.removeprefix("https://")
    if len(plain) == 36 and plain.count("-") == 4:
        return plain[:8]
    return cut(plain, 40)


def _question(view: Card, offered: Sequence[Item]) -> str:
    title = f", {escape(cut(view.case_title, 150))}" if view.case_title else ""
    return f"Add {insights(len(offered))} to {escape(view.case_key)}{title}?"


def _checkboxes(offered: Sequence[Item]) -> Iterable[Json]:
    ordered = sorted(offered, key=lambda item: (item.group, item.id))
    for group, members in groupby(ordered, key=lambda item: item.group):
        options = [_option(item) for item in members]
        boxes = {
            "type": "checkboxes",
            "action_id": "insights.select",
            "options": options,
            "initial_options": options,
        }
        yield {"type": "actions", "block_id": f"group.{group}", "elements": [boxes]}


def _option(item: Item) -> Json:
    text = cut(f"{TYPE_NAMES[item.type]} · {item.name or _short(item)}", OPTION_CHARS)
    where = item.ref if item.ref.startswith("http") else f"{item.host}{item.ref}"
    return {
        "text": {"type": "plain_text", "text": text, "emoji": False},
        "description": {
            "type": "plain_text",
            "text": cut(where.removeprefix("https://"), OPTION_CHARS),
            "emoji": False,
        },
        "value": str(item.id),
    }


def _outcomes(view: Card) -> Iterable[str]:
    """One line per outcome, oldest decision first."""
    decided = [item for item in view.items if item.state is not State.OFFERED]
    confirmed = [item for item in decided if item.state is State.CONFIRMED]
    if confirmed:
        yield from _adding(view, confirmed)
    undoing = [item for item in decided if item.state is State.UNDOING]
    if undoing:
        yield f"Removing {insights(len(undoing))} from {escape(view.case_key)} for {_who(view, undoing[0].by)}…"
        if view.waiting and not confirmed:
            yield _waiting(view.waiting, len(undoing))
    yield from _added_and_failed(view, decided)
    undone = [item for item in decided if item.state is State.UNDONE]
    for by, members in _by_person(undone):
        removed = insights(len(members))
        yield f"Removed from {escape(view.case_key)} by {_who(view, by)}: {removed}. Not offered here again."
    if not confirmed and not _settled(decided):
        yield from _dismissed(view, decided)
    if not view.continued:
        gone = [item for item in decided if item.state is State.WITHDRAWN]
        if gone and len(gone) == len(view.items):
            yield "Nothing to add here any more: the links were taken back."


def _adding(view: Card, confirmed: Sequence[Item]) -> Iterable[str]:
    for by, members in _by_person(confirmed):
        yield f"Adding {insights(len(members))} to {escape(view.case_key)} for {_who(view, by)}…"
    if view.waiting:
        yield _waiting(view.waiting, len(confirmed))


def _waiting(waiting: Waiting, count: int) -> str:
    kept = {1: "The insight is kept", 2: "Both insights are kept"}.get(count, f"All {count} insights are kept")
    return f"{escape(waiting.words)} {kept}; next try {clock(waiting.next_try)}. You need not do anything."


def _settled(decided: Iterable[Item]) -> bool:
    return any(item.state in (State.ADDED, State.FAILED) for item in decided)


def _added_and_failed(view: Card, decided: Sequence[Item]) -> Iterable[str]:
    added = [item for item in decided if item.state is State.ADDED]
    failed = [item for item in decided if item.state is State.FAILED]
    left_out = sum(item.left_out and item.state is State.DISMISSED for item in decided)
    people = list(_by_person(added))
    # Whose confirmation failed is not told apart here: with several people, no fraction would be true.
    lines = [_added(view, by, members, len(failed) if len(people) == 1 else 0) for by, members in people]
    ordered = sorted(failed, key=lambda item: item.note)
    for note, group in groupby(ordered, key=lambda item: item.note):
        members = list(group)
        if lines:
            lines[-1] += f" Not added: {_listed(members)}. {note}"
        else:
            lines.append(f"{note} Not added: {_listed(members)}.")
    if lines and left_out:
        lines[-1] += f" Left out: {left_out}."
    return lines


def _added(view: Card, by: str | None, members: Sequence[Item], failed: int) -> str:
    count = f" {len(members)} of {len(members) + failed}" if failed else ""
    when = clock(max(item.at for item in members))
    line = f"Added{count} to {escape(view.case_key)} by {_who(view, by)}, {when}: {_listed(members)}."
    kept = next((item.note for item in members if item.note), "")
    return f"{line} {kept}" if kept else line


def _dismissed(view: Card, decided: Sequence[Item]) -> Iterable[str]:
    dismissed = [item for item in decided if item.state is State.DISMISSED]
    if dismissed:
        by = _who(view, dismissed[-1].by)
        yield f"Dismissed by {by}. To add one later: ⋯ on the message, Add to case."


def _by_person(items: Iterable[Item]) -> Iterable[tuple[str | None, list[Item]]]:
    ordered = sorted(items, key=lambda item: (item.by or "", item.at))
    return ((by, list(members)) for by, members in groupby(ordered, key=lambda item: item.by))


def _listed(items: Sequence[Item]) -> str:
    """Names, as many as a phone's screen bears."""
    shown = [escape(cut(label(item), 120)) for item in items[:8]]
    more = len(items) - len(shown)
    return "; ".join(shown) + (f" and {more} more" if more else "")


def _who(view: Card, user: str | None) -> str:
    return escape(view.names.get(user or "", "someone"))


def _notes(view: Card, offered: Sequence[Item]) -> Iterable[Json]:
    parts: list[str] = []
    if offered and view.poster:
        poster = escape(view.names.get(view.poster, ""))
        words = f"{poster}'s message" if poster else "a message in this thread"
        parts.append(f"From <{view.permalink}|{words}>" if view.permalink else f"From {words}")
    if view.archived or view.closed:
        parts.append(f"{escape(view.case_key)} is {'archived' if view.archived else 'closed'}.")
    if parts:
        yield _context(" · ".join(parts))


def _buttons(view: Card, offered: Sequence[Item]) -> list[Json]:
    value = f"{view.id}:{view.version}"
    states = {item.state for item in view.items}
    buttons: list[Json] = []
    if offered:
        buttons.append(_button("insights.add", f"Add to {view.case_key}", value, "primary"))
        buttons.append(_button("insights.dismiss", "Dismiss", value))
    if State.FAILED in states:
        buttons.append(_button("insights.retry", "Retry", value))
    if view.waiting and State.CONFIRMED in states:
        buttons.append(_button("insights.cancel", "Cancel", value))
    if any(item.state is State.ADDED and item.ours for item in view.items):
        buttons.append(_button("insights.undo", "Undo", value))
    if states & {State.ADDED, State.FAILED, State.UNDONE} and view.case_url:
        buttons.append({**_button("case.open", "Open case", value), "url": view.case_url})
    return buttons


def _button(action_id: str, text: str, value: str, style: str = "") -> Json:
    button: Json = {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": cut(text, OPTION_CHARS), "emoji": False},
        "value": value,
    }
    return {**button, "style": style} if style else button


def _section(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut(text, SECTION_CHARS)}}


def _context(text: str) -> Json:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": cut(text, SECTION_CHARS)}]}


def _cut_text(text: str) -> str:
    return cut(text, TEXT_CHARS)


# --- sentences said to one person, and reasons that stand on a card ---


def nothing_ticked() -> str:
    return "Tick at least one, or press Dismiss."


def late_click(names: Mapping[str, str], decided: Sequence[Item]) -> str:
    """To someone whose click came second: who was first, and that nothing is left to do."""
    first = decided[0]
    if first.state is State.WITHDRAWN:
        return f"The links were taken back at {clock(first.at)}. Nothing to do."
    verb = {State.DISMISSED: "dismissed", State.UNDONE: "removed"}.get(first.state, "added")
    who = escape(names.get(first.by or "", "Someone"))
    return f"{who} already {verb} {'these' if len(decided) > 1 else 'this'} at {clock(first.at)}. Nothing to do."


def nothing_left() -> str:
    """To someone who pressed Retry, Cancel or Undo when it was too late for that."""
    return "Nothing was changed: somebody was faster, or it is done already. The card shows how it stands."


def partly_late(names: Mapping[str, str], decided: Sequence[Item], done: int, case_key: str) -> str:
    """To someone whose click got some of what was ticked, because others were decided first."""
    who = escape(names.get(decided[0].by or "", "Someone"))
    return (
        f"Adding {insights(done)} to {escape(case_key)}. {who} already decided on {_listed(decided)} "
        f"at {clock(decided[0].at)}."
    )


def gone_card() -> str:
    return "This card is not in the bot's database any more. Paste the link again to get a new one."


def refused(refusal: Refusal, home: str, case_key: str) -> str:
    """Why someone's click changed nothing, and what to do."""
    if refusal is Refusal.NOT_A_MEMBER:
        return (
            f"Only full members of {escape(home)} can change {escape(case_key)}. Ask one of them to press Add to case."
        )
    return (
        f"Slack did not say who you are just now, so {escape(case_key)} was not changed. "
        "Wait a minute and press it again."
    )


def not_saved() -> str:
    return "Not saved: the bot could not write to its database. Nothing was changed; try again in a moment."


def went_wrong(reference: str) -> str:
    return (
        "Something went wrong here, and nothing was changed. Try again; "
        f"if it stays, tell whoever runs this bot: ref {reference}."
    )


def permission(status: int, case_key: str, reference: str) -> str:
    return (
        f"Datadog refused ({status}): {escape(case_key)} was not changed. Ask whoever runs this bot to check "
        f"`cases_write` and the project's access (ref {reference})."
    )


def refused_by_datadog(words: str) -> str:
    return f"Datadog says: '{escape(cut(words, 300))}'"


def case_gone(case_key: str) -> str:
    return f"Datadog has no case {escape(case_key)} any more: it was deleted. Tie the thread to another case."


def gave_up(hours: float, words: str) -> str:
    return f"Given up after {hours:g} h: {escape(words)} Press Retry when it works again."


def not_answering(status: int | None) -> str:
    return f"Datadog is not answering ({status})." if status else "Datadog is not answering."


def rate_limited() -> str:
    return "Datadog asks the bot to slow down (429)."


def credentials() -> str:
    return "Datadog does not accept the bot's keys; whoever runs it has to renew them."
