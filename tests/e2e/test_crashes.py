"""The bot is killed at the worst moments, and nothing is lost or done twice.

The sandbox's Datadog duplicates an insight that is put twice; the journal shows where the kill struck.
"""

import asyncio
import json

import pytest

from bot.sandbox.control import Json
from tests.e2e.bench import DELETE, GET, KEY, PUT, Bench, monitor


@pytest.mark.parametrize("killed", [False, True], ids=["the database is busy", "killed before the commit"])
async def test_an_event_that_could_not_be_stored_comes_again_and_makes_one_card(b: Bench, *, killed: bool) -> None:
    """K8, K22."""
    root = b.start_thread()
    await b.handled()
    before = len(b.calls("socket:events_api"))
    with b.locked_database():
        b.reply(root, monitor(9))
        await b.control.until(lambda: len(b.calls("socket:events_api")) > before, what="the event to arrive")
        [event, *_] = b.calls("socket:events_api")[before:]
        if killed:
            await b.kill()
        await b.control.until(lambda: event.done and event.status is None, what="no acknowledgement")
    await b.start()
    await b.card(root, "Add 1 insight")
    await b.handled()
    assert len(b.cards(root)) == 1


AROUND_A_CALL = pytest.mark.parametrize(
    ("hold", "carried_out", "calls"),
    [({"hold": "before", "drop": "before"}, 0, 2), ({"hold": "after"}, 1, 1)],
    ids=["before the call arrives", "before its answer"],
)


@AROUND_A_CALL
async def test_killed_around_a_put_it_is_added_once(b: Bench, hold: Json, carried_out: int, calls: int) -> None:
    """K8, K26."""
    root, card = await b.offer(9)
    async with b.killed_at(PUT, **hold):
        await b.click(card, "insights.add")
    assert len(b.on_case) == carried_out
    await b.start()
    await b.card(root, "Added to CASEM-4523 by Ana")
    await b.handled()
    assert b.on_case == [("MONITOR", "9", "/monitors/9")]
    assert len(b.calls(PUT)) == calls
    reads = [call for call in b.calls(GET) if call.path.endswith(b.datadog.cases[KEY].id)]
    assert reads, "it looked before it sent again"


async def test_killed_between_answer_and_commit_it_is_added_once(b: Bench) -> None:
    """K8, K26."""
    root, card = await b.offer(9)
    b.control.rule("datadog", PUT, hold="after", times=1)
    await b.click(card, "insights.add")
    put = await b.held(PUT)
    await b.control.until(lambda: "Adding 1 insight" in b.cards(root)[0]["text"], what="the card to say adding")
    with b.locked_database():
        b.control.release()
        await b.control.until(lambda: put.done and put.status == 200, what="Datadog's answer")
        await b.kill()
    await b.age_unfinished_work()
    await b.start()
    await b.card(root, "Added to CASEM-4523 by Ana")
    await b.handled()
    assert len(b.calls(PUT)) == 1
    assert len(b.on_case) == 1


@AROUND_A_CALL
async def test_killed_around_the_cards_post_there_is_one_card(
    b: Bench, hold: Json, carried_out: int, calls: int
) -> None:
    root = b.start_thread()
    async with b.killed_at("chat.postMessage", **hold):
        b.reply(root, monitor(9))
    assert len(b.cards(root)) == carried_out, "Slack has posted it, or not"
    await b.start()
    again = "chat.update" if carried_out else "chat.postMessage"
    await b.control.until(lambda: len(b.calls(again)) == 2 - carried_out, timeout=20, what="the card to be shown again")
    await b.click(await b.card(root, "Add 1 insight"), "insights.add")
    await b.card(root, "Added to CASEM-4523 by Ana")
    await b.handled()
    assert (len(b.cards(root)), len(b.calls("chat.postMessage"))) == (1, calls)


async def test_a_button_on_a_card_from_before_a_restart_works(b: Bench) -> None:
    """K9."""
    root, card = await b.offer(9)
    await b.restart()
    await b.click(card, "insights.add", "U0BEN")
    await b.card(root, "Added to CASEM-4523 by Ben")
    assert len(b.on_case) == 1


async def test_an_undo_whose_answer_got_lost_is_done_once(b: Bench) -> None:
    root, added = await b.added(9)
    async with b.killed_at(DELETE, hold="after"):
        await b.click(added, "insights.undo")
    await b.start()
    await b.card(root, "Removed from CASEM-4523 by Ana")
    await b.handled()
    assert b.on_case == []


async def test_asked_to_stop_it_finishes_the_put_under_way_and_ends_with_success(own: Bench) -> None:
    _, card = await own.offer(9)
    own.control.rule("datadog", PUT, hold="before", times=1)
    await own.click(card, "insights.add")
    await own.held(PUT)
    stopping = asyncio.create_task(own.bot.stop())
    await own.control.until(lambda: not own.slack.socket.connections, what="no more events to be taken")
    own.control.release()
    assert await stopping == 0
    assert [call.status for call in own.calls(PUT)] == [200]
    assert "[warning" not in own.log
    assert "[error" not in own.log
    *_, last = await own.run_command("audit", "--json")
    move = json.loads(last)
    assert (move["case"], move["resource_id"], move["old"], move["new"]) == (KEY, "9", "confirmed", "added")
