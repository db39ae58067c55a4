"""The modal as Slack's blocks: the case, what needs a person, one line for each other link, the tie.

A view can have 100 blocks: 20 links with all their fields take 88 of them.
"""

from typing import Any

from bot.messages.blocks import Json, actions, button, context, option, plain, section
from bot.messages.card_view import AS_LINK, TYPE_NAMES, address, searched, type_name
from bot.messages.modal import (
    CALLBACK,
    CASE_BLOCKS,
    CHANGE,
    SEARCH,
    TICK,
    CaseOption,
    Form,
    Row,
    action,
    packed,
    remembered,
)
from bot.messages.text import OPTION_CHARS, cut, escape
from bot.model import NoteType

INPUT_CHARS = 3_000
HINT_CHARS = 2_000
LABEL_CHARS = 60


def form(shown: Form) -> Json:
    """The modal with its fields."""
    rows, memory = remembered(shown)
    blocks: list[Json] = [section(escape(shown.notice))] if shown.notice else []
    blocks += _case(shown.case)
    for number, row in enumerate(rows):
        blocks += _row(number, row)
    left = len(shown.rows) - len(rows)
    if left > 0:
        blocks.append(context(f"{left} more links do not fit here. Add these first."))
    alone = not rows
    if shown.tie:
        box = _boxes([option("Tie this thread to the case", "tie")], ticked=alone)
        blocks.append(_field("tie", "This thread", box, optional=True))
    return _modal(blocks, submit="Tie" if alone else "Add", memory=memory)


def loading() -> Json:
    """The view until the store has answered."""
    return _modal([context("One moment…")])


def message(text: str) -> Json:
    """A modal with a sentence only."""
    return _modal([section(text)])


def _case(case: CaseOption | None) -> list[Json]:
    search: Json = {"type": "external_select", "action_id": SEARCH, "min_query_length": 3}
    search |= {"placeholder": plain("Search by title or key")} | ({"initial_option": case.option} if case else {})
    # Slack keeps a known block's value, so a field that an update fills in has to be another block.
    block = CASE_BLOCKS[case is not None]
    key = _input("key", "Or its key or link: if filled in, this counts", "", placeholder=plain("CASEM-4523"))
    return [_field(block, "Case", search, optional=True), key]


def _row(number: int, row: Row) -> list[Json]:
    """A link's line and, if it has fields, these. The line's block stays the same: Slack keeps what was ticked."""
    of_note = row.type is NoteType.NOTE
    name = row.name or (searched(row.id) if of_note else row.id)
    title = f"{number + 1} · {type_name(row.identity)} {cut(name, LABEL_CHARS)}".strip()
    line = title if row.id else f"{title} (needs an id)"
    line = f"{cut(title, OPTION_CHARS - len(AS_LINK))}{AS_LINK}" if of_note else line
    box = _boxes([option(line, str(number), address(row.ref, row.host))], ticked=row.ticked)
    box["action_id"] = TICK
    if not row.has_fields:
        change = button(CHANGE, "Change…", packed(row))
        change["accessibility_label"] = cut(f"Change… {title}", OPTION_CHARS)
        return [actions(f"row.{number}", box, change)]
    notes = [option(f"Note: {row.scope}", NoteType.NOTE)] if of_note else []
    types = [*notes, *(option(text, kind.value) for kind, text in TYPE_NAMES.items())]
    picked = next(one for one in types if one["value"] == row.type)
    kinds: Json = {"type": "static_select", "options": types, "initial_option": picked}
    hint = row.hint or "This link needs an id: check it, or fill it in."
    return [
        actions(f"row.{number}", box),
        _input(f"id.{number}", f"{title}: id", row.id, hint=hint if row.draft else ""),
        _field(f"type.{number}", f"{title}: type", kinds),
        _input(f"ref.{number}", f"{title}: ref", row.ref),
    ]


def _boxes(options: list[Json], *, ticked: bool) -> Json:
    return {"type": "checkboxes", "options": options} | ({"initial_options": options} if ticked else {})


def _input(block_id: str, label: str, value: str, *, hint: str = "", **more: Any) -> Json:
    element: Json = {"type": "plain_text_input", "multiline": False, **more}
    element |= {"initial_value": value[:INPUT_CHARS]} if value else {}
    return _field(block_id, label, element, optional=True) | ({"hint": plain(hint, HINT_CHARS)} if hint else {})


def _field(block_id: str, label: str, element: Json, *, optional: bool = False) -> Json:
    """An input block. Its action is the first part of its id, unless the element names another."""
    element = {"action_id": action(block_id)} | element
    return {"type": "input", "block_id": block_id, "optional": optional, "label": plain(label), "element": element}


def _modal(blocks: list[Json], *, submit: str = "", memory: str = "") -> Json:
    view: Json = {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": plain("Add to case"),
        "close": plain("Cancel" if submit else "Close"),
        "blocks": blocks,
    }
    if submit:
        view |= {"submit": plain(submit), "private_metadata": memory}
    return view
