"""Every link of one Slack message, from every place where Slack and other apps put links.

Where they sit: https://docs.slack.dev/messaging/formatting-message-text/ and
https://docs.slack.dev/reference/block-kit/. Nothing here raises: a message of an odd shape holds the links
that can be found in it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.links.outside import Json, is_list, is_object, objects
from bot.links.urls import bare_end, unescape

_CONTROL = re.compile(r"<([^<>]*)>")
_START = re.compile(r"https?://", re.IGNORECASE)
# Where an element holds a URL, and under which name that URL's label stands: labels are never read.
_LABEL_OF = {"url": "text", "title_link": "title", "title_url": "title"}
_CARRIERS = (
    "pretext", "text", "title", "value", "fields", "elements", "accessory", "options", "rows", "blocks",
    "message_blocks", "message", "attachments", "actions", "fallback",
)  # fmt: skip
_PREVIEW_MARKS = ("from_url", "original_url", "app_unfurl_url")
_MARKS = frozenset({"is_share", "is_msg_unfurl", *_PREVIEW_MARKS})


class _Url(str):
    """A link as such, beside text in which links are looked for."""

    __slots__ = ()


def extract(message: Mapping[str, Any], *, edited: bool = False) -> tuple[str, ...]:
    """The links of a Slack message object, unescaped, each once, in the order they appear.

    `edited`: the message comes from an edit, where a preview of another message (`is_msg_unfurl`) is Slack's
    work; at first delivery a person pasted it. Other link previews are never read, forwarded messages always.
    """
    return tuple(dict.fromkeys(_links(message, edited)))


def _links(message: Mapping[str, Any], edited: bool) -> Iterator[str]:
    # An explicit stack, so that no nesting of theirs can exhaust ours.
    pending: list[Any] = [dict(message)]
    while pending:
        item = pending.pop()
        if isinstance(item, _Url):
            if _START.match(item):
                yield str(item)
        elif isinstance(item, str):
            if "://" in item:
                yield from _links_of_text(item)
        elif is_object(item):
            pending.extend(reversed(_parts(item, edited)))
        elif is_list(item):
            pending.extend(reversed(item))


def _parts(element: Json, edited: bool) -> list[Any]:
    """What of a message, attachment, block or element is to be read, in order. Each event asks this often."""
    if _is_preview(element, edited):
        return []
    found: list[Any] = []
    labels: list[str] = []
    for name, label in _LABEL_OF.items():
        if name in element and isinstance(url := element[name], str) and url:
            labels.append(label)
            found.append(_Url(url))
    if "type" in element or "text" in element:
        labels.append("value")  # a button's or an option's payload, which nobody sees
    found += [element[name] for name in _CARRIERS if name in element and name not in labels]
    if "files" in element:
        found += [file.get("title") for file in objects(element["files"])]
    return found


def _is_preview(element: Json, edited: bool) -> bool:
    if _MARKS.isdisjoint(element) or element.get("is_share"):
        return False
    if element.get("is_msg_unfurl"):
        return edited
    return any(element.get(mark) for mark in _PREVIEW_MARKS)


def _links_of_text(text: str) -> Iterator[str]:
    """The links of mrkdwn: `<url>`, `<url|label>`, and bare URLs in text that Slack did not mark up."""
    position = 0
    for control in _CONTROL.finditer(text):
        yield from _bare_links(text[position : control.start()])
        target = control[1].partition("|")[0]
        if _START.match(target):
            yield unescape(target)
        else:
            yield from _bare_links(target)
        position = control.end()
    yield from _bare_links(text[position:])


def _bare_links(text: str) -> Iterator[str]:
    if "://" not in text:
        return
    text = unescape(text)
    position = 0
    while found := _START.search(text, position):
        end = bare_end(text, found.start())
        if end > found.end():
            yield text[found.start() : end]
        position = max(end, found.end())
