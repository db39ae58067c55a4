"""Text for Slack: from outside it is cleaned where it enters and made inert where it stands; cut, counted, with times.

Why marks are made inert as they are: docs/decisions/text-from-outside.md.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, cast
from urllib.parse import quote

OPTION_CHARS = 75
"""Slack's limit for the text and the description of a checkbox."""
TEXT_CHARS = 3_900
SECTION_CHARS = 2_900
"""Just under Slack's 4,000 for `text` in chat.update and 3,000 for a section."""
NAME_CHARS = 80
"""Of people and workspaces; of titles and of whole sentences of others:"""
TITLE_CHARS = 200
WORDS_CHARS = 300
ADDRESS_CHARS = 2_400
"""Of a link, so that its words and what stands beside it fit into the same section."""
_IN_ADDRESSES = "%/:=&?#+~!$,;'()*@[]"
"""What stands in an address as it is; Slack would end a link at others."""

_OPERATOR = re.compile("[Ww]hoever runs this bot")
_SPACED = re.compile("[\0-\x1f\x7f-\x9f\u200c\u2028-\u202e\u2066-\u2069]+")
"""What breaks lines, turns text round or keeps letters apart leaves a space."""
_HALF = re.compile("[\ud800-\udfff]")
_INVISIBLE = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u206f\u3164"
    "\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
"""Unicode's Default_Ignorable_Code_Point and the annotation marks, without U+FE0E and U+FE0F: a heart stays red."""
_MARKED = re.compile(r"(?<![A-Za-z0-9])[*_~]|[*_~](?![A-Za-z0-9])|[`＊＿～｀]|:[\w+'-]")
"""Marks of emphasis and code, and what may begin an emoji. Within a word like `prod_db` the first three are none."""
_WORD = re.compile(r"[&<>]|[^\s&<>|^{}]+")
"""An escaped character, or what has no meaning in a date's fallback."""
_LOOK_ALIKE = str.maketrans("*_~`＊＿～｀:|", "∗ˍ∼ˋ∗ˍ∼ˋ∶∣")
_CONTROL_SEQUENCE = r"<([^<>|]*)(?:\|([^<>]*))?>"
_UNIT = re.compile(rf"{_CONTROL_SEQUENCE}|&(?:amp|lt|gt);|[A-Za-z0-9](?:[\w*~]*[A-Za-z0-9])?|.", re.ASCII | re.DOTALL)


def clean(text: str, most: int | None = None) -> str:
    """Text from outside as one visible line of at most `most` characters; what is too long loses its middle.

    Gone are control characters, direction marks and everything without width, also the joiners within emoji: a family
    becomes its members, and nobody can hide or turn round anything. Half a character, as an escape in JSON may leave
    it, becomes U+FFFD.
    """
    if not (text.isascii() and text.isprintable()):  # most texts are, and a card shows dozens
        text = _INVISIBLE.sub("", _HALF.sub("\ufffd", _SPACED.sub(" ", text)))
    line = " ".join(text.split())
    return line if most is None else cut(line, most)


def escape(text: str, most: int | None = None) -> str:
    """`text` from outside as mrkdwn that shows just these characters: no ping, no link, no emphasis, quote or emoji.

    `most`: characters that are shown. Bare addresses, `@here` and `#channel` are inert because every text object is
    `verbatim` (see `bot.messages.blocks`).
    """
    line = clean(text, most)
    inert = _WORD.sub(_inert, line) if _MARKED.search(line) else _entities(line)
    return f"\xad{inert}" if line.startswith((">", "＞")) else inert


def link_label(text: str) -> str:
    """`text` from outside within `<address|…>`, where nothing else can stand: its marks become their look-alikes."""
    words = _WORD.sub(lambda w: w[0].translate(_LOOK_ALIKE) if _MARKED.search(w[0]) else w[0], clean(text))
    return _entities(words.replace("|", "∣"))


def linked(address: str, words: str) -> str:
    """`words` as a link, or alone where the address is longer than a section holds. Both from outside."""
    url = _entities(quote(address, _IN_ADDRESSES, errors="replace"))
    return f"<{url}|{link_label(words)}>" if len(url) <= ADDRESS_CHARS else escape(words)


def code(text: str, fence: str = "`") -> str:
    """`text` in Slack's code style, in which only the three escaped characters and back-ticks mean something."""
    return f"{fence}{_entities(text.replace('`', 'ˋ'))}{fence}"


def readable(mrkdwn: str) -> str:
    """Mrkdwn of ours as plain text: a date is its time in UTC, a link its words and its address."""

    def shown(found: re.Match[str]) -> str:
        target, words = found[1], found[2]
        return words if words and target.startswith("!") else f"{words} {target}" if words else target

    text = re.sub(_CONTROL_SEQUENCE, shown, mrkdwn)
    return text.replace("\xad", "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _inert(word: re.Match[str]) -> str:
    """A word; with marks, as the fallback of a date whose format Slack does not know: it reads no marks in it."""
    return f"<!date^0^{{_}}|{word[0]}>" if _MARKED.search(word[0]) else _entities(word[0])


def cut(text: str, most: int) -> str:
    """`text` in at most `most` characters, without its middle: both ends of a path are needed to recognise it."""
    if len(text) <= most:
        return text
    head = most // 2
    return text[:head] + "…" + text[len(text) - (most - 1 - head) :]


def cut_mrkdwn(text: str, most: int) -> str:
    """The same for mrkdwn: no link, date, escaped character or word is cut, whose marks would come to an edge."""
    if len(text) <= most:
        return text
    units = [unit[0] for unit in _UNIT.finditer(text)]
    head = _fitting(units, most // 2)
    tail = _fitting(reversed(units), most - 1 - sum(map(len, head)))
    return "".join([*head, "…", *reversed(tail)])


def _fitting(units: Iterable[str], most: int) -> list[str]:
    """The first of them that have at most `most` characters together."""
    lengths = accumulate(map(len, units := list(units)))
    return [unit for unit, length in zip(units, lengths, strict=True) if length <= most]


def with_contact(value: Any, contact: str) -> Any:
    """What goes to Slack, with the operator's contact for "whoever runs this bot"; without one it stays as it is.

    Every sentence says it in these words, so that this one place is enough.
    """
    if not contact:
        return value
    match value:
        case str():
            return _OPERATOR.sub(lambda _: contact, value)
        case dict():
            fields = cast("dict[str, Any]", value)
            return {name: with_contact(part, contact) for name, part in fields.items()}
        case list():
            parts = cast("list[Any]", value)
            return [with_contact(part, contact) for part in parts]
        case _:
            return value


def clock(at: float) -> str:
    """A time of day that Slack shows in each reader's zone; UTC in plain text."""
    return f"<!date^{int(at)}^{{time}}|{datetime.fromtimestamp(at, UTC):%H:%M} UTC>"


def moment(at: float) -> str:
    """A day and a time of day, in the same way."""
    return f"<!date^{int(at)}^{{date_short_pretty}} {{time}}|{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC>"


def this(thread: bool) -> str:
    return "This thread" if thread else "This channel"


def insights(count: int, notes: int = 0) -> str:
    """`1 insight`, `2 insights and 1 link`; `notes`: how many of the count are notes, links for the case's comment."""
    words = [(count - notes, "insight"), (notes, "link")] if notes else [(count, "insight")]
    return " and ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in words if number or not notes)
