"""Cards: which insights share one, when another takes over, and when it is shown."""

from collections.abc import Iterable

import pytest
from sqlalchemy import delete

from bot.insights import CARD_HOLDS, CARD_OPEN_SECONDS
from bot.insights.clicks import Action
from bot.model import Card, State
from bot.store import Store, cards, now, open_cards, schema
from bot.store.cards import Change
from bot.store.open_cards import GROUP_HOLDS
from bot.store.transaction import JobKind
from tests.store.conftest import (
    LATER,
    LATER_STILL,
    REPLY,
    THREAD,
    age,
    card_of,
    cards_of,
    due_in,
    items_of,
    jobs_of,
    monitor,
    monitors,
    on_cards,
    paste,
    press,
    run,
    states,
    take_back,
    write,
)

pytestmark = pytest.mark.usefixtures("tied")


async def post(store: Store, card: Card) -> None:
    await write(store, cards.shown, card.id, card.version, "1000.000900", "digest")


async def test_links_that_come_later_join_the_card_as_a_group_of_their_own_with_who_brought_them(store):
    await paste(store, *monitors(1, 2))
    first = (await card_of(store)).version
    await paste(store, monitor(3), ts=LATER, poster="U0BEN")
    card = await card_of(store)
    assert (card.thread, card.ts, card.continued_in, card.version) == (THREAD, None, None, first + 1)
    items = await items_of(store, card)
    assert [(item.resource_id, item.group, item.joined_version, item.poster, item.message_ts) for item in items] == [
        ("1", 1, first, "U0ANA", REPLY),
        ("2", 1, first, "U0ANA", REPLY),
        ("3", 2, card.version, "U0BEN", LATER),
    ]


async def test_no_group_is_larger_than_slack_takes(store):
    await paste(store, *monitors(*range(14)))
    await paste(store, monitor(99), ts=LATER)
    groups = [item.group for item in await items_of(store, await card_of(store))]
    assert groups == GROUP_HOLDS * [1] + 4 * [2] + [3]


@pytest.mark.parametrize("messages", [[range(20), [20]], [range(30)]], ids=["later", "at once"])
async def test_links_beyond_the_twentieth_get_a_card_of_their_own(store, messages: list[Iterable[int]]):
    for number, links in enumerate(messages):
        await paste(store, *monitors(*links), ts=f"1000.00020{number}")
    rest = len([link for links in messages for link in links]) - CARD_HOLDS
    assert [len(held) for held in await on_cards(store)] == [CARD_HOLDS, rest]
    assert [card.continued_in for card in await cards_of(store)] == [None, None]
    assert set((await states(store)).values()) == {State.OFFERED}


async def test_a_full_card_that_was_decided_in_part_hands_over_what_is_undecided(store):
    await paste(store, *monitors(*range(19)))
    version = (await card_of(store)).version
    await paste(store, monitor(19), ts=LATER)
    await press(store, await card_of(store), Action.DISMISS, version=version)
    await paste(store, monitor(20), ts=LATER_STILL)
    old, new = await cards_of(store)
    assert [len(held) for held in await on_cards(store)] == [19, 2]
    assert [old.continued_in, new.continued_in] == [new.id, None]
    assert (await on_cards(store))[1] == ["19", "20"]


async def test_a_card_is_joined_until_it_is_old_and_then_hands_over_what_is_undecided(store, card):
    await age(store, card, CARD_OPEN_SECONDS - 60)
    await paste(store, monitor(2), ts=LATER)
    assert await on_cards(store) == [["1", "2"]]
    joined = await card_of(store)
    await age(store, card, 61)
    await paste(store, monitor(3), ts=LATER_STILL)
    old, new = await cards_of(store)
    assert await on_cards(store) == [[], ["1", "2", "3"]]
    assert (old.id, old.continued_in, old.version) == (card.id, new.id, joined.version + 1)
    assert set(await jobs_of(store, JobKind.CARD)) == {old.id, new.id}


async def test_an_old_card_where_all_is_decided_is_not_continued(store, card):
    await press(store, card, Action.DISMISS)
    await age(store, card, CARD_OPEN_SECONDS + 1)
    await paste(store, monitor(2), ts=LATER)
    assert await on_cards(store) == [["1"], ["2"]]
    assert [card.continued_in for card in await cards_of(store)] == [None, None]


CHAT = [f"1000.{number:06}" for number in range(901, 907)]
"""Six messages below the card that `post` puts into Slack."""


@pytest.mark.parametrize(
    ("latest", "held"),
    [
        (CHAT, [[], ["1", "2"]]),
        (CHAT[:5], [["1", "2"]]),
        ([REPLY, LATER, *CHAT[:5]], [["1", "2"]]),  # the first two lie above it
    ],
)
async def test_a_link_far_below_the_card_gets_one_at_the_bottom_and_what_is_undecided_moves_there(
    store, card, latest: list[str], held: list[list[str]]
):
    await post(store, card)
    await paste(store, monitor(2), ts="1000.000907", latest=latest)
    assert await on_cards(store) == held
    *old, new = await cards_of(store)
    assert [card.continued_in for card in old] == [new.id] * len(old)
    assert new.continued_in is None


async def test_the_old_card_says_so_once_the_new_one_has_an_address_or_after_half_a_minute(store, card):
    await post(store, card)
    await run(store, delete(schema.jobs))
    await paste(store, monitor(2), ts="1000.000907", latest=CHAT)
    _, new = await cards_of(store)
    assert 25 < await due_in(store, card.id) <= 30
    assert await due_in(store, new.id) <= 0
    await write(store, open_cards.link_back, new.id)
    assert await due_in(store, card.id) <= 0


