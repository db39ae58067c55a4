"""The one modal: links with their type, id and ref, and the case they go to.

A view can have 100 blocks and 3,000 characters of `private_metadata`: 20 insights take 88 blocks, and the metadata
keeps what the submitted fields do not say.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.messages.blocks import Json, context, option, plain, section
from bot.messages.card_view import TYPE_NAMES, address
from bot.messages.text import escape
from bot.model import InsightType

CALLBACK = "insights.modal"
SEARCH = "case.search"
_CASE_BLOCKS = ("case", "case.known")
HOLDS = 20
GROUP_HOLDS = 10
VALUE_CHARS = 150
INPUT_CHARS = 3_000
MEMORY_CHARS = 3_000
MOST_INSIGHTS = 2**31
"""As many ids as databases have."""
ABOUT = frozenset({"workspace", "channel", "thread", "ts", "poster"})
_PLAIN = re.compile(r"[A-Za-z0-9._-]{0,32}")


class Malformed(ValueError):
    """A payload holds what no control of ours sends, though Slack has signed it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One link in the modal. `insight`: its id in the store, if it is on a card; `hint`: how to find its id."""

    type: InsightType
    resource_id: str
    ref: str
    host: str
    scope: str = ""
    insight: int | None = None
    draft: bool = False
    ticked: bool = True
    hint: str = ""


@dataclass(frozen=True, slots=True)
class CaseOption:
    """A case in a Slack menu: `value` is org/case_id."""

    value: str
    key: str
    title: str

    @property
    def option(self) -> Json:
        return option(f"{self.key} {self.title}".strip(), self.value[:VALUE_CHARS])


@dataclass(frozen=True, slots=True)
class Form:
    """All that the modal shows. `about` (ids only) comes back with the submission; `notice` is at the top."""

    about: Mapping[str, str]
    rows: Sequence[Row]
    uncovered: Sequence[str] = ()
    case: CaseOption | None = None
    tie: bool = False
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Filled:
    """What a person submitted. `case`: the chosen org/case_id; `key`: what they typed instead."""

    about: Mapping[str, str]
    rows: Sequence[Row]
    case: str
    key: str
    comment: str
    tie: bool


def form(shown: Form) -> Json:
    """The modal with its fields."""
    rows, memory = _remembered(shown)
    blocks: list[Json] = [section(escape(shown.notice))] if shown.notice else []
    blocks += _case(shown.case)
    if rows:
        blocks += _ticks(rows)
    for number, row in enumerate(rows):
        blocks += _fields(number, row)
    left = len(shown.rows) - len(rows)
    if left > 0:
        blocks.append(context(f"{left} more links do not fit here. Add these first."))
    if shown.uncovered:
        blocks += _comment(shown.uncovered)
    if shown.tie:
        blocks.append(_boxes("tie", "This thread", [("Tie this thread to the case", "tie", False)]))
    return _modal(blocks, submit="Add", memory=memory)


def loading() -> Json:
    """The view until the store has answered."""
    return _modal([context("One moment…")])


def message(text: str) -> Json:
    """A modal with a sentence only."""
    return _modal([section(text)])


def read(view: Json) -> Filled:
    """What a person filled in; raises Malformed where a field is none of `form`'s."""
    about, remembered = _recalled(view.get("private_metadata", ""))
    ticked = {box["value"] for group in range(2) for box in _ticked(view, f"ticks.{group}")}
    rows = [
        Row(
            type=_type(_state(view, f"type.{number}").get("selected_option") or {"value": "MONITOR"}),
            resource_id=_typed(view, f"id.{number}"),
            ref=_typed(view, f"ref.{number}"),
            host=host,
            scope=scope,
            insight=insight,
            draft=draft,
            ticked=str(number) in ticked,
        )
        for number, (host, scope, insight, draft) in enumerate(remembered)
    ]
    comment = _typed(view, "comment") if _ticked(view, "commenting") else ""
    case = case.value if (case := chosen(view)) else ""
    return Filled(about, rows, case, _typed(view, "key"), comment, bool(_ticked(view, "tie")))


def chosen(view: Json) -> CaseOption | None:
    """The case chosen in this view, with its text there as the key."""
    states = (_state(view, block, SEARCH) for block in _CASE_BLOCKS)
    selected: Json | None = next((option for state in states if (option := state.get("selected_option"))), None)
    if selected is None:
        return None
    if "/" not in selected["value"]:
        raise Malformed("no case of ours")
    return CaseOption(selected["value"], selected.get("text", {}).get("text", ""), "")


def errors(filled: Filled) -> dict[str, str]:
    """What is wrong, by field."""
    problems: dict[str, str] = {}
    if not filled.case and not filled.key:
        problems["key"] = "Choose a case, or type its key, like CASEM-4523."
    for number, row in ((number, row) for number, row in enumerate(filled.rows) if row.ticked):
        if not row.resource_id:
            problems[f"id.{number}"] = "Give the id, or untick this link."
        elif row.type is InsightType.MONITOR and not row.resource_id.isdigit():
            problems[f"id.{number}"] = "A monitor's id is a number."
        if not row.ref.startswith(("/", "https://")):
            problems[f"ref.{number}"] = "A ref is a path (/…) or a whole address (https://…)."
    if not any(row.ticked for row in filled.rows) and not filled.comment and not filled.tie:
        problems["ticks.0" if filled.rows else "key"] = "Tick at least one link."
    return problems


