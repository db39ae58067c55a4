"""One pasted address, tidied and taken apart by one regex; and where a bare URL ends in running text."""

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
    """A link taken apart: scheme and host lower-cased, the rest as pasted, repeated slashes collapsed."""

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
    """A link's parts, or why it is not read. Never raises.

    Takes Slack's `<url|label>` too, and forgives what clings to a pasted link: blanks, trailing punctuation
    and brackets.
    """
    link = _tidy(link)
    found = _LINK.fullmatch(link) if link.isprintable() else None
    if found is None:
        return Reason.DISGUISED if _is_web(link) else Reason.NOT_A_LINK
    scheme, host, path, query, fragment = found.groups(default="")
    if "//" in path:
        path = _SLASHES.sub("/", path)
    # A browser would climb: what is pasted and what opens are then two pages.
    if ("/." in path or "/%2" in path) and not _DOTS.isdisjoint(path.lower().split("/")):
        return Reason.DISGUISED
    return Address(scheme.lower(), host.lower(), path or "/", query, fragment)


def params(query: str) -> list[Param]:
    """The parameters of a query in the order pasted, decoded as a form is (`+` is a blank).

    A link copied out of markup still has `&amp;` between its parameters; no parameter is called `amp;…`.
    """
    if "&amp;" in query:
        query = _ESCAPED_AMPERSAND.sub("&", query)
    return [_param(piece) for piece in query.split("&") if piece]


def unescape(text: str) -> str:
    """Slack's escaping undone, once: exactly `&lt;`, `&gt;` and `&amp;`."""
    if "&" not in text:
        return text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def bare_end(text: str, start: int) -> int:
    """Where the bare URL that starts at `start` ends.

    At a blank or an angle bracket, at a closing bracket that was opened before the URL (Markdown:
    `[Monitor Status](url)`), at a quote outside brackets; trailing punctuation does not belong to it.
    Brackets and quotes within brackets do: `sp=[{"p":{"issueId":"…"}}]` is pasted like that.
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
    for found in _STOPS.finditer(text, start):
        character = found.group()
        if character in _CLOSER_OF:
            unclosed[_CLOSER_OF[character]] += 1
        elif unclosed.get(character):
            unclosed[character] -= 1
        elif character not in _QUOTES or not any(unclosed.values()):
            return found.start()
    return len(text)


def _tidy(link: str) -> str:
    link = link.strip()
    if link[:1] == "<":
        link = unescape(link[1:].partition(">")[0].partition("|")[0])
    if link and link[-1] in _SUSPICIOUS_ENDS:
        link = link if " " in link else link[: bare_end(link, 0)]
    return link


def _is_web(link: str) -> bool:
    return link[:8].lower().startswith(("http://", "https://"))


def _param(piece: str) -> Param:
    name, _, value = piece.partition("=")
    if "%" in name or "+" in name:
        name = unquote_plus(name)
    if "%" in value or "+" in value:
        value = unquote_plus(value)
    return Param(name, value, piece)


def decoded(segment: str) -> str:
    """A path segment's text (here `+` is itself)."""
    return unquote(segment) if "%" in segment else segment
