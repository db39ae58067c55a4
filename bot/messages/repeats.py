"""What a person is told, privately and once, who pastes what gets no card."""

from collections.abc import Mapping, Sequence

from bot.messages.blocks import Json, context, section
from bot.messages.card_view import Message, label, needs_id
from bot.messages.settled import add_back
from bot.messages.text import TEXT_CHARS, cut_mrkdwn, escape, moment
from bot.model import CardItem, State

MOST = 20


def offered_back(again: Sequence[tuple[CardItem, str, str]], names: Mapping[str, str], case_key: str) -> Message:
    """Who removed or dismissed each insight and when, with *Add back*; each with its card and the message's ts."""
    lines = [_line(item, escape(names.get(item.by or "", "Somebody")), escape(case_key)) for item, _, _ in again[:MOST]]
    blocks: list[Json] = []
    for line, (item, card, message_ts) in zip(lines, again, strict=False):
        back = {} if needs_id(item) else {"accessory": add_back(card, item, message_ts)}
        blocks.append({**section(line), **back})
    if len(again) > MOST:
        lines.append(f"So it is with {len(again) - MOST} more.")
        blocks.append(context(lines[-1]))
    return Message(cut_mrkdwn(" ".join(lines), TEXT_CHARS), blocks)


def without_id() -> str:
    """To someone who pasted a page that holds no id, and nothing else."""
    return (
        "The link that you pasted leads to a page without an id, so it cannot be added as it is. Open what you mean "
        "there and paste its link, or use ⋯ on your message, Add to case."
    )


def _line(item: CardItem, who: str, case: str) -> str:
    what, when = escape(label(item), 120), moment(item.at)
    did = f"removed {what} from {case}" if item.state is State.UNDONE else f"dismissed {what} for {case}"
    return f"{who} {did}, {when}, so it is not offered again."