def _remembered(shown: Form) -> tuple[Sequence[Row], str]:
    """As many rows as fit, and the metadata that keeps them."""
    for count in range(min(len(shown.rows), HOLDS), -1, -1):
        kept = [[row.host, row.scope, row.insight, row.draft] for row in shown.rows[:count]]
        memory = json.dumps({"about": dict(shown.about), "rows": kept}, separators=(",", ":"))
        if len(memory) <= MEMORY_CHARS:
            return shown.rows[:count], memory
    return (), json.dumps({"about": {}, "rows": []})


def _recalled(memory: str) -> tuple[dict[str, str], list[tuple[str, str, int | None, bool]]]:
    """What `_remembered` kept; raises Malformed."""
    try:
        kept: Json = json.loads(memory)
        about = {str(name): str(value) for name, value in kept["about"].items()}
        rows = [
            (str(host), str(scope), None if insight is None else int(insight) % MOST_INSIGHTS, bool(draft))
            for host, scope, insight, draft in kept["rows"]
        ]
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise Malformed("no metadata of ours") from error
    if not all(map(_PLAIN.fullmatch, about.values())):
        raise Malformed("no place of ours")
    return about, rows


def _type(selected: Json) -> InsightType:
    try:
        return InsightType(selected["value"])
    except ValueError as error:
        raise Malformed("no type of insights") from error


def _case(case: CaseOption | None) -> list[Json]:
    search: Json = {"type": "external_select", "action_id": SEARCH, "min_query_length": 3}
    search |= {"placeholder": plain("Search by title")} | ({"initial_option": case.option} if case else {})
    # Slack keeps a known block's value, so a field that an update fills in has to be another block.
    block = _CASE_BLOCKS[case is not None]
    key = _input("key", "Or its key or link", "", placeholder=plain("CASEM-4523"))
    return [_field(block, "Case", search, optional=True), key]


def _ticks(rows: Sequence[Row]) -> list[Json]:
    groups: list[Json] = []
    for group in range(0, len(rows), GROUP_HOLDS):
        members = [
            (f"{number + 1} · {TYPE_NAMES[row.type]} {_id(row) or '(needs an id)'}", str(number), row.ticked)
            for number, row in enumerate(rows[group : group + GROUP_HOLDS], group)
        ]
        groups.append(_boxes(f"ticks.{group // GROUP_HOLDS}", "Add" if not group else "And", members))
    return groups


def _fields(number: int, row: Row) -> list[Json]:
    needs = f"\n{escape(row.hint or 'This link needs an id: check it, or fill it in.')}" if row.draft else ""
    types = [option(name, kind.value) for kind, name in TYPE_NAMES.items()]
    picked = next(one for one in types if one["value"] == row.type.value)
    select: Json = {"type": "static_select", "options": types, "initial_option": picked}
    return [
        context(f"*{number + 1}* {escape(address(row.ref, row.host), 300)}{needs}"),
        _field(f"type.{number}", "Type", select),
        _input(f"id.{number}", "Id", _id(row)),
        _input(f"ref.{number}", "Ref", row.ref),
    ]


def _id(row: Row) -> str:
    """The id in the field; empty for a draft without a candidate."""
    return "" if row.draft and row.resource_id.startswith("?") else row.resource_id


def _comment(uncovered: Sequence[str]) -> list[Json]:
    words = "1 link is" if len(uncovered) == 1 else f"{len(uncovered)} links are"
    box = _boxes("commenting", f"{words} no insight", [("Add them as a comment on the case", "comment", False)])
    return [box, _input("comment", "Comment", "\n".join(uncovered), multiline=True)]


def _boxes(block_id: str, label: str, members: Sequence[tuple[str, str, bool]]) -> Json:
    options = [option(text, value) for text, value, _ in members]
    ticked = [box for box, (_, _, on) in zip(options, members, strict=True) if on]
    element: Json = {"type": "checkboxes", "options": options}
    return _field(block_id, label, element | ({"initial_options": ticked} if ticked else {}), optional=True)


def _input(block_id: str, label: str, value: str, **more: Any) -> Json:
    element: Json = {"type": "plain_text_input", "multiline": False, **more}
    return _field(block_id, label, element | ({"initial_value": value[:INPUT_CHARS]} if value else {}), optional=True)


def _field(block_id: str, label: str, element: Json, *, optional: bool = False) -> Json:
    """An input block. Its action is the first part of its id, unless the element names another."""
    element = {"action_id": _action(block_id)} | element
    return {"type": "input", "block_id": block_id, "optional": optional, "label": plain(label), "element": element}


def _action(block_id: str) -> str:
    return block_id.partition(".")[0]


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


def _state(view: Json, block_id: str, action_id: str = "") -> Json:
    """The submitted state of a field; empty if Slack sent none."""
    return view.get("state", {}).get("values", {}).get(block_id, {}).get(action_id or _action(block_id), {})


def _typed(view: Json, block_id: str) -> str:
    return str(_state(view, block_id).get("value") or "").strip()


def _ticked(view: Json, block_id: str) -> list[Json]:
    return _state(view, block_id).get("selected_options") or []
