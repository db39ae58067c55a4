"""The card: a function of its insights, with one line per outcome and a button for everything that can be done."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from bot.insights import OFFERED_AT_MOST
from bot.insights.clicks import is_preset
from bot.messages import settled
from bot.messages.blocks import Json, actions, asking, button, context, option, section, sections
from bot.messages.card_view import (
    AS_LINK,
    CardView,
    Message,
    Source,
    Waiting,
    address,
    counted,
    label,
    listed,
    needs_id,
    short,
    type_name,
    who,
)
from bot.messages.sentences import CREDENTIALS, not_posted
from bot.messages.text import OPTION_CHARS, TEXT_CHARS, clock, cut, cut_mrkdwn, escape, insights, linked
from bot.model import CardItem, State

METADATA_EVENT = "case_insights_card"
NOTHING_TO_ADD = "Nothing to add here any more."
_IS_IT = " · is this its id?"


def card_message(view: CardView) -> Message:
    """The card's message now."""
    offered = _in_state(State.OFFERED, view.items)
    working, groups, ends = list(_at_work(view)), settled.groups(view), list(_ends(view))
    head = _question(view, offered) if offered else None
    blocks: list[Json] = []
    if head:
        blocks.append(section(f"*{head}*"))
        blocks += _checkboxes(view, [item for item in offered if not needs_id(item)])
        blocks += _drafts([item for item in offered if needs_id(item)])
    blocks += sections("\n".join(working))
    blocks += settled.shown(view, groups)
    blocks += [section(line) for line in ends]
    if not blocks:
        blocks.append(context(NOTHING_TO_ADD))
    blocks += _notes(view, offered)
    buttons = _buttons(view, offered)
    if buttons:
        blocks.append(actions("buttons", *buttons))
    said = [*([head] if head else []), *working, *(group.sentence for group in groups), *ends]
    return Message(cut_mrkdwn(" ".join(said) or NOTHING_TO_ADD, TEXT_CHARS), blocks)


def _continued(view: CardView) -> str:
    return f"<{view.below}|Continued below>." if view.below else "Continued below."


def metadata(card_id: str, late_reply: int = 0) -> Json:
    """Metadata of a card's message, to find it again after a crash. No secrets: any app can read it.

    `late_reply`: which late-failure reply this is (1, 2, …); 0 for the card itself.
    """
    payload = {"card": card_id, "told": late_reply} if late_reply else {"card": card_id}
    return {"event_type": METADATA_EVENT, "event_payload": payload}


def late_failure(view: CardView, card: str) -> Message | None:
    """A reply for people who confirmed and no longer watch the card: what could not be added; None: all was by now.

    `card`: the card's address.
    """
    failed = _in_state(State.FAILED, view.items)
    if not failed:
        return None
    people = " and ".join(dict.fromkeys(who(view, item.by) for item in failed))
    text = (
        f"Could not add {counted(failed)} to {escape(view.case_key)} for {people}: {listed(failed)}. "
        f"{failed[0].note} <{card}|The card> has a Retry button."
    )
    return Message(cut_mrkdwn(text, TEXT_CHARS), [section(text)])


def _question(view: CardView, offered: Sequence[CardItem]) -> str:
    state = " (archived)" if view.archived else " (closed)" if view.closed else ""
    case = f"{escape(view.case_key)}{state}{f', {escape(view.case_title, 150)}' if view.case_title else ''}"
    if certain := [item for item in offered if not item.draft]:
        return f"Add {counted(certain)} to {case}?"
    if guessed := sum(not needs_id(item) for item in offered):
        return f"Add {insights(guessed)} to {case}, if {'its id is' if guessed == 1 else 'their ids are'} right?"
    need = "A link needs its id before it" if len(offered) == 1 else f"{len(offered)} links need their ids before they"
    return f"{need} can be added to {case}."


