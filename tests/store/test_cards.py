"""Cards: which insights share one, when another takes over, and when it is shown."""

from collections.abc import Iterable

import pytest
from sqlalchemy import select

from bot.insights import CARD_HOLDS, CARD_OPEN_SECONDS, Action
from bot.model import Card, State
from bot.store import Store, cards, now, schema
from bot.store.cards import Change
from bot.store.open_cards import GROUP_HOLDS
from bot.store.transaction import JobKind
from tests.store.conftest import (
    REPLY,
    THREAD,
    age,
    card_of,
    cards_of,
    items_of,
    jobs_of,
    monitor,
    monitors,
    on_cards,
    paste,
    press,
    states,
    take_back,
    tie,
)


@pytest.fixture(autouse=True)
async def tied(store: Store) -> None:
    await tie(store)


async def paste_each(store: Store, *numbers: int) -> None:
    """One message per link."""
    for number in numbers:
        await paste(store, monitor(number), ts=f"1001.{number:06}")


async def post(store: Store, card: Card, ts: str = "1000.000900") -> None:
    async with store.write() as tx:
        await cards.shown(tx, card.id, card.version, ts, "digest")


async def due_in(store: Store, card: Card) -> float:
    due = select(schema.jobs.c.due_at).where(schema.jobs.c.kind == JobKind.CARD, schema.jobs.c.key == card.id)
    async with store.read() as connection:
        return (await connection.execute(due)).scalar_one() - await now(connection)


async def test_a_card_knows_its_thread_and_which_message_brought_what(store):
    await paste(store, monitor(1))
    await paste(store, monitor(2), ts="1000.000300", poster="U0BEN")
    card = await card_of(store)
    assert (card.thread, card.ts, card.continued) == (THREAD, None, False)
    brought = [(item.poster, item.message_ts) for item in await items_of(store, card)]
    assert brought == [("U0ANA", REPLY), ("U0BEN", "1000.000300")]


async def test_links_that_come_later_join_the_card_as_a_group_of_their_own(store):
    await paste(store, *monitors(1, 2))
    first = (await card_of(store)).version
    await paste(store, monitor(3), ts="1000.000300")
    card = await card_of(store)
    assert card.version == first + 1
    items = await items_of(store, card)
    assert [(item.resource_id, item.group, item.joined_version) for item in items] == [
        ("1", 1, first),
        ("2", 1, first),
        ("3", 2, card.version),
    ]


async def test_no_group_is_larger_than_slack_takes(store):
    await paste(store, *monitors(*range(14)))
    await paste(store, monitor(99), ts="1000.000300")
    groups = [item.group for item in await items_of(store, await card_of(store))]
    assert groups == GROUP_HOLDS * [1] + 4 * [2] + [3]


@pytest.mark.parametrize("messages", [[range(20), [20]], [range(30)]], ids=["later", "at once"])
async def test_links_beyond_the_twentieth_get_a_card_of_their_own(store, messages: list[Iterable[int]]):
    for number, links in enumerate(messages):
        await paste(store, *monitors(*links), ts=f"1000.00020{number}")
    rest = len([link for links in messages for link in links]) - CARD_HOLDS
    assert [len(held) for held in await on_cards(store)] == [CARD_HOLDS, rest]
    assert [card.continued for card in await cards_of(store)] == [False, False]
    assert set((await states(store)).values()) == {State.OFFERED}


async def test_a_full_card_that_was_decided_in_part_hands_over_what_is_undecided(store):
    await paste(store, *monitors(*range(19)))
    version = (await card_of(store)).version
    await paste(store, monitor(19), ts="1000.000300")
    await press(store, await card_of(store), Action.DISMISS, version=version)
    await paste(store, monitor(20), ts="1000.000400")
    old, new = await cards_of(store)
    assert [len(held) for held in await on_cards(store)] == [19, 2]
    assert [old.continued, new.continued] == [True, False]
    assert (await on_cards(store))[1] == ["19", "20"]


async def test_a_card_that_is_old_hands_over_what_is_undecided(store):
    await paste(store, monitor(1))
    card = await card_of(store)
    await age(store, card, CARD_OPEN_SECONDS + 1)
    await paste(store, monitor(2), ts="1000.000300")
    old, new = await cards_of(store)
    assert await on_cards(store) == [[], ["1", "2"]]
    assert (old.id, old.continued, old.version) == (card.id, True, card.version + 1)
    assert set(await jobs_of(store, JobKind.CARD)) == {old.id, new.id}


async def test_a_card_that_is_not_old_yet_is_joined(store):
    await paste(store, monitor(1))
    await age(store, await card_of(store), CARD_OPEN_SECONDS - 60)
    await paste(store, monitor(2), ts="1000.000300")
    assert await on_cards(store) == [["1", "2"]]


