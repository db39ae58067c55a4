"""What a card says it waits for, and when; and what it tells of, as the rights of people are now."""

import pytest

from bot.messages.card_view import Waiting
from bot.model import CardItem, InsightType, State, Thread
from bot.sandbox.render import as_text
from bot.services.card_views import WAITING_AFTER_SECONDS, waiting
from bot.store import cards
from bot.worker.rendering import render
from tests.services.conftest import ANA, CHANNEL, GUEST, TEAM, TITLE, Office
from tests.store.conftest import CASE, LATER, card_of, monitor, paste, tie_by_hand, write

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


NAME, NEW_NAME = "High memory", "Acquisition of Globex"


async def offered(office: Office, poster: str) -> Thread:
    """A thread that Ana tied to a case, with a card that offers what this author posted."""
    monitors = office.datadog.resources.by_kind["monitor"]
    for number, name in ((1, NAME), (2, NEW_NAME)):
        monitors[str(number)] = {**monitors["17131362"], "id": number, "name": name}
    thread = Thread(TEAM, CHANNEL, "1000.000100")
    await tie_by_hand(office.store, thread, CASE, ANA)
    await paste(office.store, monitor(1), thread=thread, poster=poster)
    return thread


async def told(office: Office, thread: Thread) -> set[str]:
    """What of a case's title and two monitors' names the thread's card tells, once Slack shows it."""
    card = await card_of(office.store, thread)
    rendered = await render(office.context, card)
    assert rendered is not None
    await write(office.store, cards.shown, card.id, rendered.version, "1000.000900", rendered.digest)
    said = as_text({"text": rendered.message.text, "blocks": rendered.message.blocks})
    return {words for words in (TITLE, NAME, NEW_NAME) if words in said}


async def a_minute_later(office: Office) -> None:
    """What Slack said of people counts no more where their rights are concerned, and their names are known still."""
    (await office.context.slack(TEAM))._people.clear()


@pytest.mark.parametrize("slack_answers", [True, False])
async def test_a_member_who_has_become_a_guest_is_told_nothing_new_after_a_minute(office, slack_answers):
    thread = await offered(office, ANA)
    assert await told(office, thread) == {TITLE, NAME}
    await a_minute_later(office)
    office.slack.workspace.users[ANA].is_restricted = True
    if not slack_answers:
        office.slack.control.rule("slack", "users.info", status=503)
    await paste(office.store, monitor(2), thread=thread, ts=LATER)
    assert await told(office, thread) == set()


async def test_what_a_card_has_told_is_told_again_without_a_call(office):
    thread = await offered(office, ANA)
    await told(office, thread)
    await a_minute_later(office)
    before = len(office.slack.control.calls)
    assert await told(office, thread) == {TITLE, NAME}
    assert office.slack.control.calls[before:] == []


async def test_of_an_organisation_that_was_taken_away_an_old_card_tells_and_asks_nothing(office):
    thread = await offered(office, ANA)
    office.take_org_away()
    assert await told(office, thread) == set()
    assert office.datadog.control.calls == []


@pytest.mark.parametrize(
    ("poster", "names"),
    [
        ("B0DATADOG", {TITLE, NAME}),
        ("B0DATADOG U0DATADOG", {TITLE, NAME}),
        (f"B0ZAP {ANA}", {TITLE, NAME}),
        (f"B0ZAP {GUEST}", {TITLE}),
        ("B0ZAP U0STRANGER", {TITLE}),
        ("B0ZAP U0NOBODY", {TITLE}),
    ],
)
async def test_what_an_app_posts_with_a_guests_token_is_named_as_little_as_what_the_guest_posts(office, poster, names):
    assert await told(office, await offered(office, poster)) == names
