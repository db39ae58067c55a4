"""What Datadog's answers say of cases: each field for itself, as far as it can be read.

The law: nothing here raises. Datadog omits nulls, exceeds its own enums, and tells what no schema lists. What cannot be
read is unknown, which is neither absent nor empty, and is logged by path and type, never by value.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import structlog

from bot.links import Routes, insight_on
from bot.links.id_formats import uuid
from bot.messages.text import NAME_CHARS, TITLE_CHARS, clean
from bot.model import Identity, InsightType

PATHS_LOGGED = 5
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KNOWN = frozenset(InsightType)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """A value in an answer, and the path to it. `unread`: what was looked for in this answer and cannot be read."""

    value: Any
    path: str
    unread: dict[str, None]

    def at(self, path: str) -> "Part":
        """What lies below this: `attributes.title`. Where a step is missing or null, its value is None."""
        part = self
        for key in path.split("."):
            below = cast(dict[str, Any], part.value or {}) if part.is_a(dict) else {}
            part = Part(below.get(key), f"{part.path}.{key}".lstrip("."), self.unread)
        return part

    @property
    def entries(self) -> "list[Part]":
        """Those of a list; none where there is no list."""
        values = cast(list[Any], self.value or []) if self.is_a(list) else []
        return [Part(value, f"{self.path}[{place}]", self.unread) for place, value in enumerate(values)]

    @property
    def text(self) -> str | None:
        """None where there is no text."""
        return self.value if self.is_a(str) else None

    @property
    def scalar(self) -> str | None:
        """A text or a whole number, as text: ids come as both. A float may have lost digits."""
        return str(self.value) if type(self.value) is int else self.text

    def needed(self, key: str) -> "Part":
        """As `at`; that it is missing or null is noted, too."""
        part = self.at(key)
        if part.value is None:
            part.note()
        return part

    def is_a(self, kind: type) -> bool:
        """Whether it is of this type, or missing or null; any other type is noted."""
        if self.value is None or isinstance(self.value, kind):
            return True
        self.note()
        return False

    def note(self) -> None:
        self.unread[f"{self.path or 'body'}: {type(self.value).__name__}"] = None


def read(content: bytes) -> Part:
    """The body of an answer. A byte that is no UTF-8 costs its own character; what is no JSON has no parts."""
    try:
        return Part(json.loads(content.decode("utf-8-sig", "replace")), "", {})
    except (ValueError, RecursionError):
        return Part(None, "", {"body: no JSON": None})


def path_id(part: Part) -> str:
    """An id that can be a part of the paths that we call; empty where there is none."""
    value = part.scalar or ""
    if not _ID.fullmatch(value):
        part.note()
        return ""
    return value


def log_unread(body: Part, what: str) -> None:
    """Log what could not be read of this answer, if anything."""
    if paths := list(body.unread):
        log.warning("datadog.unreadable", what=what, paths=paths[:PATHS_LOGGED], count=len(paths))


@dataclass(frozen=True, slots=True)
class Triple:
    """An insight as Datadog keeps it: its three fields, as strings."""

    type: str
    resource_id: str
    ref: str


@dataclass(frozen=True, slots=True)
class DatadogUser:
    """Whose keys these are. `is_service_account`: None where the answer does not say."""

    name: str
    is_service_account: bool | None


@dataclass(frozen=True, slots=True)
class DatadogCase:
    """A case as far as an answer tells it: else `key` and `title` are empty, `closed` and `archived` None.

    `lists_all`: `insights` are all that are on the case, of the types that the bot knows; what is missing is absent.
    """

    id: str
    key: str
    title: str
    closed: bool | None
    archived: bool | None
    insights: tuple[Triple, ...]
    lists_all: bool

    @property
    def is_whole(self) -> bool:
        return bool(self.key and self.title and self.lists_all) and None not in (self.closed, self.archived)

    def identities(self, routes: Routes) -> frozenset[Identity]:
        """The insights on it, without types that the bot does not know."""
        listed = (insight_on(insight.type, insight.resource_id, insight.ref, routes) for insight in self.insights)
        return frozenset(identity for identity in listed if identity is not None)


def case_in(content: bytes, asked: str) -> DatadogCase | None:
    """The case in an answer; None: it tells none. `asked`: where this is a UUID, it is the case's whatever it tells."""
    body = read(content)
    case = _case(body.at("data"), asked)
    log_unread(body, "case")
    return case


def cases_in(content: bytes, described: str = "") -> Sequence[DatadogCase] | None:
    """The cases that a search found and people can tell by a key; None: the answer has no list of them.

    `described`: only those whose description holds this: a search also finds what is like its words.
    """
    body = read(content)
    data = body.at("data")
    entries = [entry for entry in data.entries if described in (entry.at("attributes.description").text or "")]
    found = [case for entry in entries if (case := _case(entry, "")) and case.key]
    log_unread(body, "cases")
    return found if isinstance(data.value, list) else None


def user_in(content: bytes) -> DatadogUser | None:
    """The user in an answer; None: it tells no name."""
    user = read(content).at("data.attributes")
    name = clean(user.at("name").text or user.at("handle").text or "", NAME_CHARS)
    service = user.at("service_account").value
    return DatadogUser(name, service if isinstance(service, bool) else None) if name else None


def _case(data: Part, asked: str) -> DatadogCase | None:
    attributes = data.at("attributes")
    case_id = path_id(data.at("id")) or (asked if uuid(asked) else "")
    if not (case_id and isinstance(data.value, dict)):
        return None
    listed = attributes.needed("insights")
    insights = [_insight(entry) for entry in listed.entries]
    return DatadogCase(
        case_id.lower(),
        clean(attributes.needed("key").scalar or "", NAME_CHARS),
        clean(attributes.needed("title").scalar or "", TITLE_CHARS),
        _closed(attributes),
        bool(attributes.at("archived_at").value) if isinstance(attributes.value, dict) else None,
        tuple(filter(None, insights)),
        isinstance(listed.value, list) and None not in insights,
    )


def _closed(attributes: Part) -> bool | None:
    group, status = attributes.at("status_group").text, attributes.at("status").text
    if group:
        return group == "SG_CLOSED"
    return status == "CLOSED" if status else None


def _insight(entry: Part) -> Triple | None:
    """An insight; None: it may be any of those that the bot knows."""
    kind, resource_id, ref = entry.needed("type").text, entry.needed("resource_id").scalar, entry.at("ref").text
    whole = resource_id and (ref or kind != InsightType.WIDGET)  # a widget's dashboard stands in its ref alone
    return Triple(kind, resource_id or "", ref or "") if kind and (whole or kind not in _KNOWN) else None
