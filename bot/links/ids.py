"""Where in an address a route finds its id: the path, a parameter, the fragment, the side panel.

None of it raises: people paste anything, and a bad link is news about the link, not an error of ours.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from bot.links.outside import objects
from bot.links.table import Path, Place, Route
from bot.links.urls import Address, Param, decoded

_FRAGMENT_END = re.compile(r"[/?&]")
# Longer than any real side panel; the limit keeps a hostile one cheap.
_LONGEST_PANEL = 16_000


class Found(NamedTuple):
    """What a route found in an address.

    `ids` in the order met: more than one means that the link contradicts itself. `names` are the parameters
    that identify the thing, `path_end` where the identifying part of the path ends.
    `refused`: something with a digit stood in the id's place, but it cannot be an id.
    """

    ids: tuple[str, ...] = ()
    scope: str = ""
    names: frozenset[str] = frozenset()
    path_end: int = 0
    fragment: str = ""
    refused: bool = False


def find(route: Route, path: Path, match: re.Match[str], address: Address, params: Sequence[Param]) -> Found:
    """The id (and scope) of a route whose path pattern matched."""
    scope = route.scope_shape(decoded(match["scope"])) if path.has_scope else ""
    if scope is None:
        return Found(refused=_has_digit(match["scope"]))
    end = max((match.end(group) for group in match.groupdict()), default=len(address.path))
    if path.has_id:
        held = decoded(match["id"])
        found = route.shape(held)
        return Found((found,), scope, path_end=end) if found else Found(scope=scope, refused=_has_digit(held))
    refused, names = False, frozenset(name for name, _ in route.where)
    for place in route.places:
        values = list(_values(place, address, params))
        ids = tuple(dict.fromkeys(shaped for value in values if (shaped := place.shape(value))))
        if ids:
            fragment = ids[0] if place.carrier == "fragment" else ""
            identifying = ("sp",) if place.carrier == "sp" else place.names
            return Found(ids, scope, names.union(identifying), end, fragment)
        refused = refused or any(_has_digit(value) for value in values)
    return Found(scope=scope, names=names, path_end=end, refused=refused)


def _has_digit(value: str) -> bool:
    return any("0" <= character <= "9" for character in value)


def _values(place: Place, address: Address, params: Sequence[Param]) -> Iterator[str]:
    """What stands in the place, unchecked."""
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
    """The words a search asks for under `term`: `@finding_id:abc` asks for `abc`, `-@finding_id:abc` does not."""
    for word in search.split():
        if word.startswith(f"{term}:"):
            yield word[len(term) + 1 :].strip('"')


def _panel_values(text: str, place: Place) -> Iterator[str]:
    """The ids in the side panel's JSON: `[{"p": {"issueId": "…"}, "i": "error-tracking-issue"}]`.

    The whole web app uses this parameter; `i` names the panel and is not always there.
    """
    for entry in objects(_json(text)):
        if place.panel and entry.get("i", place.panel) != place.panel:
            continue
        for held in objects([entry.get("p")]):
            yield from (value for name in place.names if isinstance(value := held.get(name), str))


def _json(text: str) -> Any:
    if len(text) > _LONGEST_PANEL:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
