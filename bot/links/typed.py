"""Words as people type and paste them, without what Slack, phones and pages put around them."""

import re
import unicodedata

from bot.links.urls import CONTROL, unescape

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63"), "-")
_MARKS = "\"'`*_~()[]{}<>#,;“”„‚‘’«»‹›"
"""What phones, pages and Slack's editor put around a word."""


def as_typed(text: str) -> str:
    """Text as typed, without Slack's markup of links, its escapes, and what clings to words."""
    text = CONTROL.sub(_shown, text)
    return " ".join(filter(None, map(_cleaned, unescape(text).split())))


def _shown(markup: re.Match[str]) -> str:
    """A link's address; of a channel its name, which may be a case's key; anything else as it is."""
    target, _, label = markup[0][1:-1].partition("|")
    return f" {target} " if is_link(target) else label if target.startswith("#") and label else markup[0]


def _cleaned(word: str) -> str:
    """A word in plain characters: phones make dashes of hyphens, pages add invisible characters. Links stay."""
    word = "".join(character for character in word if unicodedata.category(character) != "Cf").lstrip(_MARKS)
    if not is_link(word):
        return unicodedata.normalize("NFKC", word).translate(_DASHES).strip(_MARKS)
    word = word.rstrip("\"'`*_~>,;”’»")
    return word[:-1] if word.endswith(")") and "(" not in word else word


def is_link(word: str) -> bool:
    """Whether this is written as an address of the web."""
    return word.lower().startswith(("http://", "https://"))
