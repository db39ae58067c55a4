"""The route table as the parser uses it: compiled once, indexed by a path's first segment.

A path pattern has literal segments and four signs: `{id}`, `{scope}`, `*` (one segment), `**` (any number, also
none). Authors write no regexes, so no route can be slow.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from bot.links.id_formats import Shape
from bot.links.outcomes import Reason
from bot.model import ItemType

Carrier = Literal["query", "fragment", "sp"]
DraftKind = Literal["page", "candidate"]

_SIGNS = {
    "{id}": "/(?P<id>[^/]++)",
    "{scope}": "/(?P<scope>[^/]++)",
    "*": "/[^/]++",
    "**": "(?:/[^/]++)*?",
}


class RoutesError(ValueError):
    """A route table that cannot be used; its text names source, row and reason."""


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path pattern. A trailing slash in the link does not matter.

    `is_family`: it stands for all pages of a family, on which an id in a parameter counts.
    """

    text: str
    regex: re.Pattern[str]
    has_id: bool
    has_scope: bool
    is_family: bool = False

    @property
    def first(self) -> str | None:
        """The literal first segment; None if the pattern begins with a sign."""
        first = self.text.split("/")[1]
        return None if first in _SIGNS else first


@dataclass(frozen=True, slots=True)
class IdPlace:
    """Where an id can be, besides the path.

    `query`: in a parameter of one of `names`; with `term`, after `term:` in that search. `fragment`: at the start
    of the fragment, or with two `names`, in a parameter behind a page in it (`#status?id=31`). `sp`: in the side
    panel's JSON, `[{"p": {name: id}, "i": panel}]`.
    """

    carrier: Carrier
    names: tuple[str, ...]
    shape: Shape
    panel: str = ""
    term: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A link, and the id and scope that must be read from it."""

    link: str
    id: str | None
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """One row: links of one insight type, drafts of it, or notes, whose `name` says what they show.

    `view`: the page shows something only with parameters, and these are its identity.
    """

    name: str
    type: ItemType
    paths: tuple[Path, ...]
    shape: Shape
    scope_shape: Shape
    places: tuple[IdPlace, ...]
    draft: DraftKind | None
    where: tuple[tuple[str, str], ...]
    unless: tuple[tuple[str, str], ...]
    hosts: tuple[str, ...]
    short: str
    hint: str
    view: bool
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Datadog pages that are no insight, with the reason. `fragment`: how the fragment of an old address begins."""

    reason: Reason
    paths: tuple[Path, ...]
    fragment: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CasePage:
    """Where Datadog shows one case: its key or UUID is the {id}."""

    paths: tuple[Path, ...]


Row = TypeVar("Row", Route, Page, CasePage)


@dataclass(frozen=True, slots=True)
class Index(Generic[Row]):
    """Rows by the first segment of their paths, in the table's order."""

    by_first: Mapping[str, tuple[tuple[Path, Row], ...]]
    anywhere: tuple[tuple[Path, Row], ...]

    def at(self, first: str) -> tuple[tuple[Path, Row], ...]:
        """The rows that may match a path with this first segment."""
        return self.by_first.get(first, self.anywhere)


@dataclass(frozen=True, slots=True)
class Routes:
    """The whole table, an operator's rows first. Build it with `load`.

    `id_names`: by a path's first segment, the parameters that hold an id on some page below it.
    """

    rows: tuple[Route, ...]
    pages: Index[Page]
    datadog: Index[Route]
    notes: Index[Route]
    id_names: Mapping[str, frozenset[str]]
    scm: tuple[Route, ...]
    cases: Index[CasePage]
    scm_hosts: frozenset[str]
    web_hosts: frozenset[str]


def id_names(rows: Iterable[Route]) -> dict[str, frozenset[str]]:
    """The parameters that hold ids, by the first segments of their routes' paths."""
    names: dict[str, frozenset[str]] = {}
    for row in rows:
        found = {name for place in row.places if place.carrier == "query" and not place.term for name in place.names}
        for first in {path.first for path in row.paths} - {None}:
            names[str(first)] = names.get(str(first), frozenset()) | found
    return names


def compile_path(text: str, *, is_family: bool = False) -> Path:
    """Compile a pattern that `path_problem` has found right."""
    regex = "".join(_SIGNS.get(segment) or "/" + re.escape(segment) for segment in text.split("/")[1:] if segment)
    return Path(text, re.compile(regex + "/?", re.DOTALL), "{id}" in text, "{scope}" in text, is_family)


def path_problem(text: str) -> str | None:
    """What is wrong with a path pattern, as the end of a sentence; None if it is right."""
    segments = text.split("/")
    if not text.startswith("/") or "//" in text:
        return "must begin with one slash and have no empty segment"
    if any(character in text for character in "?#\\ "):
        return "must be a path alone, without query, fragment, blanks or back-slashes"
    if any(segments.count(sign) > 1 for sign in ("{id}", "{scope}")):
        return "may hold {id} and {scope} once each"
    if segments[1:-1].count("**") > 1:
        return "may hold one ** inside and one at its end"
    if any(sign in segment and segment not in _SIGNS for segment in segments for sign in "{}*"):
        return "may use only {id}, {scope}, * and **, each as a whole segment"
    return None


def index(rows: Iterable[Row]) -> Index[Row]:
    """Rows by first segment; a path that begins with a sign is in every entry, in the table's order, families last."""
    pairs = sorted(((path, row) for row in rows for path in row.paths), key=lambda pair: pair[0].is_family)
    firsts = {first for path, _ in pairs if (first := path.first) is not None}
    by_first = {first: tuple(pair for pair in pairs if pair[0].first in (first, None)) for first in firsts}
    return Index(by_first, tuple(pair for pair in pairs if pair[0].first is None))
