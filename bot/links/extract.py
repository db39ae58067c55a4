"""Every link of one Slack message, wherever Slack and other apps put links.

See https://docs.slack.dev/messaging/formatting-message-text/ and https://docs.slack.dev/reference/block-kit/. New kinds
of blocks are read as they come: all text and addresses count but those that are known to be no evidence.
Nothing here raises: a message of an odd shape gives the links that can be read.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.links.ends import CUT_AFTER, START, links_in, whole
from bot.links.json_guards import Json, is_list, is_object, listed, objects
from bot.links.urls import CONTROL, unescape

# The rest of a message says who, where and when.
_CONTENT = ("text", "blocks", "attachments", "files")
# What nobody sees, what only describes a picture, what a form asks, and what leads to a picture, an app or a person.
_NO_EVIDENCE = frozenset({
    "accessibility_label", "alt_text", "app_unfurl_url", "audio_html", "avatar", "bot_profile", "confirm", "from_url",
    "event_payload", "hero_image", "icon", "icons", "image_url", "initial_value", "message_metadata", "metadata",
    "original_url", "permalink", "placeholder", "previous_message", "private_metadata", "provider_icon_url", "root",
    "service_url", "slack_file", "thumb_url", "thumbnail_url", "user_profile", "video_html", "video_url", "workflow",
})  # fmt: skip
_IDS = ("_id", "_icon")
_ADDRESSES = ("_link", "_url")
"""How the names of further ones end; an app chooses some ids itself."""
_LABELS = {"url": ("text",), "title_link": ("title",), "title_url": ("title",), "author_link": ("author_name",)}
"""The fields that hold an address, and what is shown in its place: labels are never read."""
_PREVIEW_MARKS = ("from_url", "original_url", "app_unfurl_url")
_MARKS = frozenset({"is_share", "is_msg_unfurl", *_PREVIEW_MARKS})
_TRUNCATED = ("preview_is_truncated", "lines_more", "has_more")


class _Url(str):
    """A whole link, unlike text that may contain links."""

    __slots__ = ()


def extract(message: Mapping[str, Any], *, edited: bool = False) -> tuple[str, ...]:
    """The links of a Slack message object, unescaped, each once, in order.

    Forwarded messages are read, link previews are not. A preview of another message (`is_msg_unfurl`) is what a
    person pasted, except in an edit (`edited`), where Slack made it. A link that was cut is none.
    """
    return tuple(dict.fromkeys(_links(message, edited)))


def may_hold_links(message: Mapping[str, Any]) -> bool:
    """Whether a message holds a slash, as each link does: a quick look that answers no for nearly all messages."""
    pending: list[Any] = [message[name] for name in reversed(_CONTENT) if name in message]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            if "/" in item:
                return True
        elif is_object(item):
            pending.extend(item.values())
        elif is_list(item):
            pending.extend(item)
    return False


def _links(message: Mapping[str, Any], edited: bool) -> Iterator[str]:
    # A stack of our own: deep nesting must not exhaust Python's.
    pending: list[Any] = [{name: message[name]} for name in reversed(_CONTENT) if name in message]
    while pending:
        item = pending.pop()
        if is_object(item):
            pending.extend(reversed(_parts(item, edited)))
        elif is_list(item):
            pending.extend(reversed(_joined(item)))
        elif isinstance(item, _Url):
            yield from whole(item)
        elif isinstance(item, str) and _may_hold_links(item):
            yield from _links_of_text(item)


def _may_hold_links(text: str) -> bool:
    return "://" in text or ("\\" in text and ":\\/\\/" in text)


def _parts(element: Json, edited: bool) -> list[Any]:
    """The parts of a message, attachment, block or element to read, in order. Called often for each event."""
    if not _MARKS.isdisjoint(element) and _is_preview(element, edited):
        return []
    parts: list[Any] = []
    names: list[str] = []
    has_address = False
    for name, value in element.items():
        if isinstance(value, str):
            if ("://" not in value and "\\" not in value) or name in _NO_EVIDENCE or name.endswith(_IDS):
                continue
            if name in _LABELS or name.endswith(_ADDRESSES):
                has_address, value = True, _Url(value)
        elif not isinstance(value, dict | list) or name in _NO_EVIDENCE:
            continue
        elif name in ("files", "file"):
            value = [text for file in objects(listed(value)) for text in _texts_of_file(file)]
        parts.append(value)
        names.append(name)
    if has_address or "value" in names:
        hidden = _hidden(element)
        return [part for name, part in zip(names, parts, strict=True) if name not in hidden]
    return parts


def _hidden(element: Json) -> Sequence[str]:
    """Labels of the element's addresses, and the value of a button or an option."""
    labels = [label for name in _LABELS if element.get(name) for label in _LABELS[name]]
    is_control = "action_id" in element or "text" in element or str(element.get("type")).endswith("button")
    return [*labels, "value"] if is_control else labels


def _is_preview(element: Json, edited: bool) -> bool:
    if element.get("is_share"):
        return False
    if element.get("is_msg_unfurl"):
        return edited
    return any(element.get(mark) for mark in _PREVIEW_MARKS)


def _joined(items: list[Any]) -> list[Any]:
    """Elements of rich text, with neighbours of different style as one text, as people see them.

    A link that "…" follows was cut, unless it has a label: then it is more than what is shown.
    """
    if len(items) < 2 or not is_object(items[-1]) or "elements" in items[-1]:
        return items
    joined: list[Any] = []
    for item in items:
        text = item.get("text") if is_object(item) and item.get("type") == "text" else None
        if not isinstance(text, str):
            joined.append(item)
        elif joined and type(joined[-1]) is str:
            joined[-1] += text
        else:
            if joined and text.startswith(CUT_AFTER) and is_object(joined[-1]) and _shows_itself(joined[-1]):
                joined.pop()
            joined.append(text)
    return joined


def _shows_itself(element: Json) -> bool:
    return element.get("type") == "link" and element.get("text") in (None, "", element.get("url"))


def _texts_of_file(file: Json) -> Iterator[Any]:
    """A file's title, an e-mail's subject and text, a snippet's beginning; a file's own address is Slack's."""
    yield from (file.get("title"), file.get("subject"))
    body, preview = file.get("plain_text"), file.get("preview")
    if body or not isinstance(preview, str):
        yield body
    elif any(file.get(sign) for sign in _TRUNCATED) or file.get("mode") == "email":
        yield f"{preview}…"
    else:
        yield preview


def _links_of_text(text: str) -> Iterator[str]:
    """The links of mrkdwn: `<url>`, `<url|label>`, and bare URLs in text that Slack did not mark up."""
    position = 0
    for control in CONTROL.finditer(text):
        before, target = text[position : control.start()], control[1]
        yield from _bare_links(before)
        position = control.end()
        if not START.match(target):
            yield from _bare_links(target)
        elif not (text.startswith(CUT_AFTER, position) and control[0] in (f"<{target}>", f"<{target}|{target}>")):
            yield from whole(unescape(target), before)
    yield from _bare_links(text[position:])


def _bare_links(text: str) -> Iterator[str]:
    return links_in(unescape(text)) if _may_hold_links(text) else iter(())
