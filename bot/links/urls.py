"""One pasted address, tidied and split by one regex; and where a bare URL ends in running text."""

import re
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus

from bot.model import Reason


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

_CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
_CLOSERS = frozenset(_CLOSER_OF.values())
_STOPS = re.compile(r"""[\s<>()\[\]{}"`]""")
_QUOTES = '"`'
_PUNCTUATION = ".,;:!?|'…”’»。，、）"
_EMPHASIS = "*_~'"
_SUSPICIOUS_ENDS = frozenset(_PUNCTUATION + ')]}"`')


def split(link: str) -> Address | Reason:
    """A link's parts, or why it is not read.

    Also takes Slack's `<url|label>`, and drops the blanks, punctuation and brackets around a pasted link.
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


def bare_end(text: str, start: int) -> int:
    """Where the bare URL that starts at `start` ends.

    It ends at a blank, an angle bracket, a closing bracket opened before it (`[Monitor Status](url)`) or a quote
    outside brackets, without trailing punctuation. It keeps brackets and quotes inside brackets, as in
    `sp=[{"p":{"issueId":"…"}}]`.
    """
    end = _outermost(text, start)
    emphasis = text[start - 1] if start else ""
    while end > start and text[end - 1] in _PUNCTUATION:
        end -= 1
    if emphasis and emphasis in _EMPHASIS and text[end - 1 : end] == emphasis:
        end -= 1
    return end


def _outermost(text: str, start: int) -> int:
    unclosed = dict.fromkeys(_CLOSERS, 0)
    for stop in _STOPS.finditer(text, start):
        character = stop.group()
        if character in _CLOSER_OF:
            unclosed[_CLOSER_OF[character]] += 1
        elif unclosed.get(character):
            unclosed[character] -= 1
        elif character not in _QUOTES or not any(unclosed.values()):
            return stop.start()
    return len(text)


def _tidy(link: str) -> str:
    link = link.strip()
    if control := CONTROL.match(link):
        link = unescape(control[1])
    if link and link[-1] in _SUSPICIOUS_ENDS:
        link = link if " " in link else link[: bare_end(link, 0)]
    return link


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
