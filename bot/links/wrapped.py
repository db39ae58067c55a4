"""Links that mail programs, Slack and search engines wrap in one of their own: the wrapped address counts.

It stands in the wrapping link; nothing is fetched. Nothing here raises.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from urllib.parse import unquote

from bot.links.ends import START
from bot.links.urls import Address, params

_Read = Callable[[Address], str]

# As Proofpoint's own decoder reads it: `*` is one replaced character, `**B` a run of three.
_PROOFPOINT_3 = re.compile(r"/v3/__(.+?)__;([A-Za-z0-9_-]*)(?:!|$)", re.DOTALL)
_REPLACED = re.compile(r"\*(?:\*([A-Za-z0-9_-]))?")
_RUNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_ONE_SLASH = re.compile(r"(https?:/)(?!/)", re.IGNORECASE)
_PROOFPOINT_2 = str.maketrans("-_", "%/")


def unwrapped(address: Address) -> str | None:
    """The link inside an address; None if that is no wrapper's."""
    wrapper = address.host if address.host in _WRAPPERS else f"*.{'.'.join(address.host.split('.')[-4:])}"
    for path, read in _WRAPPERS.get(wrapper, ()):
        if address.path.startswith(path) and START.match(inner := read(address)):
            return inner
    return None


def _parameter(name: str) -> _Read:
    """Reads the parameter of this name, where it says one thing."""

    def read(address: Address) -> str:
        values = {param.value for param in params(address.query) if param.name == name}
        return values.pop() if len(values) == 1 else ""

    return read


def _proofpoint_2(address: Address) -> str:
    """It writes - for % and _ for /."""
    inner = next((param.raw[2:] for param in params(address.query) if param.name == "u"), "")
    return unquote(inner.translate(_PROOFPOINT_2))


def _proofpoint_3(address: Address) -> str:
    """It keeps the link, but for what is odd in it: that follows, in base64."""
    parts = _PROOFPOINT_3.match(f"{address.path}?{address.query}" if address.query else address.path)
    if not parts:
        return ""
    try:
        replaced = iter(urlsafe_b64decode(parts[2] + "=" * (-len(parts[2]) % 4)).decode())
    except ValueError:
        return ""

    def original(match: re.Match[str]) -> str:
        return "".join(next(replaced, "") for _ in range(_RUNS.index(match[1]) + 2 if match[1] else 1))

    return _ONE_SLASH.sub(r"\1/", _REPLACED.sub(original, parts[1]), count=1)


_PROOFPOINT = (("/v1/url", _parameter("u")), ("/v2/url", _proofpoint_2), ("/v3/", _proofpoint_3))
_GOOGLE = (("/url", _parameter("q")), ("/url", _parameter("url")))
_WRAPPERS: dict[str, tuple[tuple[str, _Read], ...]] = {
    "*.safelinks.protection.outlook.com": (("/", _parameter("url")),),
    "urldefense.proofpoint.com": _PROOFPOINT,
    "urldefense.com": _PROOFPOINT,
    "urldefense.us": _PROOFPOINT,
    "www.google.com": _GOOGLE,
    "google.com": _GOOGLE,
    "slack-redir.net": (("/link", _parameter("url")),),
    "linkprotect.cudasvc.com": (("/url", _parameter("a")),),
}
"""By host (with `*.`: below it), how a page reads what it wraps, by the beginning of its path."""
