"""The id that a route reads from an address: from the path, a parameter, the fragment, or the side panel.

Nothing here raises: people paste anything.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from bot.links.json_guards import objects
from bot.links.routes import IdPlace, Path, Route
from bot.links.urls import Address, Param, decoded

_FRAGMENT_END = re.compile(r"[/?&]")
# Longer than any real side panel: a hostile one must stay cheap.
_LONGEST_PANEL = 16_000


class IdMatch(NamedTuple):
    """What a route read from an address.

    `ids`: more than one means that the link contradicts itself. `names`: the parameters that identify the
    resource. `path_end`: where the identifying part of the path ends. `refused`: there is something with a digit
    where the id should be, but it cannot be an id.
    """

    ids: tuple[str, ...] = ()
    scope: str = ""
    names: frozenset[str] = frozenset()
    path_end: int = 0
    fragment: str = ""
    refused: bool = False


def find(route: Route, path: Path, match: re.Match[str], address: Address, params: Sequence[Param]) -> IdMatch:
    """The id (and scope) of a route whose path pattern matched."""
    scope = route.scope_shape(decoded(match["scope"])) if path.has_scope else ""
    if scope is None:
        return IdMatch(refused=_has_digit(match["scope"]))
    end = max((match.end(group) for group in match.groupdict()), default=len(address.path))
    if path.has_id:
        text = decoded(match["id"])
        resource_id = route.shape(text)
        if resource_id:
            return IdMatch((resource_id,), scope, path_end=end)
        return IdMatch(scope=scope, refused=_has_digit(text))
    refused, names = False, frozenset(name for name, _ in route.where)
    for place in route.places:
        values = list(_values(place, address, params))
        ids = tuple(dict.fromkeys(shaped for value in values if (shaped := place.shape(value))))
        if ids:
            fragment = ids[0] if place.carrier == "fragment" else ""
            identifying = ("sp",) if place.carrier == "sp" else place.names
            return IdMatch(ids, scope, names.union(identifying), end, fragment)
        refused = refused or any(_has_digit(value) for value in values)
    return IdMatch(scope=scope, names=names, path_end=end, refused=refused)


def _has_digit(value: str) -> bool:
    return any("0" <= character <= "9" for character in value)


def _values(place: IdPlace, address: Address, params: Sequence[Param]) -> Iterator[str]:
    """The values at this place, unchecked."""
    if place.carrier == "fragment":
        yield _FRAGMENT_END.split(address.fragment, maxsplit=1)[0]
        return
    for param in params:
        if place.carrier == "sp":
            if param.name == "sp":
                yield from _panel_values(param.value, place)
        elif param.name in place.names:
            yield from _terms(param.value, place.term) if place.term else (param.value,)


def _terms(search: str, term: str) -> Iterator[str]:
    """The words that a search wants for `term`: `@finding_id:abc` gives `abc`, `-@finding_id:abc` nothing."""
    for word in search.split():
        if word.startswith(f"{term}:"):
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