async def test_an_old_card_where_all_is_decided_is_not_continued(store):
    await paste(store, monitor(1))
    await press(store, await card_of(store), Action.DISMISS)
    await age(store, await card_of(store), CARD_OPEN_SECONDS + 1)
    await paste(store, monitor(2), ts="1000.000300")
    assert await on_cards(store) == [["1"], ["2"]]
    assert [card.continued for card in await cards_of(store)] == [False, False]


async def test_forty_alerts_about_twelve_monitors_make_one_card(store):
    await paste_each(store, *(number % 12 for number in range(40)))
    assert [len(held) for held in await on_cards(store)] == [12]


async def test_a_card_that_slack_refused_for_good_is_joined_no_more(store):
    await paste(store, monitor(1))
    async with store.write() as tx:
        await cards.end(tx, (await card_of(store)).id, "is_archived")
    await paste(store, monitor(2), ts="1000.000300")
    assert [card.ended for card in await cards_of(store)] == ["is_archived", None]


async def test_what_was_withdrawn_joins_again_as_a_new_group(store):
    await paste(store, *monitors(1, 2))
    await take_back(store, 1)
    await paste(store, monitor(1), ts="1000.000300")
    assert [(item.resource_id, item.group) for item in await items_of(store, await card_of(store))] == [
        ("2", 1),
        ("1", 2),
    ]


# --- when it is shown ---


async def test_a_card_waits_two_seconds_for_more_links(store):
    await paste(store, monitor(1))
    assert await due_in(store, await card_of(store)) <= 2


async def test_every_further_link_makes_the_card_wait_again_but_not_longer_than_five_seconds(store):
    await paste(store, monitor(1))
    card = await card_of(store)
    await age(store, card, 2)
    await paste(store, monitor(2), ts="1000.000300")
    assert await due_in(store, card) <= 2
    await age(store, card, 2)
    await paste(store, monitor(3), ts="1000.000400")
    assert await due_in(store, card) <= 1, "five seconds after the first"


async def test_a_card_in_slack_is_due_for_its_newer_version_only(store):
    await paste(store, monitor(1))
    card = await card_of(store)
    async with store.write() as tx:
        await cards.shown(tx, card.id, card.version, "1000.000900", "digest")
    await paste(store, monitor(2), ts="1000.000300")
    newer = await card_of(store)
    assert (newer.shown_version, newer.ts) == (card.version, "1000.000900")
    assert newer.version > newer.shown_version
    assert (await card_of(store)).ts == "1000.000900"


async def test_a_post_that_was_answered_is_not_looked_for(store):
    await paste(store, monitor(1))
    card = await card_of(store)
    async with store.write() as tx:
        await cards.posting(tx, card.id, await now(tx))
    assert (await card_of(store)).posting_since is not None
    await post(store, card)
    assert (await card_of(store)).posting_since is None


# --- moves ---


async def move(store: Store, resource_id: str, change: Change, was: State | None = None) -> bool:
    items = await items_of(store, await card_of(store))
    item = next(each for each in items if each.resource_id == resource_id)
    async with store.write() as tx:
        return await cards.move(tx, [item.id], change, was=was or item.state) == [item.id]


async def test_the_store_refuses_a_move_that_does_not_exist_or_from_where_the_insight_no_longer_is(store):
    await paste(store, monitor(1))
    assert not await move(store, "1", Change(State.ADDED, 1.0))
    assert not await move(store, "1", Change(State.DISMISSED, 1.0), was=State.CONFIRMED)
    assert await states(store) == {"1": State.OFFERED}
    assert await move(store, "1", Change(State.DISMISSED, 1.0), was=State.OFFERED)


async def test_only_a_deliberate_door_brings_back_what_was_dismissed(store):
    await paste(store, monitor(1))
    await press(store, await card_of(store), Action.DISMISS)
    assert not await move(store, "1", Change(State.CONFIRMED, 1.0))
    assert await move(store, "1", Change(State.CONFIRMED, 1.0, deliberate=True))


async def test_a_move_of_the_bots_own_keeps_the_name_of_the_person_before(store):
    await paste(store, monitor(1))
    await press(store, await card_of(store), Action.ADD, 1, by="U0BEN")
    assert await move(store, "1", Change(State.ADDED, 7.0, ours=True))
    (item,) = await items_of(store, await card_of(store))
    assert (item.by, item.at, item.ours) == ("U0BEN", 7.0, True)


async def test_a_card_that_does_not_exist_is_none(store):
    async with store.read() as connection:
        assert await cards.get(connection, "none such") is None
