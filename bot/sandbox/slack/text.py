"""Typed text as Slack's `text` and `rich_text` block, and mrkdwn split into its parts.

In `text` only `&`, `<` and `>` are escaped and links are `<url>` or `<url|label>`; in the block the same link
has its URL unescaped. https://docs.slack.dev/messaging/formatting-message-text
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]

BARE_LINK = re.compile(r"https?://[^\s<>|]+")
CONTROL = re.compile(r"<([^<>\s|][^<>|]*)(?:\|([^<>]*))?>")
TRAILING = ".,;:!?'\"*_~`"
LONE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt);)")


def escape(text: str) -> str:
    """The three characters that Slack escapes, and no others."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def typed(text: str, names: Mapping[str, str] | None = None) -> tuple[str, list[Json]]:
    """What a person typed, as Slack keeps it: (`text`, blocks). `names` maps each `@name` to its user id."""
    parts = _joined(_typed_parts(text, names or {}))
    return "".join(_mrkdwn(part) for part in parts), rich_text(parts)


def _typed_parts(text: str, names: Mapping[str, str]) -> Iterable[Json]:
    # The longest name first: "@Datadog Cases" is not "@Datadog".
    mentions = [rf"@{re.escape(name)}\b" for name in sorted(names, key=len, reverse=True)]
    for piece in re.split(f"({'|'.join([BARE_LINK.pattern, *mentions])})", text):
        if BARE_LINK.fullmatch(piece):
            url = _without_trailing_marks(piece)
            yield {"type": "link", "url": url}
            yield from _text_part(piece[len(url) :])
        elif piece.startswith("@") and piece[1:] in names:
            yield {"type": "user", "user_id": names[piece[1:]]}
        else:
            yield from _text_part(piece)


def _joined(parts: Iterable[Json]) -> list[Json]:
    """The parts, with adjacent texts joined."""
    joined: list[Json] = []
    for part in parts:
        if part["type"] == "text" and joined and joined[-1]["type"] == "text":
            joined[-1] = {**part, "text": joined[-1]["text"] + part["text"]}
        else:
            joined.append(part)
    return joined


def _without_trailing_marks(url: str) -> str:
    """A full stop or a closing bracket behind a URL belongs to the sentence; a bracket opened inside does not."""
    while url and (url[-1] in TRAILING or (url[-1] in ")]" and _opened(url) < 0)):
        url = url[:-1]
    return url


def _opened(url: str) -> int:
    opening, closing = ("(", ")") if url[-1] == ")" else ("[", "]")
    return url.count(opening) - url.count(closing)


def _text_part(text: str) -> Iterable[Json]:
    if text:
        yield {"type": "text", "text": text}


def _mrkdwn(part: Json) -> str:
    match part["type"]:
        case "link":
            return f"<{escape(part['url'])}>"
        case "user":
            return f"<@{part['user_id']}>"
        case _:
            return escape(part["text"])


def rich_text(parts: Iterable[Json]) -> list[Json]:
    """One `rich_text` block around these elements."""
    section: Json = {"type": "rich_text_section", "elements": list(parts)}
    return [{"type": "rich_text", "block_id": secrets.token_urlsafe(4)[:5], "elements": [section]}]


def mrkdwn_parts(text: str) -> Iterable[Json]:
    """The parts of a mrkdwn string: text, link (with `text` when labelled), user, channel, broadcast."""
    at = 0
    for match in CONTROL.finditer(text):
        yield from _text_part(unescape(text[at : match.start()]))
        yield _control_part(match[1], match[2])
        at = match.end()
    yield from _text_part(unescape(text[at:]))


def _control_part(target: str, label: str | None) -> Json:
    match target[0]:
        case "@":
            return {"type": "user", "user_id": target[1:]}
        case "#":
            return {"type": "channel", "channel_id": target[1:]}
        case "!" if target.startswith("!date^"):
            # A date that Slack shows in each reader's time zone; the label is its fallback, as it is.
            return {"type": "text", "text": label or ""}
        case "!":
            return {"type": "broadcast", "range": target[1:]}
        case _:
            link: Json = {"type": "link", "url": unescape(target)}
            return link if label is None else {**link, "text": unescape(label)}


def links(text: str) -> list[str]:
    """The web links of a mrkdwn string, unescaped, in their order."""
    urls = [part["url"] for part in mrkdwn_parts(text) if part["type"] == "link"]
    return [url for url in urls if url.startswith(("http://", "https://"))]


def as_kept(text: str) -> str:
    """A bot's `text` as Slack keeps it: bare links are made links, a lone `&` is escaped."""
    pieces: list[str] = []
    at = 0
    for match in CONTROL.finditer(text):
        pieces += [_linkified(text[at : match.start()]), match[0]]
        at = match.end()
    return "".join([*pieces, _linkified(text[at:])])


def _linkified(text: str) -> str:
    def link(match: re.Match[str]) -> str:
        url = _without_trailing_marks(match[0])
        return f"<{url}>{match[0][len(url) :]}"

    return BARE_LINK.sub(link, LONE_AMPERSAND.sub("&amp;", text))
