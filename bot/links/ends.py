"""Where a link ends: in running text, and where something clings to a link that Slack or an app marked up.

What remains is the whole link or nothing: of a link that was cut ("…", "...") nobody knows the rest.
"""

import html
import re
from collections.abc import Iterator
from unicodedata import category

START = re.compile(r"https?://", re.IGNORECASE)
# The next link of a list, also where nothing separates the two. After these characters it is a part of the first:
# `?url=https://…`, `/web/2024/https://…`, `/v3/__https://…`.
_NEXT = re.compile(r"(?<![=/_])https?://", re.IGNORECASE)
# What JSON in a message has for a slash, an ampersand, a new line: `https:\/\/…?a=1\u0026b=2\nfix`.
_JSON = re.compile(r'\\+(?:u00([0-9a-fA-F]{2})|([/nrt"]))')
_NEW_LINE = "\u2028"
_CHARACTERS = {"/": "/", '"': '"', "n": _NEW_LINE, "r": _NEW_LINE, "t": _NEW_LINE}
# What HTML in a message has for a quote, a bracket, a blank, "…"; `&amp;` is read with the query.
_HTML = re.compile(
    r"&(?:quot|apos|lt|gt|nbsp|shy|hellip|[lr][ad]?quo|[lr]squo|[mn]dash|bull|middot|zwn?j|#\d{1,6}|#x[0-9a-f]{1,6});",
    re.IGNORECASE,
)
_BLANK = re.compile(r"[\s<>]")
_STOPS = re.compile(r"""[()\[\]{}"`]""")
_CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
_CLOSERS = frozenset(_CLOSER_OF.values())

_PUNCTUATION = ".,;:!?|'\\"
_MARKS = "*~_"
"""Bold, struck, italic: in mrkdwn and, doubled, in Markdown."""
_CLINGING = re.compile(
    r"""(?::(?=[0-9_'-]*[a-z+])[a-z0-9_+'-]+:)+$  # :fire:
    |(?<=[a-z0-9)\]}*~_'])'[a-z]{1,2}$  # 's
    |[-=]{1,3}>$  # an arrow
    |(?:%E2%80%(?:8[B-F]|A[89A-F])|%E2%81%A[0-9A-F]|%EF%BB%BF|%C2%A[0D]|%E3%80%80|%20|%0[9AD])+$  # not to be seen
    """,
    re.IGNORECASE | re.VERBOSE,
)
_GLUED_WORD = re.compile(r"(/\d+|-[0-9a-f]{12})[.,;:!|'][A-Za-z][^/?#&=]*$", re.IGNORECASE)
"""A word right behind a number or a UUID in a path: `/monitors/1.Please`."""
_MAY_GLUE = re.compile("[.,;:!|']")
_CUT = re.compile(r"""(?:\.\.|%E2%80%A6)[\])}*~_'"`|\\]*$""", re.IGNORECASE)
"""The end of a link that an app or Slack cut; `…` itself is found among the letters that no address has."""
CUT_AFTER = ("…", "...")
"""The same, right behind a link that Slack marked up."""
_SCHEME = len("https://")
_LONGEST_CLINGING, _MOST_CLINGING, _EMOJI, _LINE = 100, 20, 40, 300
"""How many characters are looked at, how many things are taken off, how long an emoji's name is, and how far before a
link marks open."""

_BEFORE_PATH = re.compile(r"[^/]*//[^/?#]*")
_QUERY_GOES_ON = re.compile(r"[?&#][A-Za-z_][\w.%-]*=", re.ASCII)
_BEFORE_VALUE = "?=:,+/([{ "
_FOREIGN = re.compile(r"[^\x00-\x7f]+")


def links_in(text: str) -> Iterator[str]:
    """The links of text that is not marked up, Slack's escaping undone.

    A link ends at a blank, an angle bracket, a quote, a closing bracket that was opened before it
    (`[Monitor Status](url)`), a letter that no address has, or where the next one begins. It keeps brackets and quotes
    inside brackets, as in `sp=[{"p":{"issueId":"…"}}]`. The label of a Markdown link is not read.
    """
    text = plain(text)
    position = limit = 0
    while (colon := text.find("://", position)) >= 0:
        start = START.search(text, max(position, colon - len("https")))
        if start is None:
            return
        if limit < start.end():
            blank = _BLANK.search(text, start.end())
            limit = blank.start() if blank else len(text)
        following = _NEXT.search(text, start.end(), limit)
        end = _outermost(text, start.end(), following.start() if following else limit)
        position = max(end, start.end())
        if not _is_label(text, end) and not _is_split(text, end):
            if text.startswith(">", end) and not text.startswith("<", start.start() - 1):
                end = start.end() + len(text[start.end() : end].rstrip("-="))  # an arrow: `url->`, `url=>`
            link = trimmed(text[start.start() : end], text[max(0, start.start() - _LINE) : start.start()])
            if len(link) > len(start.group()):
                yield _without_word(link)


