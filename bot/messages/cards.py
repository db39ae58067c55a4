"""The card: a function of its insights, with one line per outcome and a button for everything that can be done."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from bot.insights import OFFERED_AT_MOST
from bot.messages.blocks import Json, actions, button, context, option, section
from bot.messages.card_view import TYPE_NAMES, CardView, Message, Waiting, address, label, listed, short
from bot.messages.sentences import CREDENTIALS, not_posted
from bot.messages.text import TEXT_CHARS, clock, cut_mrkdwn, escape, insights, link_label
from bot.model import CardItem, State

METADATA_EVENT = "case_insights_card"
NOTHING_TO_ADD = "Nothing to add here any more."


def card_message(view: CardView) -> Message:
    """The card's message now."""
    offered = [item for item in view.items if item.state is State.OFFERED]
    lines = [*_outcomes(view), *([_continued(view)] if view.continued else [])]
    head = _question(view, offered) if offered else None
    blocks: list[Json] = []
    if head:
        blocks.append(section(f"*{head}*"))
        blocks += _checkboxes([item for item in offered if not item.draft])
        blocks += _drafts([item for item in offered if item.draft])
    blocks += [section(line) for line in lines]
    if not blocks:
        blocks.append(context(NOTHING_TO_ADD))
    blocks += _notes(view, offered)
    buttons = _buttons(view, offered)
    if buttons:
        blocks.append(actions("buttons", *buttons))
    return Message(cut_mrkdwn(" ".join([head, *lines] if head else lines) or NOTHING_TO_ADD, TEXT_CHARS), blocks)


def _continued(view: CardView) -> str:
    return f"<{view.below}|Continued below>." if view.below else "Continued below."


def metadata(card_id: str, late_reply: int = 0) -> Json:
    """Metadata of a card's message, to find it again after a crash. No secrets: any app can read it.

    `late_reply`: which late-failure reply this is (1, 2, …); 0 for the card itself.
    """
    payload = {"card": card_id, "told": late_reply} if late_reply else {"card": card_id}
    return {"event_type": METADATA_EVENT, "event_payload": payload}


def late_failure(view: CardView) -> Message:
    """A reply for people who confirmed and no longer watch the card: what could not be added."""
    failed = [item for item in view.items if item.state is State.FAILED]
    people = " and ".join(dict.fromkeys(_who(view, item.by) for item in failed)) or "somebody"
    text = (
        f"Could not add {insights(len(failed))} to {escape(view.case_key)} for {people}: {listed(failed)}. "
        f"{failed[0].note if failed else ''} The card in this thread has a Retry button."
    )
    return Message(cut_mrkdwn(text, TEXT_CHARS), [section(text)])


def _question(view: CardView, offered: Sequence[CardItem]) -> str:
    title = f", {escape(view.case_title, 150)}" if view.case_title else ""
    certain = sum(not item.draft for item in offered)
    if not certain:
        need = "A link needs an id before it" if len(offered) == 1 else f"{len(offered)} links need ids before they"
        return f"{need} can be added to {escape(view.case_key)}{title}."
    return f"Add {insights(certain)} to {escape(view.case_key)}{title}?"


def _checkboxes(offered: Sequence[CardItem]) -> Iterable[Json]:
    ordered = sorted(offered, key=lambda item: (item.group, item.id))
    for group, members in groupby(ordered, key=lambda item: item.group):
        options = [_option(item) for item in members]
        boxes: Json = {"type": "checkboxes", "action_id": "insights.select"}
        yield actions(f"group.{group}", {**boxes, "options": options, "initial_options": options})


def _drafts(drafts: Sequence[CardItem]) -> Iterable[Json]:
    """Links whose id a person has to give or confirm: lines, because no button can add them yet."""
    if drafts:
        lines = [f"{escape(label(item), 120)}: needs an id · Edit…" for item in drafts[:8]]
        more = [f"and {len(drafts) - 8} more"] if len(drafts) > 8 else []
        yield context("\n".join([*lines, *more]))


def _option(item: CardItem) -> Json:
    text = f"{TYPE_NAMES[item.type]} · {item.name or short(item)}"
    return option(text, str(item.id), address(item.ref, item.host).removeprefix("https://"))


def _outcomes(view: CardView) -> Iterable[str]:
    """One line per outcome, oldest decision first."""
    decided = [item for item in view.items if item.state is not State.OFFERED]
    confirmed = _in_state(State.CONFIRMED, decided)
    if confirmed:
        yield from _adding(view, confirmed)
    if undoing := _in_state(State.UNDOING, decided):
        yield f"Removing {insights(len(undoing))} from {escape(view.case_key)} for {_who(view, undoing[0].by)}…"
        if view.waiting and not confirmed:
            yield _waiting(view.waiting, len(undoing))
    yield from _added_and_failed(view, decided)
    for by, members in _by_person(_in_state(State.UNDONE, decided)):
        removed = insights(len(members))
        yield f"Removed from {escape(view.case_key)} by {_who(view, by)}: {removed}. Not offered here again."
    dismissed = _in_state(State.DISMISSED, decided)
    if dismissed and not confirmed and not any(item.state.is_settled for item in decided):
        yield f"Dismissed by {_who(view, dismissed[-1].by)}. To add one later: ⋯ on the message, Add to case."
    if not view.continued and decided and len(_in_state(State.WITHDRAWN, decided)) == len(view.items):
        yield "Nothing to add here any more: the links were taken back."


