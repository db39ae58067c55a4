"""Clicks: one transaction each, and the second person gets what is left and learns who was first."""

import asyncio

import pytest
from sqlalchemy import update

from bot.insights.clicks import Action
from bot.model import Card, State
from bot.services import clicks
from bot.services.clicks import Click
from bot.store import Store, cases, now, schema
from bot.store.jobs import case_key
from bot.store.transaction import JobKind
from tests.store.conftest import (
    CASE,
    LATER,
    card_of,
    items_of,
    jobs_of,
    monitor,
    monitors,
    paste,
    press,
    run,
    settle,
    states,
    write,
)

JOB = case_key(CASE.org, CASE.case_id)


@pytest.fixture(autouse=True)
async def card(store: Store, tied: None) -> Card:
    await paste(store, *monitors(1, 2, 3))
    return await card_of(store)


async def only_state(store: Store) -> State:
    """The one that all insights are in."""
    [state] = set((await states(store)).values())
    return state


async def test_ticked_is_confirmed_and_the_rest_is_left_out_and_shows_at_once(store, card):
    clicked = await press(store, card, Action.ADD, 1, 2)
    assert (clicked.case_key, clicked.moved, clicked.earlier) == ("CASEM-4523", 2, [])
    assert await states(store) == {"1": State.CONFIRMED, "2": State.CONFIRMED, "3": State.DISMISSED}
    items = await items_of(store, card)
    assert [(item.by, item.left_out) for item in items] == [("U0ANA", False), ("U0ANA", False), ("U0ANA", True)]
    assert await jobs_of(store, JobKind.CASE) == [JOB]
    assert (await card_of(store)).version == card.version + 1


async def test_of_two_people_the_second_gets_the_rest_and_is_told_of_the_first(store, card):
    await press(store, card, Action.ADD, 1, 2, by="U0ANA")
    clicked = await press(store, card, Action.ADD, 2, 3, by="U0BEN")
    assert await only_state(store) is State.CONFIRMED
    assert clicked.moved == 1
    assert [(item.resource_id, item.by) for item in clicked.earlier] == [("2", "U0ANA")]
    by = {item.resource_id: item.by for item in await items_of(store, card)}
    assert by == {"1": "U0ANA", "2": "U0ANA", "3": "U0BEN"}


async def test_two_clicks_at_once_confirm_once_and_one_is_told(store, card):
    one, two = await asyncio.gather(
        press(store, card, Action.ADD, 1, 2, 3, by="U0ANA"), press(store, card, Action.ADD, 1, 2, 3, by="U0BEN")
    )
    assert sorted([one.moved, two.moved]) == [0, 3]
    assert sorted([len(one.earlier), len(two.earlier)]) == [0, 3]
    assert len({item.by for item in await items_of(store, card)}) == 1


async def test_a_click_with_nothing_ticked_changes_nothing_and_says_so(store, card):
    clicked = await press(store, card, Action.ADD)
    assert clicked.nothing_ticked
    assert await only_state(store) is State.OFFERED
    assert await jobs_of(store, JobKind.CASE) == []


@pytest.mark.parametrize("first", [Action.ADD, Action.DISMISS])
async def test_a_click_on_an_older_version_counts_for_what_it_showed_and_what_joined_stays(store, card, first: Action):
    await paste(store, monitor(4), ts=LATER)
    assert (await press(store, card, first, 1)).moved == (1 if first is Action.ADD else 3)
    assert (await states(store))["4"] is State.OFFERED
    assert (await press(store, card, Action.DISMISS)).moved == 0
    assert (await states(store))["4"] is State.OFFERED


async def test_dismiss_dismisses_and_asks_datadog_for_nothing(store, card):
    clicked = await press(store, card, Action.DISMISS)
    assert clicked.moved == 3
    assert await only_state(store) is State.DISMISSED
    assert await write(store, cases.work, CASE.org, CASE.case_id) == []


@pytest.mark.parametrize("action", [Action.ADD, Action.DISMISS])
async def test_a_late_click_changes_nothing_and_learns_who_was_first(store, card, action: Action):
    await press(store, card, Action.DISMISS, by="U0ANA")
    clicked = await press(store, card, action, 1, 2, 3, by="U0BEN")
    assert clicked.moved == 0
    assert [item.by for item in clicked.earlier] == 3 * ["U0ANA"]
    assert await only_state(store) is State.DISMISSED


@pytest.mark.parametrize(
    ("action", "delivered", "ours", "moved", "state"),
    [
        (Action.CANCEL, None, None, 3, State.DISMISSED),
        (Action.RETRY, State.FAILED, None, 3, State.CONFIRMED),
        (Action.UNDO, State.ADDED, True, 3, State.UNDOING),
        (Action.UNDO, State.ADDED, False, 0, State.ADDED),
    ],
    ids=["cancel before it is sent", "retry", "undo what is ours", "leave what is not ours"],
)
async def test_a_later_button_moves_what_was_confirmed(
    store, card, action: Action, delivered: State | None, ours: bool | None, moved: int, state: State
):
    await press(store, card, Action.ADD, 1, 2, 3)
    if delivered:
        note = "Datadog says: 'no'" if delivered is State.FAILED else ""
        await write(store, settle, delivered, ours=ours, note=note)
    assert (await press(store, await card_of(store), action, by="U0BEN")).moved == moved
    items = await items_of(store, card)
    by = "U0BEN" if moved else "U0ANA"
    note = "Nothing was added." if action is Action.CANCEL else ""
    assert {(item.state, item.by, item.note) for item in items} == {(state, by, note)}, "why it failed is forgotten"


async def test_cancel_takes_back_what_may_have_arrived(store, card):
    await press(store, card, Action.ADD, 1, 2, 3)
    async with store.write() as tx:
        await cases.mark_sent(tx, await cases.work(tx, CASE.org, CASE.case_id), await now(tx))
    await press(store, await card_of(store), Action.CANCEL)
    assert await only_state(store) is State.UNDOING
    assert await jobs_of(store, JobKind.CASE) == [JOB]


async def test_a_card_knows_its_case_and_one_of_another_database_or_workspace_is_none(store, card):
    async with store.read() as connection:
        assert await cases.of_card(connection, card.id, "T0ACME") == CASE
        assert await cases.of_card(connection, card.id, "T0OTHER") is None
        assert await cases.of_card(connection, "none such", "T0ACME") is None
    assert await clicks.apply(store, Click("none such", 1, Action.ADD, "U0ANA")) is None


async def test_a_card_from_long_ago_works(store, card):
    await run(store, update(schema.insights).values(at=0.0))
    assert (await press(store, card, Action.ADD, 1, 2, 3)).moved == 3
    at = await write(store, now)
    assert all(at - item.at < 60 for item in await items_of(store, card))
