"""The ref of an insight: the path and query of its link, without what says only how it was reached.

What goes (https://docs.datadoghq.com/ does not list these; they are what its notifications and pages add):
tracking parameters, and the sliding window of a live view. An absolute window stays: it is what the person
looked at.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote

from bot.links.ids import Found
from bot.links.urls import Address, Param

LONGEST = 2000

_TRACKING = frozenset({"fromUser", "_user_click_origin_"})
_TRACKING_PREFIXES = ("link_", "utm_")
_WINDOW = frozenset({"from_ts", "to_ts", "start", "end", "live", "paused", "refresh_mode"})
_LIVE = frozenset({("live", "true"), ("paused", "false"), ("refresh_mode", "sliding")})
# What a browser would encode when it sends the address.
_NEVER_IN_A_URL = re.compile(r"[^!#-;=?-~]+")  # blanks, quotes, angle brackets, all that is not ASCII


def ref_of(address: Address, params: Sequence[Param], found: Found, short: str = "") -> str:
    """Path and query as pasted, cleaned; over 2,000 characters, only what identifies.

    `short` is a route's own shortest form, with {id} and {scope}, for links whose very identity is long.
    """
    fragment = f"#{found.fragment}" if found.fragment else ""
    live = not _LIVE.isdisjoint([param[:2] for param in params])
    kept = [p for p in params if p.name in found.names or not (_is_tracking(p) or (live and p.name in _WINDOW))]
    ref = clean(_joined(address.path, kept) + fragment)
    if len(ref) <= LONGEST:
        return ref
    identity = [p for p in params if p.name in found.names]
    ref = clean(_joined(address.path[: found.path_end], identity) + fragment)
    if len(ref) <= LONGEST or not short:
        return ref
    return short.replace("{id}", quote(next(iter(found.ids), ""), safe="")).replace("{scope}", found.scope)


def clean(text: str) -> str:
    """The text with what never stands in a URL percent-encoded, as browsers do."""
    return _NEVER_IN_A_URL.sub(lambda found: quote(found.group()), text)


def _joined(path: str, params: Sequence[Param]) -> str:
    return f"{path}?{'&'.join(param.raw for param in params)}" if params else path


def _is_tracking(param: Param) -> bool:
    name = param.name
    return (
        name in _TRACKING
        or name.startswith(_TRACKING_PREFIXES)
        or (name == "source" and param.value == "monitor_notif")
    )
