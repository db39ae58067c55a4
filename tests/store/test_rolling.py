"""In a tied channel the posts of bots share a rolling card: many alerts are few cards, and nothing twice."""

import pytest
from sqlalchemy import select, update

from bot.insights import Candidate, ScannedMessage
from bot.model import Thread
from bot.store import Store, schema, sightings
from tests.store.conftest import CASE, THREAD, ask, column, monitor, run, states, tie_by_hand


@pytest.fixture(autouse=True)
async def tied_channel(store: Store) -> None:
    await tie_by_hand(store, THREAD.whole_channel, CASE, "U0ANA")


async def post(store: Store, minute: float, number: int, *, bot: bool, thread: Thread | None = None) -> Thread:
    """A top-level post (or a reply) with one monitor, half a minute after the one before it."""
    ts = f"{2000 + minute:.6f}"
    place = thread or Thread(THREAD.workspace, THREAD.channel, ts)
    found = (Candidate(monitor(number), (CASE.org,)),)
    await sightings.sight(store, ScannedMessage(place, ts, "B0DATADOG" if bot else "U0BEN", found, by_bot=bot), ask)
    await run(store, update(schema.cards).values(first_link_at=schema.cards.c.first_link_at - 30.0))
    return place


async def test_forty_posts_in_twenty_minutes_about_twelve_resources_make_at_most_three_cards(store):
    """25 alerts about eleven monitors; people answer them in their threads, post them again; Ben brings a twelfth."""
    alert, alerts = None, 0
    for number in range(40):
        if number % 8 in (2, 5, 7):
            again = 11 if number == 21 else (alerts - 1) % 11
            await post(store, number / 2, again, bot=False, thread=alert if number % 2 else None)
        else:
            alert = await post(store, number / 2, alerts % 11, bot=True)
            alerts += 1
    assert alerts == 25
    assert len(await column(store, select(schema.cards.c.id))) <= 3
    assert len(await states(store)) == 12


async def test_a_persons_own_post_in_a_tied_channel_gets_its_own_card(store):
    await post(store, 0, 1, bot=True)
    mine = await post(store, 1, 2, bot=False)
    assert set(await column(store, select(schema.cards.c.thread_ts))) == {"2000.000000", mine.ts}


async def test_a_rolling_card_takes_over_from_its_threads_own(store):
    """An alert that joined a card was answered with a link of a person; it is edited when that card is old."""
    await post(store, 0, 1, bot=True)
    alert = await post(store, 1, 2, bot=True)
    await post(store, 2, 3, bot=False, thread=alert)
    await run(store, update(schema.cards).values(first_link_at=schema.cards.c.first_link_at - 3600.0))
    found = (Candidate(monitor(4), (CASE.org,)),)
    assert (
        await sightings.sight(store, ScannedMessage(alert, alert.ts, "B0DATADOG", found, by_bot=True), ask)
    ).new == 1
    assert len(await column(store, select(schema.cards.c.id).where(schema.cards.c.open))) == 1
    assert len(await states(store)) == 4
