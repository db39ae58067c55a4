"""Every link of one Slack message, wherever Slack and other apps put links.

See https://docs.slack.dev/messaging/formatting-message-text/ and https://docs.slack.dev/reference/block-kit/.
Nothing here raises: a message of an odd shape gives the links that can be read.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.links.json_guards import Json, is_list, is_object, objects
from bot.links.urls import CONTROL, bare_end, unescape

_START = re.compile(r"https?://", re.IGNORECASE)
# The fields that hold a URL, and the field of each URL's label: labels are never read.
_LABEL_OF = {"url": "text", "title_link": "title", "title_url": "title"}
_CARRIERS = (
    "pretext", "text", "title", "value", "fields", "elements", "accessory", "options", "rows", "blocks",
    "message_blocks", "message", "attachments", "actions", "fallback",
)  # fmt: skip
_PREVIEW_MARKS = ("from_url", "original_url", "app_unfurl_url")
_MARKS = frozenset({"is_share", "is_msg_unfurl", *_PREVIEW_MARKS})


class _Url(str):
    """A whole link, unlike text that may contain links."""

    __slots__ = ()


def extract(message: Mapping[str, Any], *, edited: bool = False) -> tuple[str, ...]:
    """The links of a Slack message object, unescaped, each once, in order.

    Forwarded messages are read, link previews are not. A preview of another message (`is_msg_unfurl`) is what a
    person pasted, except in an edit (`edited`), where Slack made it.
    """
    return tuple(dict.fromkeys(_links(message, edited)))


def _links(message: Mapping[str, Any], edited: bool) -> Iterator[str]:
    # A stack of our own: deep nesting must not exhaust Python's.
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
    """The parts of a message, attachment, block or element to read, in order. Called often for each event."""
    if _is_preview(element, edited):
        return []
    parts: list[Any] = []
    labels: list[str] = []
    for name, label in _LABEL_OF.items():
        if name in element and isinstance(url := element[name], str) and url:
            labels.append(label)
            parts.append(_Url(url))
    if "type" in element or "text" in element:
        labels.append("value")  # a button's or an option's payload, which nobody sees
    parts += [element[name] for name in _CARRIERS if name in element and name not in labels]
    if "files" in element:
        parts += [file.get("title") for file in objects(element["files"])]
    return parts


def _is_preview(element: Json, edited: bool) -> bool:
    if _MARKS.isdisjoint(element) or element.get("is_share"):
        return False
    if element.get("is_msg_unfurl"):
        return edited
    return any(element.get(mark) for mark in _PREVIEW_MARKS)


def _links_of_text(text: str) -> Iterator[str]:
    """The links of mrkdwn: `<url>`, `<url|label>`, and bare URLs in text that Slack did not mark up."""
    position = 0
    for control in CONTROL.finditer(text):
        yield from _bare_links(text[position : control.start()])
        target = control[1]
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
    while start := _START.search(text, position):
        end = bare_end(text, start.start())
        if end > start.end():
            yield text[start.start() : end]
        position = max(end, start.end())
