"""The ref of an insight: the path and query of its link, without tracking parameters and live time windows.

Datadog's notifications and pages add these; https://docs.datadoghq.com/ does not list them. An absolute time window
stays: it is what the person looked at.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote

from bot.links.ids import IdMatch
from bot.links.urls import Address, Param

LONGEST = 2000

_TRACKING = frozenset({"fromUser", "_user_click_origin_"})
_TRACKING_PREFIXES = ("link_", "utm_")
_WINDOW = frozenset({"from_ts", "to_ts", "start", "end", "live", "paused", "refresh_mode"})
_LIVE = frozenset({("live", "true"), ("paused", "false"), ("refresh_mode", "sliding")})
# What a browser would encode when it sends the address.
_NEVER_IN_A_URL = re.compile(r"[^!#-;=?-~]+")  # blanks, quotes, angle brackets, all that is not ASCII


def ref_of(address: Address, params: Sequence[Param], match: IdMatch, short: str = "") -> str:
    """Path and query, cleaned; over 2,000 characters, only the parts that identify the resource.

    `short`: the route's shortest form, with {id} and {scope}, if even these parts are too long.
    """
    fragment = f"#{match.fragment}" if match.fragment else ""
    live = not _LIVE.isdisjoint([param[:2] for param in params])
    kept = [p for p in params if p.name in match.names or not (_is_tracking(p) or (live and p.name in _WINDOW))]
    ref = clean(_joined(address.path, kept) + fragment)
    if len(ref) <= LONGEST:
        return ref
    identity = [p for p in params if p.name in match.names]
    ref = clean(_joined(address.path[: match.path_end], identity) + fragment)
    if len(ref) <= LONGEST or not short:
        return ref
    return short.replace("{id}", quote(next(iter(match.ids), ""), safe="")).replace("{scope}", match.scope)


def clean(text: str) -> str:
    """Percent-encode what a URL cannot contain, as browsers do."""
    return _NEVER_IN_A_URL.sub(lambda match: quote(match.group()), text)


def _joined(path: str, params: Sequence[Param]) -> str:
    return f"{path}?{'&'.join(param.raw for param in params)}" if params else path


def _is_tracking(param: Param) -> bool:
    is_monitor_mail = param[:2] == ("source", "monitor_notif")
    return is_monitor_mail or param.name in _TRACKING or param.name.startswith(_TRACKING_PREFIXES)
