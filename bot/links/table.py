"""The route table as the parser uses it: compiled once, indexed by a path's first segment.

A path pattern is literal segments and five signs: `{id}`, `{scope}`, `*` (any one segment), `**` (any number of
segments, none included). It holds no regex of the author's, so that no route can be slow.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from bot.links.shapes import Shape
from bot.model import InsightType, Reason

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
    """A path pattern, compiled. A trailing slash of the link does not matter."""

    text: str
    regex: re.Pattern[str]

    @property
    def first(self) -> str | None:
        """The literal first segment; None when the pattern begins with a sign."""
        first = self.text.split("/")[1]
        return None if first in _SIGNS else first

    @property
    def has_id(self) -> bool:
        return "{id}" in self.text

    @property
    def has_scope(self) -> bool:
        return "{scope}" in self.text

    @property
    def is_open(self) -> bool:
        """Whether it claims all that lies below a page, not the page alone."""
        return self.text.endswith("/**")


@dataclass(frozen=True, slots=True)
class Place:
    """Where, besides the path, an id can sit.

    `query`: a parameter of one of `names`; with `term`, the word of that search after `term:`. `fragment`: the
    number or word the fragment begins with. `sp`: the side panel's JSON, `[{"p": {name: id}, "i": panel}]`.
    """

    carrier: Carrier
    names: tuple[str, ...]
    shape: Shape
    panel: str = ""
    term: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A link and what it must be read as."""

    link: str
    id: str | None
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """One row: which links are which insight, or a draft of it."""

    name: str
    type: InsightType
    paths: tuple[Path, ...]
    shape: Shape
    scope_shape: Shape
    places: tuple[Place, ...]
    draft: DraftKind | None
    where: tuple[tuple[str, str], ...]
    hosts: tuple[str, ...]
    short: str
    hint: str
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Pages of Datadog's that no route covers, with the reason."""

    reason: Reason
    paths: tuple[Path, ...]


Row = TypeVar("Row", Route, Page)


@dataclass(frozen=True, slots=True)
class Index(Generic[Row]):
    """Rows by the first segment of their paths, in the table's order."""

    by_first: Mapping[str, tuple[tuple[Path, Row], ...]]
    anywhere: tuple[tuple[Path, Row], ...]

    def at(self, path: str) -> tuple[tuple[Path, Row], ...]:
        """What could claim a path that begins with a slash."""
        end = path.find("/", 1)
        return self.by_first.get(path[1:] if end < 0 else path[1:end], self.anywhere)


@dataclass(frozen=True, slots=True)
class Routes:
    """The whole table, an operator's rows first. Build it with `load`."""

    rows: tuple[Route, ...]
    pages: Index[Page]
    datadog: Index[Route]
    scm: tuple[Route, ...]
    cases: tuple[Path, ...]
    scm_hosts: frozenset[str]
    web_hosts: frozenset[str]


def compile_path(text: str) -> Path:
    """The pattern, compiled. `text` must have passed `path_problem`."""
    regex = "".join(_SIGNS.get(segment) or "/" + re.escape(segment) for segment in text.split("/")[1:] if segment)
    return Path(text, re.compile(regex + "/?", re.DOTALL))


def path_problem(text: str) -> str | None:
    """What is wrong with a path pattern, as the end of a sentence; None if nothing is."""
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
    """Rows indexed by first segment; a path that begins with a sign stands in every entry, in its place."""
    pairs = [(path, row) for row in rows for path in row.paths]
    firsts = {first for path, _ in pairs if (first := path.first) is not None}
    by_first = {first: tuple(pair for pair in pairs if pair[0].first in (first, None)) for first in firsts}
    return Index(by_first, tuple(pair for pair in pairs if pair[0].first is None))
