"""The id that a route reads from an address: from the path, a parameter, the fragment, or the side panel.

Nothing here raises: people paste anything.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from bot.links import urls
from bot.links.id_formats import at_start
from bot.links.json_guards import objects
from bot.links.routes import IdPlace, Path, Route
from bot.links.urls import Address, Param, decoded

_DIGIT = re.compile("[0-9]")
_FRAGMENT_END = re.compile(r"[/?&]")
# Longer than any real side panel: a hostile one must stay cheap.
_LONGEST_PANEL = 16_000


class IdMatch(NamedTuple):
    """What a route read from an address.

    `ids`: more than one means that the link contradicts itself. `names`: the parameters that identify the
    resource. `path`, `fragment`: the identifying part of each. `glued`: the identifying parameter without what
    clings to it, if something does; empty, where something clings to an id in the path. `refused`: there is
    something with a digit where the id should be, but it cannot be an id.
    """

    ids: tuple[str, ...] = ()
    scope: str = ""
    names: frozenset[str] = frozenset()
    path: str = ""
    fragment: str = ""
    glued: str | None = None
    refused: bool = False


def find(route: Route, path: Path, match: re.Match[str], address: Address, params: Sequence[Param]) -> IdMatch:
    """The id (and scope) of a route whose path pattern matched."""
    scope = route.scope_shape(decoded(match["scope"])) if path.has_scope else ""
    if scope is None:
        return IdMatch(refused=_has_digit(match["scope"]))
    if path.has_id:
        return _in_path(route, match, address, scope)
    end = match.end("scope") if path.has_scope else len(address.path)
    refused, names = False, frozenset(dict(route.where) if route.where else ())
    for place in route.places:
        found: dict[str, str | None] = {}
        for name, value in _values(place, address, params):
            resource_id, length = _read(place, value)
            if resource_id:
                found.setdefault(resource_id, f"{name}={quote(value[:length])}" if length < len(value) else None)
            else:
                refused = refused or _has_digit(value)
        if found:
            ids, where = tuple(found), address.path[:end]
            if place.carrier == "fragment":
                fragment = "{}?{}={}".format(*place.names, ids[0]) if place.names else ids[0]
                return IdMatch(ids, scope, names, where, fragment)
            identifying = ("sp",) if place.carrier == "sp" else place.names
            return IdMatch(ids, scope, names.union(identifying), where, glued=found[ids[0]])
    return IdMatch(scope=scope, names=names, refused=refused)


def _in_path(route: Route, match: re.Match[str], address: Address, scope: str) -> IdMatch:
    text = decoded(match["id"])
    resource_id, length = at_start(route.shape, text)
    if not resource_id:
        return IdMatch(scope=scope, refused=_has_digit(text))
    if length == len(text):
        return IdMatch((resource_id,), scope, path=address.path[: match.end("id")])
    return IdMatch((resource_id,), scope, path=address.path[: match.start("id")] + text[:length], glued="")


def _read(place: IdPlace, value: str) -> tuple[str | None, int]:
    """Ids in searches and in JSON stand alone: `@finding_id:abc*` asks for more than one."""
    return (place.shape(value), len(value)) if place.term or place.carrier == "sp" else at_start(place.shape, value)


def _has_digit(value: str) -> bool:
    return _DIGIT.search(value) is not None


def _values(place: IdPlace, address: Address, params: Sequence[Param]) -> Sequence[tuple[str, str]]:
    """The values at this place, unchecked, each with its parameter's name."""
    if place.carrier == "fragment":
        return list(_in_fragment(place, address.fragment)) if address.fragment else ()
    if not params:
        return ()
    if place.carrier == "sp":
        return [("sp", found) for param in params if param.name == "sp" for found in _panel_values(param.value, place)]
    values = [(name, value) for name, value, _ in params if name in place.names]
    return [(name, word) for name, value in values for word in _terms(value, place.term)] if place.term else values


def _in_fragment(place: IdPlace, fragment: str) -> Iterator[tuple[str, str]]:
    """`#31/edit`; where the fragment is a page, a parameter of it: `#status?id=31`."""
    page, _, query = fragment.partition("?")
    if not place.names:
        yield "", _FRAGMENT_END.split(fragment, maxsplit=1)[0]
    elif page == place.names[0]:
        yield from ((name, value) for name, value, _ in urls.params(query) if name == place.names[1])


def _terms(search: str, term: str) -> Iterator[str]:
    """The words that a search wants for `term`: `@finding_id:abc` gives `abc`; `-@finding_id:abc` nothing.

    A search for one thing or another shows more than one.
    """
    words = search.split()
    if "OR" in words:
        return
    for before, word in zip(["", *words], words, strict=False):
        if word.startswith(f"{term}:") and before != "NOT":
            yield word[len(term) + 1 :].strip('"')


def _panel_values(text: str, place: IdPlace) -> Iterator[str]:
    """The ids in the side panel's JSON: `[{"p": {"issueId": "…"}, "i": "error-tracking-issue"}]`.

    The whole web app uses this parameter; `i`, the name of the panel, can be missing.
    """
    for entry in objects(_json(text)):
        if place.panel and entry.get("i", place.panel) != place.panel:
            continue
        for fields in objects([entry.get("p")]):
            yield from (value for name in place.names if isinstance(value := fields.get(name), str))


def _json(text: str) -> Any:
    if len(text) > _LONGEST_PANEL:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
