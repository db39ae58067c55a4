"""What is said in the open when somebody changes a tie or a mode, with the way back."""

from bot.insights import Mode
from bot.messages.blocks import button, context
from bot.messages.text import cut, escape
from bot.messages.view import Message

_DOES = {
    Mode.ASK: "turned watching on {where}: links are offered before they are added",
    Mode.AUTO: "lets links be added at once {where}, without asking",
    Mode.OFF: "turned watching off {where}",
}
_BACK = {Mode.ASK: ("Turn off", Mode.OFF), Mode.AUTO: ("Ask first", Mode.ASK), Mode.OFF: ("Turn on", Mode.ASK)}


NAME_CHARS = 80


def mode_set(who: str, mode: Mode, *, thread_ts: str) -> Message:
    """`Ana turned watching off here` with a button that turns it back. No `thread_ts`: in the whole channel."""
    where = "in this thread" if thread_ts else "in this channel"
    text = f"{_name(who)} {_DOES[mode].format(where=where)}."
    words, back = _BACK[mode]
    return _said(text, words, f"mode.{back.value}", thread_ts or "channel")


def tied(who: str, case_key: str, *, thread_ts: str) -> Message:
    """`Ana tied this thread to CASEM-4523` with a button that unties it."""
    what = "this thread" if thread_ts else "this channel"
    return _said(f"{_name(who)} tied {what} to {_name(case_key)}.", "Untie", "tie.undo", thread_ts or "channel")


def untied(who: str, *, thread_ts: str) -> Message:
    """`Ana untied this thread`: to tie it again takes naming a case."""
    what = "this thread" if thread_ts else "this channel"
    text = f"{_name(who)} untied {what}: links are not offered here any more. To tie it again: @Case Insights tie …"
    return Message(text, [context(text)])


def _name(text: str) -> str:
    return escape(cut(text, NAME_CHARS))


def _said(text: str, words: str, action_id: str, value: str) -> Message:
    back = {"type": "actions", "block_id": "back", "elements": [button(action_id, words, value)]}
    return Message(text, [context(text), back])