def _checkboxes(view: CardView, offered: Sequence[CardItem]) -> Iterable[Json]:
    """What may be added; ticked is what `is_preset`."""
    ordered = sorted(offered, key=lambda item: (item.group, item.id))
    for group, members in groupby(ordered, key=lambda item: item.group):
        options = [(_option(item), is_preset(item, view.items)) for item in members]
        boxes: Json = {"type": "checkboxes", "action_id": "insights.select"}
        boxes["options"] = [option for option, _ in options]
        if ticked := [option for option, preset in options if preset]:
            boxes["initial_options"] = ticked
        yield actions(f"group.{group}", boxes)


def _drafts(drafts: Sequence[CardItem]) -> Iterable[Json]:
    """Links whose id a person has to give: lines, because no button can add them yet."""
    if drafts:
        lines = [f"{escape(label(item), 120)}: needs its id · Edit…" for item in drafts[:8]]
        more = [f"and {len(drafts) - 8} more"] if len(drafts) > 8 else []
        yield context("\n".join([*lines, *more]))


def _option(item: CardItem) -> Json:
    text = label(item) if item.draft else f"{type_name(item.identity)} · {item.name or short(item)}"
    if more := _IS_IT if item.draft else AS_LINK if item.is_note else "":
        text = f"{cut(text, OPTION_CHARS - len(more))}{more}"
    return option(text, str(item.id), address(item.ref, item.host).removeprefix("https://"))


def _in_state(state: State, items: Iterable[CardItem]) -> list[CardItem]:
    return [item for item in items if item.state is state]


def _at_work(view: CardView) -> Iterable[str]:
    """What is on its way to Datadog, and what that waits for."""
    case, confirmed = escape(view.case_key), _in_state(State.CONFIRMED, view.items)
    for by, members in _by_person(confirmed):
        yield f"Adding {counted(members)} to {case} for {who(view, by)}…"
    undoing = _in_state(State.UNDOING, view.items)
    for by, members in _by_person(undoing):
        yield f"Removing {counted(members)} from {case} for {who(view, by)}…"
    if view.waiting and (confirmed or undoing):
        yield _waiting(view.waiting, confirmed)
    elif any(item.is_note for item in (*confirmed, *undoing)):
        yield f"The bot's comment on {case}, which holds links, follows a moment after the last change."


def _waiting(waiting: Waiting, adding: Sequence[CardItem]) -> str:
    """`adding`: what waits to be added; nothing: only removals wait."""
    what = "link" if all(item.is_note for item in adding) else "insight"
    what_all = f"{what}s " if len({item.is_note for item in adding}) == 1 else ""
    few = {0: "The removal is kept", 1: f"The {what} is kept", 2: f"Both {what_all}are kept"}
    kept = few.get(len(adding), f"All {len(adding)} {what_all}are kept")
    if waiting.words == CREDENTIALS:
        return f"{waiting.words} {kept} until then."
    return f"{escape(waiting.words)} {kept}; next try {clock(waiting.next_try)}. You need not do anything."


def _waits_for_comment(item: CardItem) -> bool:
    return item.is_note and item.state is State.CONFIRMED


def _by_person(items: Iterable[CardItem]) -> Iterable[tuple[str | None, list[CardItem]]]:
    ordered = sorted(items, key=lambda item: (item.by or "", item.at))
    return ((by, list(members)) for by, members in groupby(ordered, key=lambda item: item.by))


def _ends(view: CardView) -> Iterable[str]:
    """What became of the card where nothing on it can be decided here any more."""
    if view.continued:
        yield _continued(view)
    elif view.items and all(item.state is State.WITHDRAWN for item in view.items):
        why = ""
        if view.elsewhere:
            why = f" This thread is not about {escape(view.case_key)} any more."
        elif not view.on_case and not any(item.by for item in view.items):
            why = " The links left their messages."
        yield f"{NOTHING_TO_ADD}{why}"


