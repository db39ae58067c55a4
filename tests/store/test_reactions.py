"""A reaction is carried out once, as of its latest event; taken off, it cancels what it confirmed and nobody sent."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from bot.insights.clicks import Action
from bot.model import State
from bot.services.additions import Addition, add
from bot.store import Store, cards, now, reactions, schema
from bot.store.reactions import Reaction
from tests.store.conftest import CASE, REPLY, THREAD, card_of, monitors, press, run, states

SET = Reaction(THREAD.whole_channel, REPLY, "U0ANA", "1001.000100")
OFF = replace(SET, event_ts="1001.000200")


async def put(store: Store, reaction: Reaction, *numbers: int) -> bool:
    """Set it on a message with these monitors; False: it was heard before."""
    async with store.write() as tx:
        at = await now(tx)
        if not await reactions.hear(tx, reaction, at, CASE):
            return False
        links = monitors(*numbers)
        await add(tx, Addition(THREAD, CASE.org, CASE.case_id, links, reaction.user, REPLY, reaction.user), at)
    return True


async def take_off(store: Store, reaction: Reaction) -> None:
    async with store.write() as tx:
        change = cards.Change(State.DISMISSED, await now(tx), by=reaction.user)
        await reactions.take_off(tx, reaction, change)


async def test_each_event_counts_once_and_none_that_is_older(store: Store, card: object):
    assert [await put(store, SET, 3) for _ in range(2)] == [True, False]
    await take_off(store, OFF)
    assert not await put(store, SET, 3)
    assert (await states(store))["3"] is State.DISMISSED
    assert await put(store, replace(SET, event_ts="1001.000300"), 3)
    await take_off(store, OFF)
    assert (await states(store))["3"] is State.CONFIRMED


async def test_taken_off_it_cancels_what_it_confirmed_and_nothing_else(store: Store, card: object):
    await press(store, await card_of(store), Action.ADD, 1)
    assert await put(store, SET, 3, 4)
    assert await put(store, replace(SET, user="U0BEN"), 5)
    sent = update(schema.insights).where(schema.insights.c.resource_id == "4").values(sent_at=1.0)
    await run(store, sent)
    await take_off(store, OFF)
    cancelled = {number for number, state in (await states(store)).items() if state is State.DISMISSED}
    assert cancelled == {"3"}


@pytest.mark.parametrize("case", [None, CASE])
async def test_taken_off_before_it_was_heard_it_is_never_heard(store: Store, card: object, case):
    await take_off(store, OFF)
    async with store.write() as tx:
        assert not await reactions.hear(tx, SET, await now(tx), case)
    async with store.read() as connection:
        assert [await reactions.was_heard(connection, one) for one in (SET, OFF)] == [True, True]
