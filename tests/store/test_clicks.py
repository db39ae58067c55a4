"""Clicks: one transaction each, and the second person gets what is left and learns who was first."""

import asyncio

import pytest
from sqlalchemy import update

from bot.insights import Action
from bot.model import State
from bot.store import Store, cases, clicks, now, schema
from bot.store.cases import DeliveryResult
from bot.store.clicks import Click
from bot.store.jobs import case_key
from bot.store.transaction import JobKind
from tests.store.conftest import CASE, card_of, items_of, jobs_of, monitor, monitors, paste, press, states, tie

JOB = case_key(CASE.org, CASE.case_id)


@pytest.fixture(autouse=True)
async def offered(store: Store) -> None:
    await tie(store)
    await paste(store, *monitors(1, 2, 3))


async def set_all(store: Store, **values: object) -> None:
    async with store.write() as tx:
        await tx.execute(update(schema.insights).values(**values))


async def come_to(store: Store, state: State, *, ours: bool | None = None, note: str = "") -> None:
    """What delivery makes of everything that is confirmed."""
    async with store.write() as tx:
        work = await cases.work(tx, CASE.org, CASE.case_id)
        await cases.settle(tx, [DeliveryResult(item, state, ours=ours, note=note) for item in work])


async def test_ticked_is_confirmed_and_the_rest_is_left_out(store):
    clicked = await press(store, await card_of(store), Action.ADD, 1, 2)
    assert (clicked.case_key, clicked.moved, clicked.earlier) == ("CASEM-4523", 2, [])
    assert await states(store) == {"1": State.CONFIRMED, "2": State.CONFIRMED, "3": State.DISMISSED}
    items = await items_of(store, await card_of(store))
    assert [(item.by, item.left_out) for item in items] == [("U0ANA", False), ("U0ANA", False), ("U0ANA", True)]
    assert await jobs_of(store, JobKind.CASE) == [JOB]


async def test_a_click_shows_at_once_on_the_card(store):
    before = await card_of(store)
    await press(store, before, Action.ADD, 1)
    assert (await card_of(store)).version == before.version + 1


async def test_of_two_people_the_second_gets_the_rest_and_is_told_of_the_first(store):
    card = await card_of(store)
    await press(store, card, Action.ADD, 1, 2, by="U0ANA")
    clicked = await press(store, card, Action.ADD, 2, 3, by="U0BEN")
    assert set((await states(store)).values()) == {State.CONFIRMED}
    assert clicked.moved == 1
    assert [(item.resource_id, item.by) for item in clicked.earlier] == [("2", "U0ANA")]
    assert [(item.resource_id, item.by) for item in await items_of(store, card)] == [
        ("1", "U0ANA"),
        ("2", "U0ANA"),
        ("3", "U0BEN"),
    ]


async def test_two_clicks_at_once_confirm_once_and_one_is_told(store):
    card = await card_of(store)
    one, two = await asyncio.gather(
        press(store, card, Action.ADD, 1, 2, 3, by="U0ANA"), press(store, card, Action.ADD, 1, 2, 3, by="U0BEN")
    )
    assert sorted([one.moved, two.moved]) == [0, 3]
    assert sorted([len(one.earlier), len(two.earlier)]) == [0, 3]
    assert len({item.by for item in await items_of(store, card)}) == 1


async def test_a_click_with_nothing_ticked_changes_nothing_and_says_so(store):
    clicked = await press(store, await card_of(store), Action.ADD)
    assert clicked.nothing_ticked
    assert set((await states(store)).values()) == {State.OFFERED}
    assert await jobs_of(store, JobKind.CASE) == []


async def test_what_joined_after_the_clickers_version_stays_offered(store):
    seen = (await card_of(store)).version
    await paste(store, monitor(4), ts="1000.000300")
    await press(store, await card_of(store), Action.ADD, 1, version=seen)
    assert (await states(store))["4"] is State.OFFERED
    clicked = await press(store, await card_of(store), Action.DISMISS, version=seen)
    assert clicked.moved == 0
    assert (await states(store))["4"] is State.OFFERED


async def test_a_click_on_an_older_version_still_counts_for_what_it_showed(store):
    seen = (await card_of(store)).version
    await paste(store, monitor(4), ts="1000.000300")
    assert (await press(store, await card_of(store), Action.DISMISS, version=seen)).moved == 3


async def test_dismiss_dismisses_and_asks_datadog_for_nothing(store):
    clicked = await press(store, await card_of(store), Action.DISMISS)
    assert clicked.moved == 3
    assert set((await states(store)).values()) == {State.DISMISSED}
    async with store.read() as connection:
        assert await cases.work(connection, CASE.org, CASE.case_id) == []


@pytest.mark.parametrize("action", [Action.ADD, Action.DISMISS])
async def test_a_late_click_changes_nothing_and_learns_who_was_first(store, action: Action):
    card = await card_of(store)
    await press(store, card, Action.DISMISS, by="U0ANA")
    clicked = await press(store, card, action, 1, 2, 3, by="U0BEN")
    assert clicked.moved == 0
    assert [item.by for item in clicked.earlier] == 3 * ["U0ANA"]
    assert set((await states(store)).values()) == {State.DISMISSED}


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
    store, action: Action, delivered: State | None, ours: bool | None, moved: int, state: State
):
    await press(store, await card_of(store), Action.ADD, 1, 2, 3)
    if delivered:
        await come_to(store, delivered, ours=ours, note="Datadog says: 'no'" if delivered is State.FAILED else "")
    assert (await press(store, await card_of(store), action, by="U0BEN")).moved == moved
    items = await items_of(store, await card_of(store))
    assert {item.state for item in items} == {state}
    assert {(item.by, item.note) for item in items} == {("U0BEN" if moved else "U0ANA", "")}, (
        "why it failed is forgotten"
    )


async def test_cancel_takes_back_what_may_have_arrived(store):
    await press(store, await card_of(store), Action.ADD, 1, 2, 3)
    async with store.write() as tx:
        await cases.mark_sent(tx, await cases.work(tx, CASE.org, CASE.case_id), await now(tx))
    await press(store, await card_of(store), Action.CANCEL)
    assert set((await states(store)).values()) == {State.UNDOING}
    assert await jobs_of(store, JobKind.CASE) == [JOB]


async def test_a_click_on_a_card_of_another_database_is_none(store):
    assert await clicks.press(store, Click("none such", 1, Action.ADD, "U0ANA")) is None
    assert await clicks.case_of(store, "none such", "T0ACME") is None


async def test_the_card_knows_the_key_of_its_case(store):
    card = await card_of(store)
    assert (await clicks.case_of(store, card.id, "T0ACME")) == CASE
    assert await clicks.case_of(store, card.id, "T0OTHER") is None


async def test_a_card_from_long_ago_works(store):
    await set_all(store, at=0.0)
    clicked = await press(store, await card_of(store), Action.ADD, 1, 2, 3)
    assert clicked.moved == 3
    async with store.read() as connection:
        at = await now(connection)
    assert all(at - item.at < 60 for item in await items_of(store, await card_of(store)))
