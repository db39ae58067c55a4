"""The few Block Kit elements that the bot uses (docs.slack.dev/reference/block-kit)."""

from typing import Any

from bot.messages.text import OPTION_CHARS, SECTION_CHARS, cut

Json = dict[str, Any]


def plain(text: str) -> Json:
    """Plain text; Slack takes no empty one."""
    return {"type": "plain_text", "text": text or "…", "emoji": False}


def option(text: str, value: str, description: str = "") -> Json:
    option: Json = {"text": plain(cut(text, OPTION_CHARS)), "value": value}
    return {**option, "description": plain(cut(description, OPTION_CHARS))} if description else option


def button(action_id: str, text: str, value: str, style: str = "") -> Json:
    button: Json = {"type": "button", "action_id": action_id, "text": plain(cut(text, OPTION_CHARS)), "value": value}
    return {**button, "style": style} if style else button


def actions(block_id: str, *elements: Json) -> Json:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def header(text: str) -> Json:
    return {"type": "header", "text": plain(text)}


def section(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut(text, SECTION_CHARS)}}


def context(text: str) -> Json:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": cut(text, SECTION_CHARS)}]}
