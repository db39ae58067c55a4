"""What a person's button does to an insight."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from bot.model import CardItem, State


class Action(StrEnum):
    """What a person can do to a whole card by one button."""

    ADD = "add"
    DISMISS = "dismiss"
    CANCEL = "cancel"
    RETRY = "retry"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class ItemView:
    """One insight at the time of a click. `shown`: the clicker's card had it; `left_out`: dismissed by not ticking.

    `preset`: the bot had ticked its box; `needs_id`: its id is unknown, and no button can add it.
    """

    state: State
    sent: bool
    ours: bool
    shown: bool
    ticked: bool
    left_out: bool
    preset: bool = True
    needs_id: bool = False


def is_preset(item: CardItem, items: Iterable[CardItem]) -> bool:
    """Whether the bot ticks its box on a card with these: not where a person has to say that its id is right.

    Nor that of a note which came before any insight: nobody has asked for links alone.
    """
    if item.draft:
        return False
    return not item.is_note or any(other.group <= item.group and not other.is_note for other in items)


def act(action: Action, item: ItemView) -> State | None:
    """The insight's state after this button; None if the button does not change it."""
    if not item.shown:
        return None
    match action:
        case Action.ADD:
            return _add(item)
        case Action.DISMISS:
            return State.DISMISSED if item.state in (State.OFFERED, State.FAILED) else None
        case Action.CANCEL:
            taken_back = State.UNDOING if item.sent else State.DISMISSED
            return taken_back if item.state is State.CONFIRMED else None
        case Action.RETRY:
            return State.CONFIRMED if item.state is State.FAILED else None
        case Action.UNDO:
            return State.UNDOING if item.state is State.ADDED and item.ours else None
        case _:
            assert_never(action)


def _add(item: ItemView) -> State | None:
    if item.needs_id:
        return None
    if item.state is State.OFFERED:
        left_out = State.DISMISSED if item.preset else None  # only what the bot had ticked can be un-ticked
        return State.CONFIRMED if item.ticked else left_out
    # Two people at once, {1, 2} and {2, 3}: the first leaves 3 out, the second asks for it.
    takes_it = item.state is State.DISMISSED and item.left_out and item.ticked
    return State.CONFIRMED if takes_it else None
