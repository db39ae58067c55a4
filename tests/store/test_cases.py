"""Cases: what Datadog last told, and the work of bringing insights to them."""

from dataclasses import replace

import pytest

from bot.insights.clicks import Action
from bot.model import State
from bot.store import Store, cases, now
from bot.store.cases import DeliveryResult
from bot.store.work_items import WorkItem
from tests.store.conftest import (
    CASE,
    ELSEWHERE,
    LATER,
    THREAD,
    TIMING,
    card_of,
    identity,
    items_of,
    monitor,
    monitors,
    paste,
    press,
    states,
    tie,
    write,
)


@pytest.fixture(autouse=True)
async def offered(store: Store, tied: None) -> None:
    await paste(store, *monitors(1, 2))


@pytest.fixture
async def confirmed(store: Store, offered: None) -> None:
    await press(store, await card_of(store), Action.ADD, 1, 2)


async def work(store: Store) -> list[WorkItem]:
    async with store.read() as connection:
        return await cases.work(connection, CASE.org, CASE.case_id)


async def send(store: Store, items: list[WorkItem]) -> list[WorkItem]:
    async with store.write() as tx:
        return await cases.mark_sent(tx, items, await now(tx))


async def settle(store: Store, *items: WorkItem, state: State = State.ADDED) -> None:
    await write(store, cases.settle, [DeliveryResult(item, state, ours=True) for item in items], TIMING)


async def test_a_case_is_kept_as_datadog_told_of_it(store):
    told = replace(CASE, key="NEW-7", title="Moved", closed=True, on_case=frozenset({identity(9)}))
    await write(store, cases.save, told)
    async with store.read() as connection:
        assert await cases.get(connection, CASE.org, CASE.case_id) == told
        assert await cases.get(connection, CASE.org, "none such") is None


@pytest.mark.parametrize("change", [{"key": "NEW-7"}, {"title": "Renamed"}, {"closed": True}, {"archived": True}, {}])
async def test_a_card_that_asks_is_brought_up_to_date_with_what_is_new_of_its_case(store, change: dict[str, object]):
    before = (await card_of(store)).version
    await write(store, cases.save, replace(CASE, **change))
    assert (await card_of(store)).version == before + (1 if change else 0)


async def test_what_somebody_else_put_on_the_case_is_offered_no_more(store):
    await write(store, cases.save, replace(CASE, on_case=frozenset({identity(1)})))
    assert await states(store) == {"1": State.WITHDRAWN, "2": State.OFFERED}
    await paste(store, monitor(1), ts=LATER)
    assert (await states(store))["1"] is State.WITHDRAWN


async def test_work_is_what_is_confirmed_or_to_be_undone_the_oldest_first(store):
    assert await work(store) == []
    seen = await card_of(store)
    await press(store, seen, Action.ADD, 2)
    await press(store, seen, Action.ADD, 1)
    found = [(item.identity, item.state, item.sent) for item in await work(store)]
    assert found == [(identity(number), State.CONFIRMED, False) for number in (2, 1)]


async def test_what_was_cancelled_in_the_meantime_is_not_sent(store, confirmed):
    claimed = await work(store)
    await press(store, await card_of(store), Action.CANCEL)
    assert await send(store, claimed) == []


async def test_what_may_have_been_sent_needs_a_look_and_what_datadog_certainly_did_not_take_none(store, confirmed):
    sent = await send(store, await work(store))
    assert [item.sent for item in await work(store)] == [True, True], "known before it is sent"
    await write(store, cases.unsent, [sent[0].id])
    assert [item.sent for item in await work(store)] == [False, True]


async def test_the_answer_to_a_call_does_not_overrule_who_cancelled_it(store, confirmed):
    sent = await send(store, await work(store))
    await press(store, await card_of(store), Action.CANCEL)
    await settle(store, *sent)
    assert set((await states(store)).values()) == {State.UNDOING}


async def test_what_was_undone_and_added_again_starts_afresh(store, confirmed):
    await settle(store, *await send(store, await work(store)))
    await press(store, await card_of(store), Action.UNDO)
    await settle(store, *await work(store), state=State.UNDONE)
    assert [item.sent for item in await items_of(store, await card_of(store))] == [False, False]


async def test_what_became_of_an_insight_shows_on_all_its_cards(store):
    await tie(store, ELSEWHERE)
    await paste(store, *monitors(1, 2), thread=ELSEWHERE, ts="2000.000200")
    await press(store, await card_of(store), Action.ADD, 1, 2)
    before = [(await card_of(store, each)).version for each in (THREAD, ELSEWHERE)]
    await settle(store, *await send(store, await work(store)))
    assert [(await card_of(store, each)).version for each in (THREAD, ELSEWHERE)] == [each + 1 for each in before]


async def test_a_case_is_at_work_until_everything_is_settled_and_what_was_added_is_ours_to_undo(store, confirmed):
    first, second = await send(store, await work(store))
    for item, left in ((first, 1), (second, 0)):
        await settle(store, item)
        assert len(await work(store)) == left
    items = await items_of(store, await card_of(store))
    assert [(item.state, item.ours) for item in items] == 2 * [(State.ADDED, True)]
