"""One pasted address, tidied and split by one regex."""

import re
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus

from bot.links.ends import first_line, trimmed
from bot.links.outcomes import Reason


class Param(NamedTuple):
    """One query parameter: decoded name and value, and the piece of the query as pasted."""

    name: str
    value: str
    raw: str


class Address(NamedTuple):
    """A split link: scheme and host in lower case, the rest as pasted, repeated slashes collapsed."""

    scheme: str
    host: str
    path: str
    query: str
    fragment: str


# Port absent, 443 or 80; no user-info; back-slashes only where browsers do not read them as slashes.
_LINK = re.compile(
    r"(https?)://([a-z0-9._-]{1,253}+)(?::(?:443|80))?((?:/[^?#\\ ]*+)?)(?:\?([^#]*+))?(?:#(.*))?",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
_HAS_HOST = re.compile(r"https?://(?!:)[^/?#]*\w", re.IGNORECASE)
CONTROL = re.compile(r"<([^<>|]*)(?:\|[^<>]*)?>")
"""Slack's markup of a link, `<url>` or `<url|label>`; also of mentions."""
_SLASHES = re.compile(r"/{2,}")
_DOTS = frozenset({".", "..", "%2e", "%2e%2e", ".%2e", "%2e."})
_ESCAPED_AMPERSAND = re.compile(r"&(?:amp;)+")


def split(link: str) -> Address | Reason:
    """A link's parts, or why it is not read.

    Also takes Slack's `<url|label>`, and drops the blanks, punctuation and brackets around a pasted link. A link that
    was cut is none.
    """
    link = _tidy(link)
    parts = _LINK.fullmatch(link) if link.isprintable() else None
    if parts is None:
        return Reason.DISGUISED if _HAS_HOST.match(link) else Reason.NOT_A_LINK
    scheme, host, path, query, fragment = parts.groups(default="")
    if "//" in path:
        path = _SLASHES.sub("/", path)
    # A browser resolves these, so another page would open than the one in the path.
    if ("/." in path or "/%2" in path) and not _DOTS.isdisjoint(path.lower().split("/")):
        return Reason.DISGUISED
    return Address(scheme.lower(), host.lower(), path or "/", query, fragment)


def params(query: str) -> list[Param]:
    """The parameters of a query in order, decoded like a form (`+` is a blank).

    A link copied from markup still has `&amp;` between its parameters.
    """
    if "&amp;" in query:
        query = _ESCAPED_AMPERSAND.sub("&", query)
    return [_param(piece) for piece in query.split("&") if piece]


def unescape(text: str) -> str:
    """Slack's escaping undone once: `&lt;`, `&gt;` and `&amp;`."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _tidy(link: str) -> str:
    link = link.strip()
    if link.startswith("<") and (control := CONTROL.match(link)):
        link = unescape(control[1])
    return trimmed(first_line(link))


def _param(piece: str) -> Param:
    name, _, value = piece.partition("=")
    if "%" in name or "+" in name:
        name = unquote_plus(name)
    if "%" in value or "+" in value:
        value = unquote_plus(value)
    return Param(name, value, piece)


def decoded(segment: str) -> str:
    """A path segment, decoded (`+` stays `+`)."""
    return unquote(segment) if "%" in segment else segment
