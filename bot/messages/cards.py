"""The card: a function of its insights, one line per outcome, and the union of what can be done as buttons."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from bot.messages.blocks import button, context, section
from bot.messages.sentences import credentials
from bot.messages.text import OPTION_CHARS, TEXT_CHARS, clock, cut, escape, insights
from bot.messages.view import TYPE_NAMES, CardView, Message, Waiting, label, listed, short
from bot.model import CardItem, State

Json = dict[str, Any]

METADATA_EVENT = "case_insights_card"


def card_message(view: CardView) -> Message:
    """The card as it stands."""
    offered = [item for item in view.items if item.state is State.OFFERED]
    lines = [*_outcomes(view), *(["Continued below."] if view.continued else [])]
    head = _question(view, offered) if offered else None
    said = [line for line in (head, *lines) if line]
    blocks: list[Json] = []
    if head:
        blocks.append(section(f"*{head}*"))
        blocks += _checkboxes([item for item in offered if not item.draft])
        blocks += _drafts([item for item in offered if item.draft])
    blocks += [section(line) for line in lines]
    if not blocks:
        blocks.append(context("Nothing to add here any more."))
    blocks += _notes(view, offered)
    buttons = _buttons(view, offered)
    if buttons:
        blocks.append({"type": "actions", "block_id": "buttons", "elements": buttons})
    return Message(text=cut(" ".join(said) or "Nothing to add here any more.", TEXT_CHARS), blocks=blocks)


def metadata(card_id: str, told: int = 0) -> Json:
    """What a card's message carries, so that it is found again after a crash. No secrets: any app can read it.

    `told` marks the reply that tells of late failures, the how-many-eth it is.
    """
    payload = {"card": card_id, "told": told} if told else {"card": card_id}
    return {"event_type": METADATA_EVENT, "event_payload": payload}


def late_failure(view: CardView) -> Message:
    """A reply for whoever confirmed and has stopped watching the card: what did not work, said once."""
    failed = [item for item in view.items if item.state is State.FAILED]
    people = dict.fromkeys(_who(view, item.by) for item in failed)
    text = (
        f"{' and '.join(people) or 'Somebody'} wanted {insights(len(failed))} on {escape(view.case_key)}, and it did "
        f"not work: {listed(failed)}. {failed[0].note if failed else ''} The card in this thread has a Retry button."
    )
    return Message(cut(text, TEXT_CHARS), [section(text)])


def _question(view: CardView, offered: Sequence[CardItem]) -> str:
    title = f", {escape(cut(view.case_title, 150))}" if view.case_title else ""
    certain = sum(not item.draft for item in offered)
    if not certain:
        need = "A link needs its id before it" if len(offered) == 1 else f"{len(offered)} links need ids before they"
        return f"{need} can be added to {escape(view.case_key)}{title}."
    return f"Add {insights(certain)} to {escape(view.case_key)}{title}?"


def _checkboxes(offered: Sequence[CardItem]) -> Iterable[Json]:
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


def _drafts(drafts: Sequence[CardItem]) -> Iterable[Json]:
    """Links whose id a person has to give or confirm: a line, for no button can add them as they are."""
    if drafts:
        lines = [f"{escape(cut(label(item), 120))}: needs an id · Edit…" for item in drafts[:8]]
        more = [f"and {len(drafts) - 8} more"] if len(drafts) > 8 else []
        yield context("\n".join([*lines, *more]))


def _option(item: CardItem) -> Json:
    text = cut(f"{TYPE_NAMES[item.type]} · {item.name or short(item)}", OPTION_CHARS)
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


def _outcomes(view: CardView) -> Iterable[str]:
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


def _adding(view: CardView, confirmed: Sequence[CardItem]) -> Iterable[str]:
    for by, members in _by_person(confirmed):
        yield f"Adding {insights(len(members))} to {escape(view.case_key)} for {_who(view, by)}…"
    if view.waiting:
        yield _waiting(view.waiting, len(confirmed))


def _waiting(waiting: Waiting, count: int) -> str:
    kept = {1: "The insight is kept", 2: "Both insights are kept"}.get(count, f"All {count} insights are kept")
    if waiting.words == credentials():
        return f"{waiting.words} {kept} until then."
    return f"{escape(waiting.words)} {kept}; next try {clock(waiting.next_try)}. You need not do anything."


def _settled(decided: Iterable[CardItem]) -> bool:
    return any(item.state.is_settled for item in decided)


def _added_and_failed(view: CardView, decided: Sequence[CardItem]) -> Iterable[str]:
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
            lines[-1] += f" Not added: {listed(members)}. {note}"
        else:
            lines.append(f"{note} Not added: {listed(members)}.")
    if lines and left_out:
        lines[-1] += f" Left out: {left_out}."
    return lines


def _added(view: CardView, by: str | None, members: Sequence[CardItem], failed: int) -> str:
    count = f" {len(members)} of {len(members) + failed}" if failed else ""
    when = clock(max(item.at for item in members))
    line = f"Added{count} to {escape(view.case_key)} by {_who(view, by)}, {when}: {listed(members)}."
    kept = next((item.note for item in members if item.note), "")
    return f"{line} {kept}" if kept else line


def _dismissed(view: CardView, decided: Sequence[CardItem]) -> Iterable[str]:
    dismissed = [item for item in decided if item.state is State.DISMISSED]
    if dismissed:
        by = _who(view, dismissed[-1].by)
        yield f"Dismissed by {by}. To add one later: ⋯ on the message, Add to case."


def _by_person(items: Iterable[CardItem]) -> Iterable[tuple[str | None, list[CardItem]]]:
    ordered = sorted(items, key=lambda item: (item.by or "", item.at))
    return ((by, list(members)) for by, members in groupby(ordered, key=lambda item: item.by))


def _who(view: CardView, user: str | None) -> str:
    return escape(view.names.get(user or "", "someone"))


def _notes(view: CardView, offered: Sequence[CardItem]) -> Iterable[Json]:
    parts: list[str] = []
    if offered and view.sources:
        parts.append(f"From {_sources(view)}")
    if view.archived or view.closed:
        parts.append(f"{escape(view.case_key)} is {'archived' if view.archived else 'closed'}.")
    if parts:
        yield context(" · ".join(parts))


def _sources(view: CardView) -> str:
    """`Ana's message`, `Ana's message and Ben's message`, `Ana's message and 3 more`, each a link to it."""
    shown = view.sources if len(view.sources) == 2 else view.sources[:1]
    links = [f"<{each.permalink}|{_whose(view, each.poster)}>" for each in shown]
    more = len(view.sources) - len(shown)
    return " and ".join([*links, *([f"{more} more"] if more else [])])


def _whose(view: CardView, poster: str | None) -> str:
    name = escape(view.names.get(poster or "", ""))
    return f"{name}'s message" if name else "a message in this thread"


def _buttons(view: CardView, offered: Sequence[CardItem]) -> list[Json]:
    value = f"{view.id}:{view.version}"
    states = {item.state for item in view.items}
    buttons: list[Json] = []
    if any(not item.draft for item in offered):
        buttons.append(button("insights.add", f"Add to {view.case_key}", value, "primary"))
    if offered:
        buttons.append(button("insights.edit", "Edit…", value))
        buttons.append(button("insights.dismiss", "Dismiss", value))
    if State.FAILED in states:
        buttons.append(button("insights.retry", "Retry", value))
    if view.waiting and State.CONFIRMED in states:
        buttons.append(button("insights.cancel", "Cancel", value))
    if any(item.state is State.ADDED and item.ours for item in view.items):
        buttons.append(button("insights.undo", "Undo", value))
    if states & {State.ADDED, State.FAILED, State.UNDONE} and view.case_url:
        buttons.append({**button("case.open", "Open case", value), "url": view.case_url})
    if offered:
        buttons.append(_more(view.id))
    return buttons


def _more(card_id: str) -> Json:
    """What else can be done where this card is: its value names the card, for the place is the card's."""
    words = {
        "auto.thread": "Always add in this thread",
        "auto.channel": "Always add in this channel",
        "off.thread": "Off in this thread",
        "off.channel": "Off in this channel",
        "untie": "Untie this thread",
    }
    options = [
        {"text": {"type": "plain_text", "text": text, "emoji": False}, "value": f"{card_id}:{what}"}
        for what, text in words.items()
    ]
    return {"type": "overflow", "action_id": "insights.more", "options": options}