async def test_a_card_that_nobody_has_seen_yet_is_not_far_and_one_full_of_questions_keeps_them(store, card):
    await paste(store, *monitors(*range(2, 21)), ts=LATER, latest=CHAT)
    await post(store, await card_of(store))
    await paste(store, monitor(21), ts="1000.000907", latest=CHAT)
    assert [len(held) for held in await on_cards(store)] == [20, 1]


async def test_a_link_that_joined_a_card_unseen_moves_on_whatever_became_of_it_meanwhile(store, card):
    await post(store, card)
    await paste(store, *monitors(2, 3), ts=LATER)
    await press(store, card, Action.ADD, 1)
    for number, action in ((2, Action.ADD), (3, Action.DISMISS)):
        seen = [item.joined_version for item in await items_of(store, card) if item.resource_id == str(number)]
        await press(store, card, action, *([number] if action is Action.ADD else []), version=max(seen))
    async with store.write() as tx:
        await open_cards.move_down(tx, card, await now(tx))
    assert await on_cards(store) == [["1", "3"], ["2"]]


async def test_a_draft_that_nobody_answers_holds_no_card_open_and_leaves_it_with_the_next_link(store, card):
    await paste(store, monitor(7), ts=LATER, draft=True)
    assert await on_cards(store) == [["1", "7"]]
    await post(store, await card_of(store))
    await press(store, card, Action.ADD, 1)
    assert await on_cards(store) == [["1", "7"]], "a settled card keeps its draft as long as nothing new comes"
    await paste(store, monitor(2), ts=LATER_STILL)
    assert await on_cards(store) == [["1"], ["7", "2"]]


async def test_a_card_of_drafts_alone_is_joined(store, tied):
    await paste(store, monitor(7), draft=True)
    await post(store, await card_of(store))
    await paste(store, monitor(2), ts=LATER)
    assert await on_cards(store) == [["7", "2"]]


async def test_forty_alerts_about_twelve_monitors_make_one_card(store):
    for number in range(40):
        await paste(store, monitor(number % 12), ts=f"1001.{number % 12:06}")
    assert [len(held) for held in await on_cards(store)] == [12]


async def test_a_card_that_slack_refused_for_good_is_joined_no_more(store, card):
    await write(store, cards.end, card.id, "is_archived")
    await paste(store, monitor(2), ts=LATER)
    assert [card.ended for card in await cards_of(store)] == ["is_archived", None]


async def test_what_was_withdrawn_joins_again_as_a_new_group(store):
    await paste(store, *monitors(1, 2))
    await take_back(store, 1)
    await paste(store, monitor(1), ts=LATER)
    items = await items_of(store, await card_of(store))
    assert [(item.resource_id, item.group) for item in items] == [("2", 1), ("1", 2)]


# --- when it is shown ---


async def test_a_card_waits_two_seconds_after_each_link_but_not_longer_than_five(store, card):
    assert await due_in(store, card.id) <= 2
    await age(store, card, 2)
    await paste(store, monitor(2), ts=LATER)
    assert await due_in(store, card.id) <= 2
    await age(store, card, 2)
    await paste(store, monitor(3), ts=LATER_STILL)
    assert await due_in(store, card.id) <= 1, "five seconds after the first"


async def test_a_card_in_slack_is_due_for_its_newer_version_only(store, card):
    await post(store, card)
    await paste(store, monitor(2), ts=LATER)
    newer = await card_of(store)
    assert (newer.shown_version, newer.ts) == (card.version, "1000.000900")
    assert newer.version > newer.shown_version


async def test_a_post_that_was_answered_is_not_looked_for(store, card):
    async with store.write() as tx:
        await cards.posting(tx, card.id, await now(tx))
    assert (await card_of(store)).posting_since is not None
    await post(store, card)
    assert (await card_of(store)).posting_since is None


# --- moves ---


async def move(store: Store, change: Change, was: State | None = None) -> bool:
    [item] = await items_of(store, await card_of(store))
    return list(await write(store, cards.move, [item.id], change, was=was or item.state)) == [item.id]


async def test_the_store_refuses_a_move_that_does_not_exist_or_from_where_the_insight_no_longer_is(store, card):
    assert not await move(store, Change(State.ADDED, 1.0))
    assert not await move(store, Change(State.DISMISSED, 1.0), was=State.CONFIRMED)
    assert await states(store) == {"1": State.OFFERED}
    assert await move(store, Change(State.DISMISSED, 1.0), was=State.OFFERED)


async def test_only_a_deliberate_door_brings_back_what_was_dismissed(store, card):
    await press(store, card, Action.DISMISS)
    assert not await move(store, Change(State.CONFIRMED, 1.0))
    assert await move(store, Change(State.CONFIRMED, 1.0, deliberate=True))


async def test_a_move_of_the_bots_own_keeps_the_name_of_the_person_before(store, card):
    await press(store, card, Action.ADD, 1, by="U0BEN")
    assert await move(store, Change(State.ADDED, 7.0, ours=True))
    (item,) = await items_of(store, await card_of(store))
    assert (item.by, item.at, item.ours) == ("U0BEN", 7.0, True)


async def test_a_card_that_does_not_exist_is_none(store):
    async with store.read() as connection:
        assert await cards.get(connection, "none such") is None
