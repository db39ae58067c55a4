"""A way back: what was removed or dismissed is shown, offered back to who pastes it again, and added back."""

import pytest

from bot.insights.clicks import Action
from bot.model import State, TieKind
from bot.services import decided, ties, watching
from bot.services.checks import UserError
from bot.services.responder import text_of
from bot.store import ties as stored
from tests.services.conftest import ANA, BEN, CHANNEL, GUEST, KEY, TEAM, link
from tests.store.conftest import CASE, OTHER_CASE, card_of, items_of, monitors, paste, press, states, tie, tie_by_hand


@pytest.fixture
async def thread(office):
    """A thread with a card on which Ben dismissed the monitors 1 and 2."""
    thread = office.thread()
    await tie(office.store, thread)
    await paste(office.store, *monitors(1, 2), thread=thread)
    await press(office.store, await card_of(office.store, thread), Action.DISMISS, by=BEN)
    return thread


async def add_back(office, thread, user=ANA, *, here=None, message_ts="", tell=False, which=0) -> str:
    card = await card_of(office.store, thread)
    insight = (await items_of(office.store, card))[which].id
    place = here or thread
    return await text_of(await decided.add_back(office.context, place, user, card.id, insight, message_ts, tell=tell))


async def test_what_was_dismissed_is_added_back_by_a_press_and_the_rest_stays(office, thread):
    assert await add_back(office, thread) == "", "the card shows it"
    assert await states(office.store) == {"1": State.CONFIRMED, "2": State.DISMISSED}
    assert (await add_back(office, thread, BEN)).startswith("Monitor 1: Ana is already adding it.")
    assert (await add_back(office, thread, tell=True, which=1)).startswith(f"Adding 1 insight to {KEY}. See <")


async def test_who_may_not_change_the_case_adds_nothing_back(office, thread):
    with pytest.raises(UserError, match=f"^Only full members of Acme can change {KEY}"):
        await add_back(office, thread, GUEST)
    with pytest.raises(UserError, match="no longer has this card"):
        await decided.add_back(
            office.context, thread, ANA, (await card_of(office.store, thread)).id, 999, "", tell=True
        )
    assert set((await states(office.store)).values()) == {State.DISMISSED}


async def test_show_lists_all_that_is_decided(office, thread):
    card = await card_of(office.store, thread)
    said = await text_of(await decided.show(office.context, TEAM, card.id))
    assert said.startswith("Dismissed by Ben, ")
    with pytest.raises(UserError):
        await decided.show(office.context, "T0OTHER", card.id)


async def paste_again(office, thread, user, text) -> list[str]:
    message = office.slack.message(CHANNEL, user, text, thread_ts=thread.ts)
    await watching.watch(office.context, TEAM, {**message, "type": "message", "channel": CHANNEL}, shared=False)
    await office.context.background.drain(5)
    return office.privately(user)


async def test_who_pastes_again_what_was_dismissed_is_told_once_who_did_that_and_can_add_it_back(office, thread):
    [said] = await paste_again(office, thread, ANA, link(1))
    assert said.startswith(f"Ben dismissed Monitor 1 for {KEY}, <!date^")
    assert await paste_again(office, thread, ANA, f"again {link(1)}") == [said], "once"
    assert (await paste_again(office, thread, BEN, link(1)))[0].startswith("You dismissed Monitor 1")
    assert len(await paste_again(office, thread, ANA, link(2))) == 2
    assert await paste_again(office, thread, GUEST, link(1)) == [], "guests are told nothing of a case"


async def test_what_was_dismissed_elsewhere_is_added_back_where_it_was_pasted_again(office, thread):
    here = office.thread()
    await tie(office.store, here)
    assert await paste_again(office, here, ANA, link(1))
    await add_back(office, thread, here=here, message_ts=here.ts)
    assert (await states(office.store))["1"] is State.CONFIRMED
    assert [item.resource_id for item in await items_of(office.store, await card_of(office.store, here))] == ["1"]


async def test_a_page_without_an_id_pasted_alone_says_so_once(office):
    thread = office.thread()
    await tie(office.store, thread)
    page = "https://app.datadoghq.com/apm/recommendations"
    [said] = await paste_again(office, thread, ANA, page)
    assert "a page without an id" in said
    assert len(await paste_again(office, thread, ANA, f"and {page}")) == 1
    assert await paste_again(office, thread, GUEST, page) == []


async def test_untie_takes_back_what_a_person_said_and_then_what_the_root_says_counts(office):
    thread = office.thread(f"see https://app.datadoghq.com/cases/{KEY}")
    await tie(office.store, thread)
    await tie_by_hand(office.store, thread, OTHER_CASE, ANA)
    await ties.untie(office.context, thread, ANA)
    async with office.store.read() as connection:
        assert await stored.of(connection, thread) is None, "its root is read again"
    await tie(office.store, thread, CASE)
    await ties.untie(office.context, thread, ANA)
    async with office.store.read() as connection:
        tied = await stored.of(connection, thread)
    assert tied is not None
    assert tied.kind is TieKind.NONE
