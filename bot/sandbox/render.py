"""A Slack message as plain text for a terminal."""

import re
from collections.abc import Iterable
from typing import Any

from bot.sandbox.slack.text import CONTROL, mrkdwn_parts

Json = dict[str, Any]

BOLD = re.compile(r"(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])")
RULE = "─" * 40


def as_text(message: Json) -> str:
    """The message's blocks, or its `text` without blocks, and its attachments; lines are not wrapped.

    Checkboxes are `[x] …` or `[ ] …` as posted, buttons `[ Add ]`, an overflow menu `[ ⋯ ]`.
    """
    blocks: list[Json] = message.get("blocks") or []
    lines = [line for block in blocks for line in _block(block)] or readable(message["text"]).splitlines()
    attachments: list[Json] = message.get("attachments") or []
    for attachment in attachments:
        lines += [f"| {line}" for line in _attachment(attachment)]
    return "\n".join(lines)


def readable(mrkdwn: str) -> str:
    """A mrkdwn string without its markup: links as `label (url)`, bold without asterisks, escapes undone."""
    controls = (control[0] for control in CONTROL.finditer(mrkdwn))  # what stands in one is no mark
    marked = BOLD.sub(r"\1", CONTROL.sub("<>", mrkdwn))
    return "".join(_part(part) for part in mrkdwn_parts(re.sub("<>", lambda _: next(controls), marked)))


def _part(part: Json) -> str:
    match part["type"]:
        case "link":
            return f"{part['text']} ({part['url']})" if part.get("text") else part["url"]
        case "user":
            return f"@{part['user_id']}"
        case "channel":
            return f"#{part['channel_id']}"
        case "broadcast":
            return f"@{part['range']}"
        case "text":
            return part["text"]
        case _:
            return ""


def _block(block: Json) -> Iterable[str]:
    match block["type"]:
        case "header" | "section":
            yield from _section(block)
        case "context":
            shown = (element["alt_text"] if "alt_text" in element else _text(element) for element in block["elements"])
            yield "  ".join(shown)
        case "actions":
            yield from _elements(block["elements"])
        case "input":
            yield _text(block["label"])
            yield from _elements([block["element"]])
        case "divider":
            yield RULE
        case "rich_text":
            yield from _rich_text(block)
        case "image":
            yield f"[image: {block['alt_text']}]"
        case kind:
            yield str(block.get("text", f"[{kind}]"))


def _section(block: Json) -> Iterable[str]:
    for text in [block.get("text"), *block.get("fields", [])]:
        if text is not None:
            yield from _text(text).splitlines()
    if "accessory" in block:
        yield from _elements([block["accessory"]])


def _text(text: Json) -> str:
    return readable(text["text"]) if text["type"] == "mrkdwn" else text["text"]


def _elements(elements: list[Json]) -> Iterable[str]:
    """Inputs line by line, and the buttons between them side by side."""
    row: list[str] = []
    for element in elements:
        match element["type"]:
            case "button":
                row.append(f"[ {element['text']['text']} ]")
            case "overflow":
                row.append("[ ⋯ ]")
            case "image":
                row.append(f"[image: {element['alt_text']}]")
            case _:
                yield from _row(row)
                row = []
                yield from _input(element)
    yield from _row(row)


def _row(row: list[str]) -> Iterable[str]:
    if row:
        yield "  ".join(row)


def _input(element: Json) -> Iterable[str]:
    if element["type"] not in ("checkboxes", "radio_buttons"):
        yield f"[ {element.get('placeholder', {}).get('text', element['type'])} ]"
        return
    initial = [
        *element.get("initial_options", []),
        *([element["initial_option"]] if "initial_option" in element else []),
    ]
    chosen = {option["value"] for option in initial}
    for option in element["options"]:
        mark = "x" if option["value"] in chosen else " "
        yield f"[{mark}] {_text(option['text'])}"
        if "description" in option:
            yield f"    {_text(option['description'])}"


def _rich_text(block: Json) -> Iterable[str]:
    for section in block["elements"]:
        for item in section["elements"]:
            if "elements" in item:
                yield "• " + "".join(_part(part) for part in item["elements"])
        plain = "".join(_part(part) for part in section["elements"] if "elements" not in part)
        yield from plain.splitlines()


def _attachment(attachment: Json) -> Iterable[str]:
    for name in ("pretext", "title", "text"):
        if attachment.get(name):
            yield from readable(attachment[name]).splitlines()
    if attachment.get("title_link"):
        yield attachment["title_link"]
    for field in attachment.get("fields", []):
        yield f"{field.get('title', '')}: {readable(str(field.get('value', '')))}"
    for block in attachment.get("blocks", []):
        yield from _block(block)
