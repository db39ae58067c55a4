"""The documents' table of what is read, made from the routes, so that the two cannot part."""

from itertools import groupby
from pathlib import Path

from bot import links
from bot.links import Routes
from bot.links.parse import OTHER_PAGE
from bot.links.routes import Path as RoutePath
from bot.links.routes import Route
from bot.model import InsightType

ROUTES = links.load()
HEAD = ("| Insight | Links that are read | |", "|---|---|---|")
_SAYS = {None: "certain", "candidate": "draft: the id is a candidate", "page": "draft: a person gives the id"}


def table(routes: Routes) -> str:
    """One line per insight type and certainty, in the table's order."""
    lines = list(HEAD)
    for type_, rows in groupby(sorted(routes.rows, key=lambda row: row.type), key=lambda row: row.type):
        for draft, alike in groupby(sorted(rows, key=lambda row: row.draft or ""), key=lambda row: row.draft):
            shown = "<br>".join(f"`{form}`" for row in alike for form in _forms(row))
            lines.append(f"| {type_} | {shown} | {_SAYS[draft]} |")
    return "\n".join(lines)


def _forms(route: Route) -> list[str]:
    """Each path of a route with what holds its id, as a reader would write it: `/error-tracking?issueId={id}`."""
    return [_form(route, path) for path in route.paths]


def _form(route: Route, path: RoutePath) -> str:
    text = path.text.removesuffix("/**").replace("/**/", "/…/") + ("/…" if path.is_family else "")
    if route.hosts:
        return f"{'…' if '*' in route.hosts else route.hosts[0]}{text.replace('/…/', '/').replace('*', '…')}"
    where = "&".join(f"{name}={value}" for name, value in route.where)
    if path.has_id or (route.draft == "page" and not path.is_family) or not route.places:
        return f"{text}?{where}" if where else text
    place = route.places[0]
    if place.carrier == "fragment":
        return f"{text}#{{id}}"
    value = f"{place.term}:{{id}}" if place.term else "{id}"
    return f"{text}?{where}{'&' if where else ''}{place.names[0]}={value}"


def notes(routes: Routes) -> str:
    """One line per kind of note; what no row knows is said in words."""
    rows = sorted(
        {row for entries in routes.notes.by_first.values() for _, row in entries}, key=lambda row: row.examples[0].link
    )
    forms = [(row.name, [_noted(row, path) for path in row.paths]) for row in rows if row.name != OTHER_PAGE]
    by_name = {name: "<br>".join(f"`{form}`" for of, some in forms for form in some if of == name) for name, _ in forms}
    return "\n".join(["| Note | Links |", "|---|---|", *(f"| {name} | {by_name[name]} |" for name in sorted(by_name))])


def _noted(row: Route, path: RoutePath) -> str:
    form = _form(row, path)
    return f"{form}?…" if row.view else form


def test_the_table_names_every_type_and_says_certain_or_draft() -> None:
    lines = table(ROUTES).splitlines()[2:]
    assert {line.split("|")[1].strip() for line in lines} == set(InsightType)
    assert all(line.split("|")[3].strip().startswith(("certain", "draft")) for line in lines)


def test_the_readme_says_what_the_routes_say() -> None:
    document = (Path(__file__).parents[2] / "docs" / "links.md").read_text(encoding="utf-8")
    lines = [*table(ROUTES).splitlines(), *notes(ROUTES).splitlines()]
    assert [line for line in lines if line not in document] == []
