"""A case from a thread: the form as Slack's blocks, and what a person filled in.

`private_metadata` holds the place and a marker made when the form was opened: whoever submits it twice, or Slack for
them, wants one case.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from bot.messages.blocks import Json, actions, button, context, option, plain, section
from bot.messages.card_view import Message
from bot.messages.modal import OPTION_VALUE_CHARS, Malformed
from bot.messages.text import TITLE_CHARS, clean, escape
from bot.model import Thread

CALLBACK, OPEN = "case.modal", "case.new"
PROJECT, TYPE = "case.project", "case.type"
OPTIONS = 100
"""The most that Slack takes."""
PRIORITIES: Mapping[str, str] = {
    "NOT_DEFINED": "Not defined",
    "P1": "P1 (critical)",
    "P2": "P2 (high)",
    "P3": "P3 (medium)",
    "P4": "P4 (low)",
    "P5": "P5 (info)",
}
"""Datadog's, in the words of its page."""
STANDARD = "00000000-0000-0000-0000-000000000001"
"""The type that every organisation has."""
DESCRIPTION_CHARS = 3_000
_LABELS = {PROJECT: "Project", TYPE: "Type"}
_PLACE = r"([A-Z0-9]{2,32}):([0-9]{1,16}\.[0-9]{1,9}|)"
_MEMORY, _VALUE = re.compile(rf"([A-Z0-9]{{2,32}}):{_PLACE}:([0-9a-f]{{32}})"), re.compile(rf"{_PLACE}:(.*)", re.DOTALL)
_MARKUP = re.compile(r"<([@#!]?)[^<>|]*(?:\|([^<>]*))?>")
_EMPHASIS = re.compile(r"(?<!\w)[*_~`]+|[*_~`]+(?!\w)|^(?:&gt;|>)+")


@dataclass(frozen=True, slots=True)
class FilledCase:
    """What a person submitted. `org`: the organisation of the project; `type_org`: that of the type."""

    marker: str
    place: Thread
    title: str
    org: str
    project_id: str
    type_org: str
    type_id: str
    priority: str
    description: str


def form(
    place: Thread,
    marker: str,
    title: str,
    link: str,
    lists: Mapping[str, Sequence[Json]] | None = None,
    stays: str = "",
) -> Json:
    """The form. `link`: the thread's address; `lists`: the options of a field, as far as they are known.

    `stays`: the key of another case that the thread is tied to.
    """
    titled: Json = {"type": "plain_text_input", "max_length": TITLE_CHARS}
    described: Json = {"type": "plain_text_input", "multiline": True, "max_length": DESCRIPTION_CHARS}
    ranks = [option(words, value) for value, words in PRIORITIES.items()]
    blocks = [
        _field("title", "Title", titled | ({"initial_value": title} if title else {})),
        *(_select(action, (lists or {}).get(action)) for action in _LABELS),
        _field("priority", "Priority", {"type": "static_select", "options": ranks, "initial_option": ranks[0]}),
        _field("description", "Description", described | ({"initial_value": link} if link else {}))
        | {"optional": True},
        context(_what_follows(place, stays, link)),
    ]
    memory = f"{place.workspace}:{place.channel}:{place.ts}:{marker}"
    return {**_modal(blocks, "Cancel"), "submit": plain("Create"), "private_metadata": memory}


def message(text: str) -> Json:
    """A modal with a sentence only."""
    return _modal([section(text)], "Close")


def _modal(blocks: list[Json], close: str) -> Json:
    titled = {"type": "modal", "callback_id": CALLBACK, "title": plain("Create case")}
    return {**titled, "close": plain(close), "blocks": blocks}


def _what_follows(place: Thread, stays: str, link: str) -> str:
    if not link:
        return "Once Datadog has the case, the bot tells you."
    if not place.ts:
        return "Once Datadog has the case, the bot says so in this channel. The thread of that message is about it."
    if stays:
        return f"This thread stays tied to {escape(stays)}."
    return "Once Datadog has the case, this thread is tied to it, and links in it are offered."


