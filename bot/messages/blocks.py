"""The few Block Kit elements that the bot uses (docs.slack.dev/reference/block-kit)."""

from typing import Any

from bot.messages.text import OPTION_CHARS, SECTION_CHARS, cut

Json = dict[str, Any]


def button(action_id: str, text: str, value: str, style: str = "") -> Json:
    button: Json = {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": cut(text, OPTION_CHARS), "emoji": False},
        "value": value,
    }
    return {**button, "style": style} if style else button


def section(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut(text, SECTION_CHARS)}}


def context(text: str) -> Json:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": cut(text, SECTION_CHARS)}]}
