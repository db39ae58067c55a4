"""The card that asks which case a thread is about, and what a person answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.messages.blocks import button, context, section
from bot.messages.text import TEXT_CHARS, clock, cut, escape
from bot.messages.view import Message

Json = dict[str, Any]

HOLDS = 20
"""Cases to choose from; a message holds 50 blocks."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A case that the thread may be about. `closed`: it is closed or archived."""

    key: str
    title: str
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What the card depends on. `tied_to`: the key that somebody (`by`, a Slack user id; `at`, epoch s) chose."""

    id: str
    version: int
    choices: Sequence[Choice]
    answered: bool = False
    tied_to: str | None = None
    by: str | None = None
    at: float = 0.0
    names: Mapping[str, str] = field(default_factory=dict[str, str])


def question(asked: Question) -> Message:
    """The question with its buttons; once it is answered, the answer."""
    if asked.answered:
        text = _answer(asked)
        return Message(cut(text, TEXT_CHARS), [context(text)])
    value = f"{asked.id}:{asked.version}"
    if len(asked.choices) == 1:
        text = f"Tie this thread to {_named(asked.choices[0])}?"
        yes = button("tie.yes", f"Tie to {asked.choices[0].key}", f"{value}:0", "primary")
        asking: list[Json] = [section(f"*{text}*"), context(_THEN)]
        buttons = [yes, button("tie.no", "No", value)]
    else:
        text = f"This thread's first message names {len(asked.choices)} cases. Which one is the thread about?"
        asking = [section(f"*{text}*")]
        for place, choice in enumerate(asked.choices[:HOLDS]):
            pick = button("tie.yes", f"Tie to {choice.key}", f"{value}:{place}")
            asking.append({**section(_named(choice)), "block_id": f"choice.{place}", "accessory": pick})
        more = len(asked.choices) - HOLDS
        asking.append(context(f"And {more} more: @Case Insights tie …\n{_THEN}" if more > 0 else _THEN))
        buttons = [button("tie.no", "None of them", value)]
    return Message(cut(text, TEXT_CHARS), [*asking, {"type": "actions", "block_id": "buttons", "elements": buttons}])


_THEN = "Datadog links in this thread are then offered for that case, earlier ones too."


def _answer(asked: Question) -> str:
    who = escape(asked.names.get(asked.by or "", "someone"))
    if asked.tied_to is not None:
        return f"Tied to {escape(asked.tied_to)} by {who}, {clock(asked.at)}."
    first = escape(asked.choices[0].key) if asked.choices else "a case"
    return f"Not tied: {who} said no. To tie this thread later, say: @Case Insights tie {first}"


def _named(choice: Choice) -> str:
    title = f", {escape(cut(choice.title, 150))}" if choice.title else ""
    return f"{escape(choice.key)}{title}{' (closed)' if choice.closed else ''}"
