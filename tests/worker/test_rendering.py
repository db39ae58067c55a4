"""What a card says it waits for, and when."""

import pytest

from bot.messages.card_view import Waiting
from bot.model import CardItem, InsightType, State
from bot.worker.rendering import WAITING_AFTER_SECONDS, waiting

NOTE = "Datadog is not answering (503)."
CONFIRMED_AT = 1000.0
SOON, LATE = CONFIRMED_AT + WAITING_AFTER_SECONDS - 1, CONFIRMED_AT + WAITING_AFTER_SECONDS


def item(state: State) -> CardItem:
    return CardItem(
        1, InsightType.MONITOR, "1", "/monitors/1", "app.datadoghq.com", state, 1, confirmed_at=CONFIRMED_AT
    )


@pytest.mark.parametrize(
    ("state", "note", "due_at", "at", "expected"),
    [
        (State.CONFIRMED, NOTE, LATE, CONFIRMED_AT, Waiting(NOTE, LATE)),
        (State.UNDOING, NOTE, LATE, CONFIRMED_AT, Waiting(NOTE, LATE)),
        (State.CONFIRMED, NOTE, SOON, CONFIRMED_AT, None),
        (State.CONFIRMED, NOTE, SOON, LATE, Waiting(NOTE, LATE)),
        (State.CONFIRMED, "", LATE, LATE, None),
        (State.OFFERED, NOTE, LATE, LATE, None),
        (State.FAILED, NOTE, LATE, LATE, None),
    ],
    ids=["long wait", "removal", "short wait", "overdue", "waits for nothing", "undecided", "over"],
)
def test_a_card_says_what_it_waits_for_once_that_takes_longer_than_people_look(state, note, due_at, at, expected):
    assert waiting([item(state)], note, due_at, at) == expected
