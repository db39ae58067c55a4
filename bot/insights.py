"""What to offer, and what may become of an insight on a case.

The law: an insight moves only along `MOVES`. The store refuses any other step, so no click, retry or
late answer can bring one where it must not be.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from bot.model import Identity, State

CARD_HOLDS = 20
"""Insights on one card: two groups of checkboxes at Slack's ten each, still readable on a phone."""
CARD_OPEN_SECONDS = 600.0
"""How long later links join a card; after that a new one takes over, near where people are reading."""
ROLLING_SECONDS = 900.0
"""The same for the one card that a tied channel's bot posts share."""
WAITING_AFTER_SECONDS = 10.0
"""When a card stops saying "Adding" and says what it waits for."""


MOVES: Mapping[State, frozenset[State]] = {
    State.OFFERED: frozenset({State.CONFIRMED, State.DISMISSED, State.WITHDRAWN}),
    State.WITHDRAWN: frozenset({State.OFFERED}),
    State.CONFIRMED: frozenset({State.ADDED, State.FAILED, State.DISMISSED, State.UNDOING}),
    State.FAILED: frozenset({State.CONFIRMED, State.DISMISSED}),
    State.ADDED: frozenset({State.UNDOING}),
    State.UNDOING: frozenset({State.UNDONE, State.ADDED}),
    State.DISMISSED: frozenset(),
    State.UNDONE: frozenset(),
}
DELIBERATE: Mapping[State, frozenset[State]] = {
    State.DISMISSED: frozenset({State.CONFIRMED}),
    State.UNDONE: frozenset({State.CONFIRMED}),
    State.WITHDRAWN: frozenset({State.CONFIRMED}),
}
"""Moves that only a person's explicit choice makes; watching a thread never does."""


def may_move(old: State, new: State, *, deliberate: bool = False) -> bool:
    """Whether `old → new` is one of the life's moves; `deliberate` opens the ones a person must ask for."""
    return new in MOVES[old] or (deliberate and new in DELIBERATE.get(old, frozenset()))


class Mode(StrEnum):
    """How much the bot does by itself: ask in a card, add at once what a confirmer pastes, or keep quiet."""

    ASK = "ask"
    AUTO = "auto"
    OFF = "off"


class Decision(StrEnum):
    """What watching does with one sighting in a tied thread. All but the first two are reasons for silence."""

    OFFER = "offer"
    OFFER_AGAIN = "offer_again"
    ON_CARD = "on_card"
    ON_CASE = "on_case"
    CONFIRMED = "confirmed"
    ADDED = "added"
    FAILED = "failed"
    DISMISSED = "dismissed"
    UNDONE = "undone"
    OTHER_ORG = "other_org"
    MODE_OFF = "mode_off"
    NEEDS_ID = "needs_id"
    UNTIED = "untied"


@dataclass(frozen=True, slots=True)
class CaseSnapshot:
    """What the store knows of a case before something is offered on one thread's card."""

    states: Mapping[Identity, State]
    on_case: Collection[Identity]
    on_card: Collection[Identity]


def decide(identity: Identity, known: CaseSnapshot) -> Decision:
    """Whether this identity goes on the thread's card, else why not."""
    state = known.states.get(identity)
    match state:
        case None | State.OFFERED | State.WITHDRAWN if identity in known.on_case:
            return Decision.ON_CASE
        case None:
            return Decision.OFFER
        case State.WITHDRAWN:
            return Decision.OFFER_AGAIN
        case State.OFFERED:
            return Decision.ON_CARD if identity in known.on_card else Decision.OFFER
        case State.CONFIRMED | State.UNDOING:
            return Decision.CONFIRMED
        case State.ADDED:
            return Decision.ADDED
        case State.FAILED:
            return Decision.FAILED
        case State.DISMISSED:
            return Decision.DISMISSED
        case State.UNDONE:
            return Decision.UNDONE
        case _:
            assert_never(state)


def offer(sighted: Sequence[Identity], known: CaseSnapshot) -> list[tuple[Identity, Decision]]:
    """One decision per distinct identity, in the order in which they were seen."""
    return [(identity, decide(identity, known)) for identity in dict.fromkeys(sighted)]


class Action(StrEnum):
    """What a person can do to a whole card by one button."""

    ADD = "add"
    DISMISS = "dismiss"
    CANCEL = "cancel"
    RETRY = "retry"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class ItemView:
    """One insight as a click meets it. `shown`: the clicker's card had it; `left_out`: dismissed by not ticking.

    `draft`: its id has to be given or confirmed by a person, which no button does.
    """

    state: State
    sent: bool
    ours: bool
    shown: bool
    ticked: bool
    left_out: bool
    draft: bool = False


def act(action: Action, standing: ItemView) -> State | None:
    """The state this button brings the insight to, or None when it leaves it alone."""
    if not standing.shown:
        return None
    match action:
        case Action.ADD:
            return _add(standing)
        case Action.DISMISS:
            return State.DISMISSED if standing.state is State.OFFERED else None
        case Action.CANCEL if standing.state is State.CONFIRMED:
            return State.UNDOING if standing.sent else State.DISMISSED
        case Action.RETRY:
            return State.CONFIRMED if standing.state is State.FAILED else None
        case Action.UNDO:
            return State.UNDOING if standing.state is State.ADDED and standing.ours else None
        case Action.CANCEL:
            return None
        case _:
            assert_never(action)


def _add(standing: ItemView) -> State | None:
    if standing.draft:
        return None
    if standing.state is State.OFFERED:
        return State.CONFIRMED if standing.ticked else State.DISMISSED
    # Two people at once, {1, 2} and {2, 3}: the first leaves 3 out, the second asks for it by name.
    if standing.state is State.DISMISSED and standing.left_out and standing.ticked:
        return State.CONFIRMED
    return None