def whole(link: str, before: str = "") -> Iterator[str]:
    """The link that Slack or an app marked up, or the several that it took for one. `before`: the text before it."""
    link = first_line(link)
    position = 0
    while START.match(link, position):
        following = _NEXT.search(link, position + 1) if link.find("://", position + _SCHEME) > 0 else None
        end = following.start() if following else len(link)
        if found := trimmed(link[position:end], before):
            yield _without_word(found)
        position = end


def plain(text: str) -> str:
    """Text without JSON's escapes and HTML's."""
    if ";" in text and "&" in text:
        text = _HTML.sub(lambda escape: html.unescape(escape.group()), text)
    return _JSON.sub(_character, text) if "\\" in text else text


def first_line(link: str) -> str:
    """A link without JSON's escapes: a new line of the JSON ends it, one of its own makes it unreadable."""
    return plain(link).partition(_NEW_LINE)[0] if "\\" in link or ";" in link else link


def trimmed(link: str, before: str = "") -> str:
    """A link without what clings to its end; empty if it was cut. `before`: the text before it, where marks open."""
    if not link.isascii():
        link = _before_text(link)
    if link[-3:].isalnum():
        return link  # as nearly always
    for _ in range(_MOST_CLINGING):
        if not link or (link[-1].isalnum() and "%" not in link[-3:] and "'" not in link[-3:]):
            break
        tail = max(0, len(link) - _LONGEST_CLINGING)
        if _CUT.search(link, tail):
            return ""
        clinging = _CLINGING.search(link, tail)
        shorter = link[: clinging.start()] if clinging else _without_last(link, before)
        if shorter == link:
            break
        link = shorter
    return link


def _without_word(link: str) -> str:
    if "?" in link or not _MAY_GLUE.search(link, link.rfind("/")):
        return link
    return _GLUED_WORD.sub(r"\1", link)


def _without_last(link: str, before: str) -> str:
    last = link[-1]
    if last in _PUNCTUATION:
        return link[:-1] if link[-2:-1] not in _PUNCTUATION else link.rstrip(_PUNCTUATION)
    if last in _CLOSERS:
        return link[: _outermost(link, 0, len(link), quotes=False)]
    if last in '"`':
        return link[:-1] if link.count(last) % 2 else link
    return link.rstrip(last) if last in _MARKS and _closes(last, link, before) else link


def _closes(mark: str, link: str, before: str) -> bool:
    """Whether the mark at the end of a link is no part of it: no path ends in one, a search may (`?query=web*`)."""
    if before.endswith(mark) or (mark != "_" and "?" not in link):
        return True
    sign = re.escape(mark)
    marks = re.findall(rf"(?<!\w){sign}+(?=\S|$)|(?<=\S){sign}+(?!\w)", before.rpartition("\n")[2])
    return len(marks) % 2 == 1


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else _CHARACTERS[escape[2]]


def _outermost(text: str, start: int, limit: int, *, quotes: bool = True) -> int:
    """Where brackets and quotes end a link: those that nothing opened in it."""
    unclosed = dict.fromkeys(_CLOSERS, 0)
    for stop in _STOPS.finditer(text, start, limit):
        character = stop.group()
        if character in _CLOSER_OF:
            unclosed[_CLOSER_OF[character]] += 1
        elif character not in _CLOSERS:
            if quotes and not any(unclosed.values()):
                return stop.start()
        elif unclosed[character]:
            unclosed[character] -= 1
        else:
            return stop.start()
    return limit


def _is_label(text: str, end: int) -> bool:
    """Whether a Markdown link has it as its label: `[https://…](https://…)`."""
    return text.startswith(("](http", "](<http"), end)


def _is_split(text: str, end: int) -> bool:
    """Whether a change of style may have split it: "12`345`" is shown as 12345."""
    following = text[end + 1 : end + 2]
    return text.startswith("`", end) and following.isalnum() and following.isascii()


def _before_text(link: str) -> str:
    """A link without the text that nothing separates from it (`…/monitors/905を見て`); empty if it was cut.

    Foreign letters stay in a host, which they disguise, in a query where they may be its value (`?query=サービス`),
    and wherever the query goes on behind them. What may be a part of an id stays, and makes it unreadable.
    """
    host = _BEFORE_PATH.match(link)
    position, query = host.end() if host else 0, link.find("?")
    for goes_on in _QUERY_GOES_ON.finditer(link, position):
        position = goes_on.end()
    for foreign in _FOREIGN.finditer(link, position):
        at, letters = foreign.start(), foreign.group()
        visible = next((letter for letter in letters if category(letter) != "Cf"), "")
        if visible == "…":
            return ""
        if 0 <= query < at and link[at - 1] in _BEFORE_VALUE and not _CLINGING.search(link, max(0, at - _EMOJI), at):
            continue
        following = link[foreign.end() : foreign.end() + 1]
        is_inside = not visible and (following.isalnum() or following in ("/", "?", "&", "=", "%"))
        is_part = visible and (category(visible)[0] == "M" or visible.isdigit())
        return link if is_inside or is_part else link[:at]
    return link
