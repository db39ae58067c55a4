"""The card that asks which case a thread is about, and its answer."""

from collections.abc import Mapping

from bot.messages.blocks import Json, actions, button, context, section
from bot.messages.card_view import Message
from bot.messages.creation import opening
from bot.messages.text import TEXT_CHARS, clock, cut_mrkdwn, escape
from bot.model import Case, Question, Thread

HOLDS = 20
"""Cases to choose from; a message can have 50 blocks."""
_THEN = "Datadog links in this thread are then offered for that case, earlier ones too."


def question_message(
    asked: Question, names: Mapping[str, str], thread: Thread, *, tied_to: str | None, titled: bool = True
) -> Message:
    """The question with its buttons, or its answer.

    `names`: people's names by Slack id; `tied_to`: the key of the chosen case; `titled`: whether it may show
    the cases' titles.
    """
    if asked.answer is not None:
        text = _answer(asked, names, tied_to)
        return Message(cut_mrkdwn(text, TEXT_CHARS), [context(text)])
    value = f"{asked.card}:{asked.version}"
    choices = [(_key(case, asked), _named(case, asked, titled=titled)) for case in asked.asks]
    if len(choices) == 1:
        key, named = choices[0]
        text = f"Tie this thread to {named}?"
        asking: list[Json] = [section(f"*{text}*"), context(_THEN)]
        buttons = [button("tie.yes", f"Tie to {key}", f"{value}:0", "primary"), button("tie.no", "No", value)]
    else:
        text = f"This thread's first message names {len(choices)} cases. Which one is the thread about?"
        asking = [section(f"*{text}*")]
        for number, (key, named) in enumerate(choices[:HOLDS]):
            pick = button("tie.yes", f"Tie to {key}", f"{value}:{number}")
            asking.append({**section(named), "block_id": f"choice.{number}", "accessory": pick})
        more = len(choices) - HOLDS
        asking.append(context(f"And {more} more: @Case Insights tie …\n{_THEN}" if more > 0 else _THEN))
        buttons = [button("tie.no", "None of them", value)]
    return Message(cut_mrkdwn(text, TEXT_CHARS), [*asking, actions("buttons", *buttons, opening(thread))])


def _answer(asked: Question, names: Mapping[str, str], tied_to: str | None) -> str:
    who = escape(names.get(asked.by or "", "someone"))
    if tied_to is not None:
        return f"Tied to {escape(tied_to)} by {who}, {clock(asked.at)}."
    first = escape(asked.asks[0].key) if asked.asks else "a case"
    return f"Not tied: {who} said no. To tie this thread later: @Case Insights tie {first}"


def _key(case: Case, asked: Question) -> str:
    """The case's key, with its organisation if several of the cases have this key."""
    same = sum(each.key == case.key for each in asked.asks)
    return case.key if same == 1 else f"{case.org}/{case.key}"


def _named(case: Case, asked: Question, *, titled: bool) -> str:
    title = f", {escape(case.title, 150)}" if case.title and titled else ""
    return f"{escape(_key(case, asked))}{title}{' (closed)' if case.closed or case.archived else ''}"
