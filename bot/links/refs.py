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
_WINDOW = ("from_ts", "to_ts", "start", "end", "live", "paused", "refresh_mode")
_FULL_SCREEN = tuple(f"fullscreen_{name}" for name in ("start_ts", "end_ts", "paused", "refresh_mode"))
_SLIDING = {
    ("live", "true"): _WINDOW,
    ("paused", "false"): _WINDOW,
    ("refresh_mode", "sliding"): _WINDOW,
    ("fullscreen_paused", "false"): _FULL_SCREEN,
    ("fullscreen_refresh_mode", "sliding"): _FULL_SCREEN,
}
"""The parameters of a window, by what says that it slides; a widget in full screen has a window of its own."""
# What a browser would encode when it sends the address.
_NEVER_IN_A_URL = re.compile(r"[^!#-;=?-~]+")  # blanks, quotes, angle brackets, all that is not ASCII


def ref_of(address: Address, params: Sequence[Param], match: IdMatch, short: str = "") -> str:
    """Path and query, cleaned, without `/edit`; over 2,000 characters, only the parts that identify the resource.

    `short`: the route's shortest form, with {id} and {scope}, if even these parts are too long; it also replaces an
    old link with its id in the fragment. If something clings to the id, all but the identifying parts may be text.
    """
    fragment = f"#{match.fragment}" if match.fragment else ""
    if not (fragment and short):
        if match.glued is None:
            kept = _kept(params, match.names) if params else params
            path = match.path if _is_edit_form(address.path, match.path) else address.path
            ref = clean(_joined(path, kept) + fragment)
        else:
            ref = clean(f"{match.path}?{match.glued}" if match.glued else match.path)
        if len(ref) <= LONGEST:
            return ref
        ref = clean(_joined(match.path, [p for p in params if p.name in match.names]) + fragment)
        if len(ref) <= LONGEST or not short:
            return ref
    return short.replace("{id}", quote(next(iter(match.ids), ""), safe="")).replace("{scope}", match.scope)


def _kept(params: Sequence[Param], identifying: frozenset[str]) -> Sequence[Param]:
    """All parameters but those of trackers and of windows that slide."""
    sliding = [names for param in params if (names := _SLIDING.get(param[:2]))]
    dropped = _TRACKING.union(*sliding) if sliding else _TRACKING
    return [p for p in params if p.name in identifying or not (p.name in dropped or _is_tracking(p))]


def _is_edit_form(path: str, identifying: str) -> bool:
    rest = path[len(identifying) :]
    return rest == "/edit" or rest.startswith("/edit/")


def clean(text: str) -> str:
    """Percent-encode what a URL cannot contain, as browsers do."""
    return _NEVER_IN_A_URL.sub(lambda match: quote(match.group()), text)


def _joined(path: str, params: Sequence[Param]) -> str:
    return f"{path}?{'&'.join(param.raw for param in params)}" if params else path


def _is_tracking(param: Param) -> bool:
    name, value, _ = param
    is_monitor_mail = name == "source" and value == "monitor_notif"
    return is_monitor_mail or name.startswith(_TRACKING_PREFIXES)