def _in_state(state: State, items: Iterable[CardItem]) -> list[CardItem]:
    return [item for item in items if item.state is state]


def _adding(view: CardView, confirmed: Sequence[CardItem]) -> Iterable[str]:
    for by, members in _by_person(confirmed):
        yield f"Adding {insights(len(members))} to {escape(view.case_key)} for {_who(view, by)}…"
    if view.waiting:
        yield _waiting(view.waiting, len(confirmed))


def _waiting(waiting: Waiting, count: int) -> str:
    kept = {1: "The insight is kept", 2: "Both insights are kept"}.get(count, f"All {count} insights are kept")
    if waiting.words == CREDENTIALS:
        return f"{waiting.words} {kept} until then."
    return f"{escape(waiting.words)} {kept}; next try {clock(waiting.next_try)}. You need not do anything."


def _added_and_failed(view: CardView, decided: Sequence[CardItem]) -> Iterable[str]:
    added, failed = _in_state(State.ADDED, decided), _in_state(State.FAILED, decided)
    left_out = sum(item.left_out and item.state is State.DISMISSED for item in decided)
    people = list(_by_person(added))
    # "2 of 3" only for one person: a failure does not count for one of several people.
    lines = [_added(view, by, members, len(failed) if len(people) == 1 else 0) for by, members in people]
    for note, group in groupby(sorted(failed, key=lambda item: item.note), key=lambda item: item.note):
        names = listed(list(group))
        if lines:
            lines[-1] += f" Not added: {names}. {note}"
        else:
            lines.append(f"{note} Not added: {names}.")
    if lines and left_out:
        lines[-1] += f" Left out: {left_out}."
    return lines


def _added(view: CardView, by: str | None, members: Sequence[CardItem], failed: int) -> str:
    count = f" {len(members)} of {len(members) + failed}" if failed else ""
    when = clock(max(item.at for item in members))
    line = f"Added{count} to {escape(view.case_key)} by {_who(view, by)}, {when}: {listed(members)}."
    note = next((item.note for item in members if item.note), "")
    return f"{line} {note}" if note else line


def _by_person(items: Iterable[CardItem]) -> Iterable[tuple[str | None, list[CardItem]]]:
    ordered = sorted(items, key=lambda item: (item.by or "", item.at))
    return ((by, list(members)) for by, members in groupby(ordered, key=lambda item: item.by))


def _who(view: CardView, user: str | None) -> str:
    return escape(view.names.get(user or "", "someone"))


def _notes(view: CardView, offered: Sequence[CardItem]) -> Iterable[Json]:
    parts: list[str] = []
    if offered and view.sources:
        parts.append(f"From {_sources(view)}")
    if view.left_over:
        parts.append(_left_over(view.left_over))
    if view.refused:
        parts.append(not_posted(view.refused))
    if view.archived or view.closed:
        parts.append(f"{escape(view.case_key)} is {'archived' if view.archived else 'closed'}.")
    if parts:
        yield context(" · ".join(parts))


def _left_over(count: int) -> str:
    links, them = ("1 more link is", "it") if count == 1 else (f"{count} more links are", "them")
    most = OFFERED_AT_MOST[True]
    them = them if count <= most else f"the next {most}"
    return f"{links} not offered yet: @Case Insights scan in the thread offers {them}"


def _sources(view: CardView) -> str:
    """`Ana's message`, `Ana's message and Ben's message`, `Ana's message and 3 more`, each a link to it."""
    shown = view.sources if len(view.sources) == 2 else view.sources[:1]
    names = [link_label(view.names.get(source.poster or "", "")) for source in shown]
    words = [f"{name}'s message" if name else "a message in this thread" for name in names]
    links = [f"<{source.permalink}|{text}>" for source, text in zip(shown, words, strict=True)]
    more = len(view.sources) - len(shown)
    return " and ".join([*links, *([f"{more} more"] if more else [])])


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
    """Changes of the thread or channel; the values name the card, which knows both."""
    words = {
        "auto.thread": "Always add in this thread",
        "auto.channel": "Always add in this channel",
        "off.thread": "Off in this thread",
        "off.channel": "Off in this channel",
        "untie": "Untie this thread",
    }
    options = [option(text, f"{card_id}:{what}") for what, text in words.items()]
    return {"type": "overflow", "action_id": "insights.more", "options": options}
