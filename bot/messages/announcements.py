"""Messages to everybody when somebody changes a tie or a mode, with a button that changes it back."""

from bot.insights import Mode
from bot.messages.blocks import actions, button, context
from bot.messages.card_view import Message
from bot.messages.replies import effect_of
from bot.messages.text import NAME_CHARS, escape, this

_CHANGED = {
    Mode.ASK: "chose “Ask first” for {place}: {effect}",
    Mode.AUTO: "chose “Always add” for {place}: {effect}",
    Mode.OFF: "turned watching off in {place}",
}
_BACK = {Mode.ASK: ("Turn off", Mode.OFF), Mode.AUTO: ("Ask first", Mode.ASK), Mode.OFF: ("Turn on", Mode.ASK)}


def mode_set(who: str, mode: Mode, *, thread_ts: str, tied: bool) -> Message:
    """`Ana turned watching off in this thread.` Without `thread_ts`: in this channel. `tied`: there is a case."""
    effect = effect_of(mode, thread=bool(thread_ts), tied=tied)
    text = f"{_name(who)} {_CHANGED[mode].format(place=_place(thread_ts), effect=effect)}."
    words, back = _BACK[mode]
    return _announcement(text, words, f"mode.{back.value}", thread_ts)


def tied(who: str, case_key: str, *, thread_ts: str) -> Message:
    """`Ana tied this thread to CASEM-4523.`"""
    text = f"{_name(who)} tied {_place(thread_ts)} to {_name(case_key)}."
    return _announcement(text, "Untie", "tie.undo", thread_ts)


def untied(who: str, *, thread_ts: str, again: bool = False) -> Message:
    """`Ana untied this thread`, without a button: to tie it again, a person has to name a case.

    `again`: it is about what its first message or its channel says.
    """
    what = f"{_name(who)} untied {_place(thread_ts)}"
    if again:
        text = f"{what}: if its first message or this channel names a case, that counts again."
        return Message(text, [context(text)])
    text = f"{what}: links are no longer offered here. To tie it again: @Case Insights tie …"
    return Message(text, [context(text)])


def _name(text: str) -> str:
    return escape(text, NAME_CHARS)


def _place(thread_ts: str) -> str:
    return this(bool(thread_ts)).lower()


def _announcement(text: str, words: str, action_id: str, thread_ts: str) -> Message:
    return Message(text, [context(text), actions("back", button(action_id, words, thread_ts or "channel"))])
