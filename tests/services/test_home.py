"""Home: what it shows to whom, and its Retry all failed."""

from typing import Any

import pytest
from sqlalchemy import update

from bot.insights import Mode
from bot.insights.clicks import Action
from bot.messages.home import moment
from bot.model import State, Thread
from bot.services import home, ties
from bot.services.checks import UserError
from bot.services.responder import text_of
from bot.store import cases, schema, thread_comments
from bot.store.cases import DeliveryResult
from bot.store.thread_comments import ThreadComment
from bot.store.transaction import JobKind
from tests.services.conftest import ANA, CHANNEL, GUEST, KEY, TEAM, Office
from tests.store.conftest import CASE, card_of, monitors, paste, press, states, tie, write


async def shown(office: Office, user: str = ANA, notice: Any = "") -> str:
    await home.publish(office.context, TEAM, user, notice)
    return str(office.slack.views.homes[user].given)


@pytest.fixture
async def thread(office: Office) -> Thread:
    """A thread with two insights of which somebody has confirmed both, and the first has failed."""
    thread = office.thread()
    await tie(office.store, thread)
    await paste(office.store, *monitors(1, 2), thread=thread)
    await press(office.store, await card_of(office.store, thread), Action.ADD, 1, 2)
    async with office.store.write() as tx:
        first, _ = await cases.work(tx, CASE.org, CASE.case_id)
        waits = update(schema.jobs).where(schema.jobs.c.kind == JobKind.CASE)
        await tx.execute(waits.values(note="Datadog is not answering."))
        await cases.settle(tx, [DeliveryResult(first, State.FAILED, note="no such monitor")], office.context.timing)
    return thread


async def test_it_shows_ties_modes_and_insights_of_ones_own_channels(office, thread):
    monitors = office.datadog.resources.by_kind["monitor"]
    monitors["1"] = {**monitors["17131362"], "id": 1, "name": "High memory"}
    await text_of(await ties.set_mode(office.context, thread.whole_channel, Mode.AUTO, ANA))
    said = await shown(office)
    for words in (
        f"<https://app/cases/{KEY}|{KEY}> {CASE.title}",
        f"|thread> of {moment(float(thread.ts))} in <#{CHANNEL}>",
        f"Mode auto · <#{CHANNEL}>",
        "Monitor High memory failed · ",
        "no such monitor",
        "Monitor 2 waits to be added · ",
        "Datadog is not answering.",
        "Retry all failed",
    ):
        assert words in said
    office.slack.channel(CHANNEL).members.discard(ANA)
    assert KEY not in await shown(office)


async def test_it_says_where_somebody_deleted_the_comment_on_a_case(office, thread):
    assert "deleted the bot's comment" not in await shown(office)
    await write(office.store, thread_comments.write, ThreadComment(CASE.org, CASE.case_id, thread), {"lost": True})
    assert (await shown(office)).count("Somebody deleted the bot's comment about the <https://acme.slack.com/") == 1
    office.slack.channel(CHANNEL).members.discard(ANA)
    assert "deleted the bot's comment" not in await shown(office)


async def test_a_guest_sees_how_to_and_nothing_of_the_cases(office, thread):
    said = await shown(office, GUEST)
    assert KEY not in said
    assert "Only full members" in said
    assert "How to" in said
    assert "explain" in said
    assert "untie" not in said


async def test_without_the_scopes_it_says_which_are_missing(office, thread):
    office.slack.scopes.difference_update({"channels:read", "groups:read"})
    said = await shown(office)
    assert KEY not in said
    assert "lacks the optional scopes" in said


async def test_what_was_pressed_is_answered_on_it(office, thread):
    async def refuse() -> str:
        raise UserError("You may not.")

    assert "You may not." in await shown(office, notice=refuse)
    assert "It is done." in await shown(office, notice="It is done.")


async def test_what_failed_is_tried_again_for_who_may_and_of_ones_own_channels(office, thread):
    with pytest.raises(UserError, match=r"^Only full members"):
        await home.retry_failed(office.context, TEAM, GUEST)
    assert (await states(office.store))["1"] is State.FAILED
    said = await home.retry_failed(office.context, TEAM, ANA)
    assert said == "Trying 1 link again. Open this page again to see the result."
    assert (await states(office.store))["1"] is State.CONFIRMED
    assert await home.retry_failed(office.context, TEAM, ANA) == "Nothing to retry."


async def test_who_has_left_a_channel_changes_nothing_of_it_from_an_old_home(office, thread):
    office.slack.workspace.channels[CHANNEL].members.discard(ANA)
    for act in (home.untie, home.ask_first):
        with pytest.raises(UserError, match="does not show that you are in that channel"):
            await act(office.context, Thread(TEAM, CHANNEL, ""), ANA)
