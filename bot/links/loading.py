"""Loads the route table: an operator's rows, then the built-in `routes.toml`."""

import tomllib
from collections.abc import Collection
from functools import lru_cache
from importlib.resources import files

from bot.links.id_formats import SHAPES
from bot.links.json_guards import Json, listed
from bot.links.outcomes import Reason
from bot.links.parse import explain
from bot.links.routes import (
    CasePage,
    Example,
    IdPlace,
    Page,
    Path,
    Route,
    Routes,
    RoutesError,
    compile_path,
    id_names,
    index,
    path_problem,
)
from bot.model import Draft, Insight, InsightType, NoteType, item_type

_Rows = tuple[tuple[Route, ...], tuple[Page, ...], tuple[Route, ...]]
"""Routes, pages that are no insight, and notes."""
_CASE_PATHS = tuple(compile_path(path) for path in ("/cases/{id}/**", "/work/{id}/**"))


def load(
    extra: str | None = None,
    *,
    source: str = "CASE_INSIGHTS_ROUTES_FILE",
    scm_hosts: Collection[str] = (),
    web_hosts: Collection[str] = (),
    case_path: str = "/cases/",
) -> Routes:
    """The built-in table, with an operator's TOML text (`extra`) before it: the first route that matches wins.

    `scm_hosts`: further code hosts, on which every SCM route applies. `web_hosts`: hosts that configured orgs name.
    `case_path`: a prefix of case pages besides `/cases/` and `/work/`.
    Raises RoutesError, which names `source`, row and reason.
    """
    own_rows, own_pages, own_notes = _operators(extra, source) if extra else ((), (), ())
    built_in, pages, notes = _built_in()
    rows = (*own_rows, *built_in)
    routes = Routes(
        rows=rows,
        pages=index((*own_pages, *pages)),
        datadog=index(row for row in rows if row.type is not InsightType.SCM_URL),
        notes=index((*own_notes, *notes)),
        id_names=id_names(rows),
        scm=tuple(row for row in rows if row.type is InsightType.SCM_URL),
        cases=index([CasePage((*_CASE_PATHS, *_case_paths(case_path)))]),
        scm_hosts=frozenset(host.lower() for host in scm_hosts),
        web_hosts=frozenset(host.lower() for host in web_hosts),
    )
    for position, row in enumerate(own_rows, 1):
        for example in row.examples:
            _check_example(example, row, routes, f"{source}, route {position} ({row.name})")
    return routes


@lru_cache(maxsize=1)
def _built_in() -> _Rows:
    return _compiled(tomllib.loads(files("bot.links").joinpath("routes.toml").read_text(encoding="utf-8")))


def _operators(text: str, source: str) -> _Rows:
    from bot.links import validation  # imports pydantic, only if there is something to check

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RoutesError(f"{source} is not valid TOML: {error}") from error
    validation.check(table, source)
    return _compiled(table)


def _compiled(table: Json) -> _Rows:
    """The rows of a checked table."""
    rows = tuple(_route(entry) for entry in table.get("route", ()))
    notes = tuple(_route({"type": NoteType.NOTE, **entry}) for entry in table.get("note", ()))
    return rows, tuple(_page(entry) for entry in table.get("page", ())), notes


def _page(entry: Json) -> Page:
    return Page(Reason(entry["reason"]), _paths(entry), tuple(listed(entry.get("fragment", []))))


def _route(entry: Json) -> Route:
    shape = entry.get("shape", "token")
    return Route(
        name=entry["name"],
        type=item_type(entry["type"]),
        paths=_paths(entry),
        shape=SHAPES[shape],
        scope_shape=SHAPES[entry.get("scope", "slug")],
        places=tuple(_place(place, shape) for place in listed(entry.get("id", []))),
        draft=entry.get("draft"),
        where=tuple(entry.get("where", {}).items()),
        unless=tuple((name, value) for name, values in entry.get("unless", {}).items() for value in listed(values)),
        hosts=tuple(host.lower() for host in entry.get("hosts", ())),
        short=entry.get("short", ""),
        hint=entry.get("hint", ""),
        view=entry.get("view", False),
        examples=tuple(Example(row["link"], row.get("id"), row.get("scope", "")) for row in entry.get("examples", ())),
    )


def _place(entry: Json, shape: str) -> IdPlace:
    carrier = "query" if "query" in entry else "sp" if "sp" in entry else "fragment"
    names = listed(entry[carrier])
    if carrier == "fragment":
        names = [] if names == [True] else str(names[0]).split("?")
    shape = entry.get("shape", shape)
    return IdPlace(carrier, tuple(names), SHAPES[shape], entry.get("panel", ""), entry.get("term", ""))


def _paths(entry: Json) -> tuple[Path, ...]:
    family = (compile_path(path, is_family=True) for path in listed(entry.get("family", [])))
    return (*(compile_path(path) for path in listed(entry["path"])), *family)


def _check_example(example: Example, row: Route, routes: Routes, at: str) -> None:
    reading = explain(example.link, routes)
    outcome = reading.outcome
    if not isinstance(outcome, Insight | Draft):
        raise RoutesError(f"{at}: its example {example.link} is read as no insight ({reading.reason})")
    if reading.route != row.name:
        raise RoutesError(f"{at}: its example {example.link} is claimed by the route {reading.route} before it")
    if (outcome.resource_id, outcome.scope) != (example.id, example.scope):
        raise RoutesError(f"{at}: its example {example.link} gives the id {outcome.resource_id}, not {example.id}")


def _case_paths(prefix: str) -> tuple[Path, ...]:
    text = f"/{prefix.strip('/')}/{{id}}/**"
    problem = path_problem(text)
    if problem:
        raise RoutesError(f"the case path {prefix!r} {problem}")
    return () if text in {path.text for path in _CASE_PATHS} else (compile_path(text),)
