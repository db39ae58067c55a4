"""The few Block Kit elements that the bot uses (docs.slack.dev/reference/block-kit)."""

from typing import Any

from bot.messages.text import OPTION_CHARS, SECTION_CHARS, clean, cut_mrkdwn

Json = dict[str, Any]


def plain(text: str, most: int | None = None) -> Json:
    """Plain text, whoever wrote it; Slack takes no empty one."""
    return {"type": "plain_text", "text": clean(text, most) or "…", "emoji": False}


def mrkdwn(text: str) -> Json:
    """Ours, with what is from outside escaped. `verbatim`: Slack links no bare address, name or channel in it."""
    return {"type": "mrkdwn", "text": cut_mrkdwn(text, SECTION_CHARS) or "…", "verbatim": True}


def option(text: str, value: str, description: str = "") -> Json:
    option: Json = {"text": plain(text, OPTION_CHARS), "value": value}
    return {**option, "description": plain(description, OPTION_CHARS)} if description else option


def button(action_id: str, text: str, value: str, style: str = "") -> Json:
    button: Json = {"type": "button", "action_id": action_id, "text": plain(text, OPTION_CHARS), "value": value}
    return {**button, "style": style} if style else button


def asking(button: Json, title: str, text: str, *, yes: str, no: str) -> Json:
    """The button, whose effect is asked for before it is sent; `title` and `text` may hold words from outside."""
    asked = {"title": plain(title, 100), "text": plain(text, 300), "confirm": plain(yes, 30), "deny": plain(no, 30)}
    return {**button, "confirm": asked}


def actions(block_id: str, *elements: Json) -> Json:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def header(text: str) -> Json:
    return {"type": "header", "text": plain(text)}


def section(text: str) -> Json:
    return {"type": "section", "text": mrkdwn(text)}


def sections(text: str) -> list[Json]:
    """All lines of a long text, in as few sections as hold them."""
    parts = [""]
    for line in text.split("\n"):
        if len(parts[-1]) + len(line) < SECTION_CHARS:
            parts[-1] += f"\n{line}" if parts[-1] else line
        else:
            parts.append(line)
    return [section(part) for part in parts if part]


def context(text: str) -> Json:
    return {"type": "context", "elements": [mrkdwn(text)]}
