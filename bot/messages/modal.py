"""The one modal, as values: what it shows, and what a person filled in. `form_view` draws it.

A link is one line, or that line and its fields. `private_metadata` keeps what fields do not say; what the fields of a
link would hold is in the value of the button that shows them. Slack sends both back with each click and submission.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.messages.blocks import Json, option
from bot.model import CaseName, Identity, InsightType, ItemType, item_type

CALLBACK = "insights.modal"
SEARCH, TICK, CHANGE = "case.search", "insights.select", "insights.change"
CASE_BLOCKS = ("case", "case.known")
HOLDS = 20
OPTION_VALUE_CHARS = 150
BUTTON_VALUE_CHARS = 2_000
MEMORY_CHARS = 3_000
MOST_INSIGHTS = 2**31
"""As many ids as databases have."""
ABOUT = frozenset({"workspace", "channel", "thread", "ts", "poster"})
_PLAIN = re.compile(r"[A-Za-z0-9._-]{0,32}")


class Malformed(ValueError):
    """A payload holds what no control of ours sends, though Slack has signed it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One link in the modal. `insight`: its id in the store, if it is on a card; `hint`: how to find its id.

    `open`: its fields are shown; `name`: its title in Datadog, for those who may be told.
    """

    type: ItemType
    resource_id: str
    ref: str
    host: str
    scope: str = ""
    insight: int | None = None
    draft: bool = False
    ticked: bool = True
    hint: str = ""
    open: bool = False
    name: str = ""

    @property
    def has_fields(self) -> bool:
        """What a person has to complete, and what a button cannot hold, is shown with its fields at once."""
        return self.open or self.draft or len(packed(self)) > BUTTON_VALUE_CHARS

    @property
    def identity(self) -> Identity:
        return Identity(self.type, self.scope, self.resource_id)

    @property
    def id(self) -> str:
        """The id in the field; empty for a draft without a candidate."""
        return "" if self.draft and self.resource_id.startswith("?") else self.resource_id


@dataclass(frozen=True, slots=True)
class CaseOption:
    """A case in a Slack menu: `value` is org/case_id."""

    value: str
    key: str
    title: str

    @property
    def option(self) -> Json:
        return option(f"{self.key} {self.title}".strip(), self.value[:OPTION_VALUE_CHARS])


@dataclass(frozen=True, slots=True)
class Form:
    """All that the modal shows. `about` (ids only) comes back with the submission; `notice` is at the top.

    `named`: the cases that the message links to, of which one may be this thread's; `refused`: why a link is no row.
    """

    about: Mapping[str, str]
    rows: Sequence[Row]
    named: Sequence[CaseName] = ()
    case: CaseOption | None = None
    tie: bool = False
    notice: str = ""
    refused: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.rows or self.named)


@dataclass(frozen=True, slots=True)
class Filled:
    """What a person submitted. `case`: the chosen org/case_id; `key`: what they typed instead."""

    about: Mapping[str, str]
    rows: Sequence[Row]
    case: str
    key: str
    tie: bool


def read(view: Json) -> Filled:
    """What a person filled in; raises Malformed where a field is none of ours."""
    about, remembered = _recalled(view.get("private_metadata", ""))
    folded = _folded(view)
    rows: list[Row] = []
    for number, (host, scope, insight, draft) in enumerate(remembered):
        ticked = bool(_ticked(view, f"row.{number}", TICK))
        if values := folded.get(f"row.{number}"):
            kind, resource_id, ref = values
        else:
            kind = (_state(view, f"type.{number}").get("selected_option") or {"value": "MONITOR"})["value"]
            resource_id, ref = _typed(view, f"id.{number}"), _typed(view, f"ref.{number}")
        rows.append(Row(_type(kind), resource_id, ref, host, scope, insight, draft, ticked, open=not values))
    case = case.value if (case := chosen(view)) else ""
    return Filled(about, rows, case, _typed(view, "key"), bool(_ticked(view, "tie")))


def again(view: Json) -> Form:
    """The form with all that was filled in, without names and hints; raises as `read`."""
    filled = read(view)
    return Form(filled.about, filled.rows, case=chosen(view), tie=bool(_state(view, "tie")))


def changing(view: Json, block_id: str) -> Form:
    """The form with the fields of the link in this block, whose *Change…* was pressed; raises Malformed."""
    form = again(view)
    blocks = [f"row.{number}" for number in range(len(form.rows))]
    if block_id not in blocks:
        raise Malformed("no link of the form")
    rows = [replace(row, open=row.open or block == block_id) for row, block in zip(form.rows, blocks, strict=True)]
    return replace(form, rows=rows)


def chosen(view: Json) -> CaseOption | None:
    """The case chosen in this view, with its text there as the key."""
    states = (_state(view, block, SEARCH) for block in CASE_BLOCKS)
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
    for number, row in ((number, row) for number, row in enumerate(filled.rows) if row.ticked and row.open):
        if not row.resource_id:
            problems[f"id.{number}"] = "Give the id, or untick this link."
        elif row.type is InsightType.MONITOR and not row.resource_id.isdigit():
            problems[f"id.{number}"] = "A monitor's id is a number."
        if not row.ref.startswith(("/", "https://")):
            problems[f"ref.{number}"] = "A ref is a path (/…) or a whole address (https://…)."
    if not any(row.ticked for row in filled.rows) and not filled.tie:
        problems.setdefault("key", "There is nothing to add: tick a link, or tie the thread.")
    return problems


def remembered(shown: Form) -> tuple[Sequence[Row], str]:
    """As many rows as fit, what needs a person first, and the metadata that keeps them."""
    rows = sorted(shown.rows, key=lambda row: not row.draft)
    for count in range(min(len(rows), HOLDS), -1, -1):
        kept = [[row.host, row.scope, row.insight, row.draft] for row in rows[:count]]
        memory = json.dumps({"about": dict(shown.about), "rows": kept}, separators=(",", ":"))
        if len(memory) <= MEMORY_CHARS:
            return rows[:count], memory
    return (), json.dumps({"about": {}, "rows": []})


def packed(row: Row) -> str:
    """What the fields of this link would hold. Slack escapes three characters in what it sends back."""
    text = json.dumps([row.type, row.resource_id, row.ref], separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _folded(view: Json) -> dict[str, tuple[str, str, str]]:
    """What the fields that are not shown hold, by the link's block; raises Malformed."""
    found: dict[str, tuple[str, str, str]] = {}
    try:
        for block in view["blocks"]:
            for element in block.get("elements") or ():
                if element.get("action_id") == CHANGE:
                    kind, resource_id, ref = json.loads(element["value"])
                    found[str(block["block_id"])] = str(kind), str(resource_id), str(ref)
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise Malformed("no link of ours") from error
    return found


def _recalled(memory: str) -> tuple[dict[str, str], list[tuple[str, str, int | None, bool]]]:
    """What `remembered` kept; raises Malformed."""
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


def _type(value: str) -> ItemType:
    try:
        return item_type(value)
    except ValueError as error:
        raise Malformed("no type of insights") from error


def action(block_id: str) -> str:
    """The action of a field: the first part of its id."""
    return block_id.partition(".")[0]


def _state(view: Json, block_id: str, action_id: str = "") -> Json:
    """The submitted state of a field; empty if Slack sent none."""
    return view.get("state", {}).get("values", {}).get(block_id, {}).get(action_id or action(block_id), {})


def _typed(view: Json, block_id: str) -> str:
    return str(_state(view, block_id).get("value") or "").strip()


def _ticked(view: Json, block_id: str, action_id: str = "") -> list[Json]:
    return _state(view, block_id, action_id).get("selected_options") or []
