"""What a new case needs: its project and its type, as far as Datadog's answers tell them; nothing here raises."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.datadog.answers import Part, log_unread, path_id, read
from bot.messages.text import NAME_CHARS, clean

PRIORITIES = ("NOT_DEFINED", "P1", "P2", "P3", "P4", "P5")


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case to create. `description`: Markdown, with a marker by which the case is found if the answer gets lost."""

    title: str
    type_id: str
    project_id: str
    description: str = ""
    priority: str = PRIORITIES[0]


@dataclass(frozen=True, slots=True)
class CaseProject:
    """A project that cases are in. `key`: what their keys begin with, empty where the answer does not tell it."""

    id: str
    key: str
    name: str


@dataclass(frozen=True, slots=True)
class CaseType:
    """A type that a case can have: Datadog's own (Standard, Security …) or one of the organisation's."""

    id: str
    name: str


def projects_in(content: bytes) -> Sequence[CaseProject] | None:
    """The projects that people can tell by a name or key; None: the answer has no list of them."""
    entries = _entries(content, "projects")
    if entries is None:
        return None
    rows = [(project_id, _word(entry, "key"), _word(entry, "name")) for project_id, entry in entries]
    return [CaseProject(project_id, key, name or key) for project_id, key, name in rows if key or name]


def types_in(content: bytes) -> Sequence[CaseType] | None:
    """The types that have a name and are not deleted; None: the answer has no list of them."""
    entries = _entries(content, "types")
    if entries is None:
        return None
    kept = [(type_id, entry) for type_id, entry in entries if not entry.at("attributes.deleted_at").value]
    return [CaseType(type_id, name) for type_id, entry in kept if (name := _word(entry, "name"))]


def _entries(content: bytes, what: str) -> Sequence[tuple[str, Part]] | None:
    """Those that have an id, with it."""
    body = read(content)
    data = body.at("data")
    entries = [(entry_id, entry) for entry in data.entries if (entry_id := path_id(entry.needed("id")))]
    log_unread(body, what)
    return entries if isinstance(data.value, list) else None


def _word(entry: Part, name: str) -> str:
    return clean(entry.at(f"attributes.{name}").text or "", NAME_CHARS)