def _notes(view: CardView, offered: Sequence[CardItem]) -> Iterable[Json]:
    parts: list[str] = []
    brought = [view.sources[ts] for ts in sorted({item.message_ts for item in offered} & view.sources.keys())]
    if brought:
        parts.append(f"From {_sources(view, brought)}")
    if view.on_case:
        are = "1 of these links is" if view.on_case == 1 else f"{view.on_case} of these links are"
        parts.append(f"{are} on the case already")
    if view.left_over:
        parts.append(_left_over(view.left_over))
    if view.refused:
        parts.append(not_posted(view.refused))
    if not offered and (view.archived or view.closed):
        parts.append(f"{escape(view.case_key)} is {'archived' if view.archived else 'closed'}")
    if parts:
        yield context(" · ".join(parts))


def _left_over(count: int) -> str:
    links, them = ("1 more link is", "it") if count == 1 else (f"{count} more links are", "them")
    most = OFFERED_AT_MOST[True]
    them = them if count <= most else f"the next {most}"
    return f"{links} not offered yet: @Case Insights scan in the thread offers {them}"


def _sources(view: CardView, brought: Sequence[Source]) -> str:
    """`Ana's message`, `Ana's message and Ben's message`, `Ana's message and 3 more`, each a link to it."""
    shown = brought if len(brought) == 2 else brought[:1]
    names = [view.names.get(source.poster or "", "") for source in shown]
    words = [f"{name}'s message" if name else "a message in this thread" for name in names]
    links = [linked(source.permalink, text) for source, text in zip(shown, words, strict=True)]
    more = len(brought) - len(shown)
    return " and ".join([*links, *([f"{more} more"] if more else [])])


def _buttons(view: CardView, offered: Sequence[CardItem]) -> list[Json]:
    value = f"{view.id}:{view.version}"
    states = {item.state for item in view.items}
    failed, back = State.FAILED in states, [item for item in view.items if settled.can_come_back(item)]
    buttons: list[Json] = []
    if not all(map(needs_id, offered)):
        buttons.append(_add(view, value))
    if offered or failed:
        buttons.append(button("insights.edit", "Edit…", value))
        buttons.append(button("insights.dismiss", "Dismiss", value))
    if failed:
        buttons.append(button("insights.retry", "Retry", value))
    if State.CONFIRMED in states and (view.waiting or any(map(_waits_for_comment, view.items))):
        buttons.append(button("insights.cancel", "Cancel", value))
    if ours := [item for item in view.items if item.state is State.ADDED and item.ours]:
        buttons.append(_undo(view, ours, value))
    if len(back) == 1:
        buttons.append(settled.add_back(view.id, back[0]))
    elif back:
        buttons.append(button("insights.show", "Add back…", value))
    if states & {State.ADDED, State.FAILED, State.UNDONE} and view.case_url:
        buttons.append({**button("case.open", "Open case", value), "url": view.case_url})
    if offered:
        buttons.append(_more(view.id))
    return buttons


def _add(view: CardView, value: str) -> Json:
    add = button("insights.add", f"Add to {view.case_key}", value, "primary")
    if not (view.closed or view.archived):
        return add
    state = "archived" if view.archived else "closed"
    return asking(add, f"{view.case_key} is {state}", "Add what is ticked to it anyway?", yes="Add", no="Do not add")


def _undo(view: CardView, ours: Sequence[CardItem], value: str) -> Json:
    """Undo takes off what anybody added on this card, so it says whose that is."""
    people = Counter(view.names.get(item.by or "", "someone") for item in ours)
    named = [f"{count} that {cut(name, 40)} added" for name, count in people.most_common(3)]
    whose = ", ".join([*named, *(["others"] if len(people) > 3 else [])])
    title = f"Take {counted(ours)} off {cut(view.case_key, 50)}?"
    return asking(button("insights.undo", "Undo", value), title, f"That is {whose}.", yes="Remove", no="Keep")


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
