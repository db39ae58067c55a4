"""Notes: links that the thread's comment on the case keeps, against the sandbox's Datadog, on both databases."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.insights.clicks import Action
from bot.messages.case_comment import NOTES_HELD
from bot.model import Insight, NoteType, State
from bot.services.clicks import Click, apply
from bot.store import jobs, schema
from bot.store.cards import Timing
from bot.store.transaction import JobKind
from bot.worker import thread_comments
from bot.worker.loop import Worker
from bot.worker.outcomes import GiveUp
from tests.services.conftest import ANA, KEY
from tests.store.conftest import cards_of, column, jobs_of, monitor, paste, rows, run
from tests.worker.test_thread_comments import DELETE, LOST, POST, PUT, Desk, desk

__all__ = ["desk"]
STATES = select(schema.insights.c.resource_id, schema.insights.c.state, schema.insights.c.note)


def dashboard(number: int) -> Insight:
    return Insight(NoteType.NOTE, f"abc-{number}", f"/dashboard/abc-{number}?x=1", "app.datadoghq.com", "Dashboard")


async def pasted(desk: Desk, *found: Insight, ts: str = "1700000001.000200") -> None:
    await paste(desk.office.store, *found, thread=desk.thread, ts=ts)


async def press(desk: Desk, action: Action, by: str = ANA) -> None:
    """This button of each card, with everything on it ticked; the case's job hands notes on to the comment's."""
    store = desk.office.store
    for card in await cards_of(store, desk.thread):
        [version] = await column(store, select(schema.cards.c.version).where(schema.cards.c.id == card.id))
        held = select(schema.card_insights.c.insight).where(schema.card_insights.c.card == card.id)
        await apply(store, Click(card.id, version, action, by, frozenset(await column(store, held))))
    await handed_on(desk)


async def handed_on(desk: Desk) -> None:
    async with desk.office.store.write() as tx:
        claimed = await jobs.claim(tx, JobKind.CASE, 30.0)
    for job in claimed:
        await Worker(desk.office.context)._work(job)


async def states(desk: Desk) -> dict[str, str]:
    return {resource_id: state for resource_id, state, _ in await rows(desk.office.store, STATES)}


async def why(desk: Desk) -> str:
    return "".join([note for _, _, note in await rows(desk.office.store, STATES)])


async def test_a_note_is_added_with_the_comment_and_taken_off_with_it(desk: Desk):
    await pasted(desk, dashboard(1))
    await press(desk, Action.ADD)
    assert await states(desk) == {"abc-1": State.CONFIRMED}
    await desk.turns()
    assert await states(desk) == {"abc-1": State.ADDED}
    [text] = desk.comments
    assert text.startswith("Links added from Slack: https://acme.slack.com/archives/")
    assert "\n- Dashboard `abc-1`: <https://app.datadoghq.com/dashboard/abc-1?x=1>, added by `Ana` on 20" in text
    await press(desk, Action.UNDO)
    assert await states(desk) == {"abc-1": State.UNDOING}
    await desk.turns()
    assert (await states(desk), desk.comments) == ({"abc-1": State.UNDONE}, [])
    assert desk.calls() == ["POST", "DELETE"]
    assert desk.office.datadog.cases[KEY].insights == []


async def test_notes_beside_insights_are_one_comment(desk: Desk):
    await pasted(desk, monitor(1), dashboard(1), dashboard(2))
    await press(desk, Action.ADD)
    await handed_on(desk)
    await desk.turns()
    assert await states(desk) == {"1": State.ADDED, "abc-1": State.ADDED, "abc-2": State.ADDED}
    assert desk.comments[0].startswith("Insights and links added from Slack: ")
    assert desk.told == [["1", "abc-1", "abc-2"]]
    assert desk.calls() == ["POST"]


@pytest.mark.parametrize("rule", LOST.values(), ids=LOST)
async def test_whatever_becomes_of_a_call_each_note_is_there_once_and_told_so(desk: Desk, rule: dict[str, Any]):
    await pasted(desk, dashboard(1))
    desk.fail(POST, **rule)
    await press(desk, Action.ADD)
    await desk.turns()
    assert (desk.told, await states(desk)) == ([["abc-1"]], {"abc-1": State.ADDED})
    await pasted(desk, dashboard(2), monitor(3), ts="1700000002.000200")
    desk.fail(PUT, **rule)
    await press(desk, Action.ADD)
    await handed_on(desk)
    await desk.turns()
    assert sorted(desk.told[0]) == ["3", "abc-1", "abc-2"]
    desk.fail(PUT, **rule)
    await press(desk, Action.UNDO)
    await handed_on(desk)
    desk.fail(DELETE, **rule)
    await desk.turns()
    assert (desk.told, set((await states(desk)).values())) == ([], {State.UNDONE})


async def test_cancelled_before_the_comment_left_it_never_was_there(desk: Desk):
    await pasted(desk, dashboard(1))
    await press(desk, Action.ADD)
    await press(desk, Action.CANCEL)
    await desk.turns()
    assert (await states(desk), desk.calls()) == ({"abc-1": State.DISMISSED}, [])


async def test_cancelled_while_the_comment_may_arrive_it_is_taken_off(desk: Desk):
    desk.fail(POST, drop="after")
    await pasted(desk, dashboard(1))
    await press(desk, Action.ADD)
    await desk.turn()
    await press(desk, Action.CANCEL)
    assert await states(desk) == {"abc-1": State.UNDOING}
    await desk.turns()
    assert (await states(desk), desk.comments) == ({"abc-1": State.UNDONE}, [])


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "Datadog says: "),
        (403, "Datadog refused (403) the comment"),
        (404, "Datadog no longer has case"),
    ],
)
async def test_a_refused_comment_fails_its_notes_and_retry_adds_them(desk: Desk, status: int, said: str):
    await pasted(desk, dashboard(1))
    desk.fail(POST, status=status, body={"errors": ["no"]})
    await press(desk, Action.ADD)
    await desk.turns()
    assert await states(desk) == {"abc-1": State.FAILED}
    assert (await why(desk)).startswith(said)
    await press(desk, Action.RETRY)
    await desk.turns()
    assert (desk.told, await states(desk)) == ([["abc-1"]], {"abc-1": State.ADDED})


async def test_where_somebody_deleted_the_comment_no_note_is_kept_and_the_card_says_so(desk: Desk):
    await pasted(desk, dashboard(1))
    await press(desk, Action.ADD)
    await desk.turns()
    case = desk.office.datadog.cases[KEY]
    desk.office.datadog.cases.change_comment(case, case.cells[0], None)
    await pasted(desk, monitor(2), dashboard(2), ts="1700000002.000200")
    await press(desk, Action.ADD)
    await handed_on(desk)
    await desk.turns()
    assert await states(desk) == {"abc-1": State.ADDED, "2": State.ADDED, "abc-2": State.FAILED}
    assert (await why(desk)).startswith(f"Somebody deleted the bot's comment on {KEY}")
    await press(desk, Action.UNDO)
    await handed_on(desk)
    await desk.turns()
    assert (await states(desk))["abc-1"] == State.UNDONE, "it is not there any more"
    assert desk.comments == []


async def test_with_comments_switched_off_confirmed_notes_fail_and_added_ones_stay(desk: Desk):
    await pasted(desk, dashboard(1))
    await press(desk, Action.ADD)
    await desk.turns()
    await pasted(desk, dashboard(2), monitor(9), ts="1700000002.000200")
    await press(desk, Action.ADD)
    desk.office.context = replace(desk.office.context, timing=Timing(0.2))
    await desk.turns()
    assert (await states(desk))["abc-2"] == State.FAILED
    assert (await why(desk)).startswith("The bot writes no comments on cases now (CASE_INSIGHTS_COMMENT).")


async def test_what_the_comment_has_no_room_for_fails(desk: Desk):
    for at in range(0, NOTES_HELD + 1, 20):
        more = [dashboard(at + number) for number in range(min(20, NOTES_HELD + 1 - at))]
        await pasted(desk, monitor(1000 + at), *more, ts=f"1700000{at:03}.000200")
    await press(desk, Action.ADD)
    await handed_on(desk)
    await desk.turns()
    ended = await states(desk)
    assert sum(state == State.ADDED for name, state in ended.items() if name.startswith("abc")) == NOTES_HELD
    assert list(ended.values()).count(State.FAILED) == 1
    assert "has room for 50 links" in await why(desk)
    assert len(desk.told[0]) == NOTES_HELD + 3


async def test_a_comment_that_datadog_does_not_take_for_too_long_fails_its_notes(desk: Desk):
    await pasted(desk, dashboard(1))
    await press(desk, Action.ADD)
    await run(desk.office.store, update(schema.jobs).values(due_at=0.0))
    async with desk.office.store.write() as tx:
        [job] = await jobs.claim(tx, JobKind.COMMENT, 30.0)
    ended = await thread_comments.give_up(desk.office.context, job, GiveUp("gave_up", "Datadog is not answering."))
    async with desk.office.store.write() as tx:
        assert ended.write is not None
        await ended.write(tx)
    assert await states(desk) == {"abc-1": State.FAILED}
    assert "Given up after" in await why(desk)


async def test_the_case_s_job_has_nothing_to_do_with_notes_but_to_hand_them_on(desk: Desk):
    await pasted(desk, dashboard(1))
    await press(desk, Action.ADD)
    assert await jobs_of(desk.office.store, JobKind.CASE) == []
    assert len(await jobs_of(desk.office.store, JobKind.COMMENT)) == 1
    assert desk.office.datadog.control.calls == []
