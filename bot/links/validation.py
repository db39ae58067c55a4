"""Checks the rows of a route table, with a sentence for each mistake.

Not in the loader, because importing pydantic takes a tenth of a second and the built-in table is checked by tests.
"""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from bot.links.json_guards import Json, is_list, is_object, listed
from bot.links.outcomes import Reason
from bot.links.routes import RoutesError, path_problem
from bot.model import InsightType


def check(table: Json, source: str) -> None:
    """Check every row of a parsed TOML table. Raises RoutesError, which names source, row and reason."""
    unknown = sorted(table.keys() - {"route", "page", "note"})
    if unknown:
        raise RoutesError(f"{source} has {unknown[0]!r}: only [[route]], [[page]] and [[note]] are known")
    for kind, row in (("page", PageRow), ("note", NoteRow)):
        for entry, at in _entries(table, kind, source):
            _check_row(row, entry, at)
    names: set[str] = set()
    for entry, at in _entries(table, "route", source):
        _check_row(RouteRow, entry, at)
        if entry["name"] in names:
            raise RoutesError(f"{at}: an earlier route has this name already")
        names.add(entry["name"])


def _entries(table: Json, kind: str, source: str) -> Iterator[tuple[Json, str]]:
    """Each row of a kind, with its name for a sentence: `routes.toml, route 3 (monitor)`."""
    entries = table.get(kind, [])
    if not is_list(entries) or not all(is_object(entry) for entry in entries):
        raise RoutesError(f"{source}: write [[{kind}]], with two brackets, above each row")
    for position, entry in enumerate(entries, 1):
        name = entry.get("name")
        yield entry, f"{source}, {kind} {position}" + (f" ({name})" if name else "")


def _check_row(model: type[BaseModel], entry: Json, at: str) -> None:
    try:
        model.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise RoutesError(f"{at}: {field + ': ' if field else ''}{message}") from error


def _checked(path: str) -> str:
    problem = path_problem(path)
    if problem:
        raise ValueError(f"the path {path!r} {problem}")
    return path


Name = Annotated[str, Field(min_length=1, max_length=64)]
Names = Annotated[list[Name], BeforeValidator(listed), Field(min_length=1)]
Paths = Annotated[list[Annotated[str, AfterValidator(_checked)]], BeforeValidator(listed), Field(min_length=1)]
ShapeName = Literal[
    "integer", "uuid", "md5", "story", "sha", "token", "base64", "incident", "incident_candidate", "slug", "numbered",
    "finding_panel",
]  # fmt: skip


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PlaceRow(_Row):
    """Where an id is, besides the path: one of `query`, `fragment = true` or `sp`."""

    query: Names | None = None
    fragment: Literal[True] | Annotated[str, Field(pattern=r"^\w+\?\w+$")] | None = None
    sp: Names | None = None
    panel: str = ""
    term: str = ""
    shape: ShapeName | None = None

    @model_validator(mode="after")
    def _one_carrier(self) -> Self:
        if [self.query, self.fragment, self.sp].count(None) != 2:
            raise ValueError("a place is one of query, fragment or sp")
        if (self.panel and not self.sp) or (self.term and not self.query):
            raise ValueError("panel goes with sp, and term with query")
        return self


class ExampleRow(_Row):
    """A link, with the id and scope that must be read from it."""

    link: str
    id: str | None = None
    scope: str = ""


class RouteRow(_Row):
    """One `[[route]]` of the table."""

    name: Name
    type: Annotated[InsightType, Field(strict=False)]
    path: Paths
    shape: ShapeName = "token"
    scope: ShapeName = "slug"
    id: Annotated[list[PlaceRow], BeforeValidator(listed)] = []
    draft: Literal["page", "candidate"] | None = None
    family: Paths | None = None
    where: dict[str, str] = {}
    unless: dict[str, Names] = {}
    hosts: list[str] = []
    short: str = ""
    hint: str = ""
    examples: list[ExampleRow] = []

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        problem = _id_problem(self) or _scope_problem(self) or _host_problem(self)
        if problem:
            raise ValueError(problem)
        return self


class PageRow(_Row):
    """One `[[page]]` of the table."""

    reason: Annotated[Reason, Field(strict=False)]
    path: Paths
    fragment: Names | None = None


class NoteRow(_Row):
    """One `[[note]]` of the table."""

    name: Name
    path: Paths
    shape: ShapeName = "token"
    id: Annotated[list[PlaceRow], BeforeValidator(listed)] = []
    view: bool = False
    examples: list[ExampleRow] = []


def _id_problem(row: RouteRow) -> str | None:
    if not row.id and row.draft != "page" and not all("{id}" in path for path in row.path):
        return 'it does not say where the id is: put {id} in the path, add id = …, or write draft = "page"'
    if row.family and (not row.id or any("{id}" in path for path in row.family)):
        return "a family needs id = …, and no {id} in its path: only an id in a parameter counts there"
    if row.short and "{id}" not in row.short:
        return "short must contain {id}"
    return None


def _scope_problem(row: RouteRow) -> str | None:
    scoped = ["{scope}" in path for path in (*row.path, *(row.family or ()))]
    if row.type is InsightType.WIDGET and not all(scoped):
        return "a WIDGET needs its dashboard: put {scope} in each path"
    if row.type is not InsightType.WIDGET and any(scoped):
        return "only a WIDGET has a {scope}"
    return None


def _host_problem(row: RouteRow) -> str | None:
    if row.type is not InsightType.SCM_URL:
        return "hosts are for SCM_URL only" if row.hosts else None
    if not row.hosts:
        return 'an SCM_URL route needs hosts (["*"] for any host)'
    if row.id or row.draft or row.where or row.unless or not all("{id}" in path for path in row.path):
        return "an SCM_URL route has {id} in each path, where the change's URL ends, and no id, draft, where or unless"
    return None