def _select(action: str, options: Sequence[Json] | None) -> Json:
    """A list of all options, where they are known and not too many; else a search for them."""
    block, label = action.partition(".")[2], _LABELS[action]
    if not options or len(options) > OPTIONS:
        search = {"type": "external_select", "min_query_length": 0, "placeholder": plain(f"Search a {label.lower()}")}
        return _field(block, label, search | {"action_id": action})
    listed: Json = {"type": "static_select", "action_id": action, "options": list(options)}
    standard = [one for one in options if one["value"].endswith(f"/{STANDARD}")]
    if len(picked := standard or options) == 1:
        listed["initial_option"] = picked[0]
    # Slack keeps a known block's value, so a field that an update fills in has to be another block.
    return _field(f"{block}.known", label, listed)


def _field(block_id: str, label: str, element: Json) -> Json:
    element = {"action_id": block_id} | element
    return {"type": "input", "block_id": block_id, "label": plain(label), "element": element}


def choice(org: str, what_id: str, words: str, *, several: bool) -> Json | None:
    """A project or type in a menu, with its organisation where there are `several`; None: its id is too long."""
    value = f"{org}/{what_id}"
    return option(f"{org} · {words}" if several else words, value) if len(value) <= OPTION_VALUE_CHARS else None


def read(view: Json) -> FilledCase:
    """What a person filled in; raises Malformed where a field is none of ours."""
    memory = _MEMORY.fullmatch(str(view.get("private_metadata")))
    if memory is None:
        raise Malformed("no metadata of ours")
    workspace, channel, ts, marker = memory.groups()
    (org, project_id), (type_org, type_id) = _chosen(view, PROJECT), _chosen(view, TYPE)
    priority = _picked(view, "priority")
    if priority not in PRIORITIES:
        raise Malformed("no priority")
    title, description = clean(_typed(view, "title"), TITLE_CHARS), _typed(view, "description")[:DESCRIPTION_CHARS]
    place = Thread(workspace, channel, ts)
    return FilledCase(marker, place, title, org, project_id, type_org, type_id, priority, description)


def block_of(view: Json, action: str) -> str:
    """The block of a field in this view, for what is wrong with it."""
    return next((block for block, fields in _values(view).items() if action in fields), action)


def _chosen(view: Json, action: str) -> tuple[str, str]:
    org, slash, what_id = _picked(view, action).partition("/")
    if not (org and slash and what_id):
        raise Malformed("no choice of ours")
    return org, what_id


def _picked(view: Json, action: str) -> str:
    option: Json = _state(view, action).get("selected_option") or {}
    return str(option.get("value"))


def _typed(view: Json, action: str) -> str:
    return str(_state(view, action).get("value") or "").strip()


def _state(view: Json, action: str) -> Json:
    empty: Json = {}
    return next((fields[action] for fields in _values(view).values() if action in fields), empty)


def _values(view: Json) -> dict[str, Json]:
    return view.get("state", {}).get("values", {})


def opening(place: Thread, title: str = "") -> Json:
    """The button that opens the form for this place."""
    return button(OPEN, "New case…", f"{place.channel}:{place.ts}:{title}")


def opener(place: Thread, title: str) -> Message:
    """To someone who asked for a new case where Slack opens no form, as in a message."""
    text = "A new case needs a few more words: press *New case…* for the form."
    return Message(text, [section(text), actions("new", opening(place, title))])


def place_of(value: str, workspace: str) -> tuple[Thread, str]:
    """The place and the title that `opening` remembered; raises Malformed."""
    found = _VALUE.fullmatch(value)
    if found is None:
        raise Malformed("no place of ours")
    return Thread(workspace, found[1], found[2]), found[3]


def title_of(posted: Json) -> str:
    """A title from a message: its first line as people read it, of an app's without text its attachment's."""
    given: list[Any] = list(posted.get("attachments") or ())
    attachments = [cast(Json, one) for one in given if isinstance(one, dict)]
    texts: list[object] = [
        posted.get("text"),
        *(one.get(name) for one in attachments for name in ("title", "fallback")),
    ]
    lines = (as_title(line) for text in texts for line in str(text or "").split("\n"))
    return next(filter(None, lines), "")


def as_title(mrkdwn: str) -> str:
    """A line as people read it, without what emphasises or quotes; links and mentions are the words shown for them."""
    words = _EMPHASIS.sub("", _MARKUP.sub(_shown, mrkdwn).strip())
    return clean(words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"), TITLE_CHARS)


def _shown(markup: re.Match[str]) -> str:
    kind, label = markup[1], markup[2] or ""
    return f"{kind}{label}" if label and kind in "@#" and not label.startswith("@") else label
