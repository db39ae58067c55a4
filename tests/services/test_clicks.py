"""Pressing a card's buttons: who may, and what the person is told beyond what the card shows."""

from dataclasses import replace
from typing import Any

import pytest
import structlog

from bot.insights.clicks import Action
from bot.model import State, Thread
from bot.policy import Confirmers
from bot.services import clicks
from bot.services.checks import UserError
from bot.services.clicks import is_meant, is_open
from bot.services.responder import text_of
from bot.store import cards, cases
from bot.store.cases import DeliveryResult
from tests.services.conftest import ANA, BEN, GUEST, KEY, TEAM, Office
from tests.store.conftest import CASE, card_of, cards_of, items_of, monitors, paste, states, tie, write
from tests.test_insights import standing


@pytest.fixture
async def thread(office: Office) -> Thread:
    """A thread with a card that offers the monitors 1, 2 and 3."""
    thread = office.thread()
    await tie(office.store, thread)
    await paste(office.store, *monitors(1, 2, 3), thread=thread)
    return thread


async def press(office: Office, thread: Thread, action: Action, *ticked: int, by: str = ANA) -> str:
    card = await card_of(office.store, thread)
    ids = {int(item.resource_id): item.id for item in await items_of(office.store, card)}
    chosen = frozenset(ids[number] for number in ticked)
    return await text_of(await clicks.press(office.context, TEAM, by, action, card.id, card.version, chosen))


async def test_what_the_card_shows_is_not_told_again(office, thread):
    assert await press(office, thread, Action.ADD, 1, 2) == ""
    assert await states(office.store) == {"1": State.CONFIRMED, "2": State.CONFIRMED, "3": State.DISMISSED}


async def test_a_press_that_moves_nothing_says_why(office, thread):
    assert await press(office, thread, Action.ADD) == "Tick at least one, or press Dismiss."
    assert (await press(office, thread, Action.RETRY)).startswith("Nothing was changed: somebody was faster")


async def test_a_press_on_a_card_whose_questions_moved_adds_what_is_ticked_and_links_to_the_card_below(office, thread):
    old, latest = await card_of(office.store, thread), [f"1000.{number:06}" for number in range(910, 916)]
    await write(office.store, cards.shown, old.id, old.version, "1000.000900", "")
    await paste(office.store, *monitors(4), thread=thread, ts="1000.001000", latest=latest)
    _, new = await cards_of(office.store, thread)
    await write(office.store, cards.shown, new.id, new.version, "1000.001900", "")
    one = min(item.id for item in await items_of(office.store, new))

    async def press_old(action: Action, *ticked: int) -> str:
        pressed = clicks.press(office.context, TEAM, ANA, action, old.id, old.version, frozenset(ticked))
        return await text_of(await pressed)

    assert await press_old(Action.ADD, one) == ""
    assert await states(office.store) == {"1": State.CONFIRMED, **dict.fromkeys("234", State.OFFERED)}
    said = await press_old(Action.DISMISS)
    assert said.startswith("Nothing was changed: what was undecided here is now on <http")
    assert "/p1000001900" in said
    assert (await press_old(Action.ADD, one)).startswith("Ana already pressed Add for this")


async def test_the_second_to_press_is_told_who_was_first_by_name(office, thread):
    await press(office, thread, Action.DISMISS, by=BEN)
    assert (await press(office, thread, Action.ADD, 1)).startswith("Ben already dismissed this at <!date^")
    await paste(office.store, *monitors(4), thread=thread, ts="1000.000300")
    assert (await press(office, thread, Action.ADD, 1, 4)).startswith(
        f"Adding 1 insight to {KEY}. Ben already decided on Monitor 1 at "
    )


async def test_a_card_of_elsewhere_or_of_no_database_is_gone(office, thread):
    card = await card_of(office.store, thread)
    for workspace, card_id in (("T0OTHER", card.id), (TEAM, "nothing")):
        with pytest.raises(UserError, match="no longer has this card"):
            await clicks.press(office.context, workspace, ANA, Action.DISMISS, card_id, 1, frozenset())


@pytest.mark.parametrize("action", Action)
async def test_who_may_not_change_the_case_moves_nothing(office, thread, action):
    with pytest.raises(UserError, match=f"^Only full members of Acme can change {KEY}"):
        await press(office, thread, action, 1, by=GUEST)
    office.let_only(BEN)
    with pytest.raises(UserError, match=r"^Only people named by whoever runs this bot"):
        await press(office, thread, action, 1)
    assert set((await states(office.store)).values()) == {State.OFFERED}


async def test_a_group_that_slack_does_not_tell_of_lets_nobody_in(office, thread):
    office.context = replace(office.context, confirmers=Confirmers(frozenset(), frozenset({"S0SRE"})))
    office.slack.workspace.user_groups["S0SRE"] = [ANA]
    office.slack.scopes.discard("usergroups:read")
    with (
        structlog.testing.capture_logs() as logs,
        pytest.raises(UserError, match=r"^Only people named by whoever runs this bot"),
    ):
        await press(office, thread, Action.ADD, 1)
    assert [(log["event"], log["why"]) for log in logs] == [("policy.group_unread", "missing_scope (usergroups:read)")]


async def test_a_case_whose_organisation_is_not_for_this_workspace_can_only_be_let_go_of(office, thread):
    office.take_org_away()
    with pytest.raises(UserError, match="which this bot does not use from this workspace"):
        await press(office, thread, Action.ADD, 1)
    assert await press(office, thread, Action.DISMISS) == ""


async def test_undo_takes_off_what_was_added_last_once(office, thread):
    assert (await clicks.undo_last(office.context, thread, ANA)).startswith(
        "Nothing to undo: nothing that the bot added"
    )
    await press(office, thread, Action.ADD, 1, 2)
    async with office.store.write() as tx:
        work = await cases.work(tx, CASE.org, CASE.case_id)
        await cases.settle(tx, [DeliveryResult(item, State.ADDED, ours=True) for item in work], office.context.timing)
    with pytest.raises(UserError, match=f"^Only full members of Acme can change {KEY}"):
        await clicks.undo_last(office.context, thread, GUEST)
    assert (await clicks.undo_last(office.context, thread, BEN)).startswith(f"Removing 2 insights from {KEY}.")
    assert (await clicks.undo_last(office.context, thread, BEN)).startswith(
        "Nothing to undo: nothing that the bot added"
    )


@pytest.mark.parametrize("change", [{"state": State.CONFIRMED}, {"shown": False}, {"needs_id": True}])
def test_add_with_nothing_ticked_is_a_mistake_only_while_something_can_be_ticked(change: dict[str, Any]):
    view = standing(State.OFFERED, ticked=False)
    assert is_open(view)
    assert not is_open(replace(view, **change))


@pytest.mark.parametrize(
    ("action", "any_ticked", "shown", "ticked", "meant"),
    [
        (Action.ADD, True, True, True, True),
        (Action.ADD, True, True, False, False),
        (Action.ADD, False, True, False, True),
        (Action.ADD, False, False, False, False),
        (Action.DISMISS, False, True, False, True),
        (Action.DISMISS, False, False, False, False),
        (Action.UNDO, False, True, False, False),
    ],
)
def test_a_click_means_what_was_ticked_else_all_that_the_card_showed(
    action: Action, any_ticked: bool, shown: bool, ticked: bool, meant: bool
):
    assert is_meant(action, standing(State.ADDED, shown=shown, ticked=ticked), any_ticked=any_ticked) is meant
