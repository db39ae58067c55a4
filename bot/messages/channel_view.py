"""The modal that asks before a choice on a card counts for a whole channel; `form_view` has the one with fields."""

from bot.messages.blocks import Json, plain, section

CALLBACK = "insights.channel"
_ASKED = {
    "auto.channel": (
        "Always add",
        "In every thread of this channel that is about a case, links from members who may add them are then added at "
        "once, without asking. A thread with a mode of its own keeps that.",
    ),
    "off.channel": (
        "Turn off",
        "In no thread of this channel are links then offered or added. A thread with a mode of its own keeps that.",
    ),
}
CHOICES = frozenset(_ASKED)
"""The choices on a card that are for the whole channel."""


def asking(choice: str, memory: str) -> Json:
    """The question for this choice; `memory` comes back with the answer."""
    submit, text = _ASKED[choice]
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": plain("The whole channel?"),
        "submit": plain(submit),
        "close": plain("Cancel"),
        "private_metadata": memory,
        "blocks": [section(text)],
    }
