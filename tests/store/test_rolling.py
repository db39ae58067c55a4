"""In a tied channel the posts of bots share a rolling card: many alerts are few cards, and nothing twice."""

from sqlalchemy import func, select, update

from bot.insights import Candidate
from bot.model import Thread, TieKind
from bot.store import Store, schema, sightings, ties
from bot.store.sightings import ScannedMessage
from tests.store.conftest import CASE, THREAD, ask, monitor, states, tie


async def tie_channel(store: Store) -> None:
    await tie(store, Thread("T0ACME", "C0ELSE", "1.0"))  # so that the case is known
    async with store.write() as tx:
        await ties.say(tx, THREAD.whole_channel, TieKind.TIED, "U0ANA", 1.0, org=CASE.org, case_id=CASE.case_id)


async def post(store: Store, minute: float, number: int, *, bot: bool, thread: Thread | None = None) -> Thread:
    """A top-level post (or a reply) with one monitor, half a minute after the one before it."""
    ts = f"{2000 + minute:.6f}"
    place = thread or Thread(THREAD.workspace, THREAD.channel, ts)
    found = (Candidate(monitor(number), (CASE.org,)),)
    await sightings.sight(store, ScannedMessage(place, ts, "B0DATADOG" if bot else "U0BEN", found, by_bot=bot), ask)
    async with store.write() as tx:
        await tx.execute(update(schema.cards).values(first_link_at=schema.cards.c.first_link_at - 30.0))
    return place


async def test_forty_posts_in_twenty_minutes_about_twelve_resources_make_at_most_three_cards(store):
    """25 alerts about eleven monitors; people answer them in their threads, post them again; Ben brings a twelfth."""
    await tie_channel(store)
    alert, alerts = None, 0
    for number in range(40):
        if number % 8 in (2, 5, 7):
            again = 11 if number == 21 else (alerts - 1) % 11
            await post(store, number / 2, again, bot=False, thread=alert if number % 2 else None)
        else:
            alert = await post(store, number / 2, alerts % 11, bot=True)
            alerts += 1
    assert alerts == 25
    async with store.read() as connection:
        cards = (await connection.execute(select(func.count()).select_from(schema.cards))).scalar_one()
    assert cards <= 3
    assert len(await states(store)) == 12


async def test_a_persons_own_post_in_a_tied_channel_gets_its_own_card(store):
    await tie_channel(store)
    await post(store, 0, 1, bot=True)
    mine = await post(store, 1, 2, bot=False)
    async with store.read() as connection:
        where = set((await connection.execute(select(schema.cards.c.thread_ts))).scalars())
    assert where == {"2000.000000", mine.ts}
