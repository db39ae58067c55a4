"""A thread's comment on its case, against the sandbox's Datadog, whatever becomes of a call; on both databases."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.insights.clicks import Action
from bot.messages.case_comment import marker
from bot.model import State, Thread
from bot.services.additions import Addition, add
from bot.store import cases, jobs, now, retention, schema, shared_channels
from bot.store.cards import Timing
from bot.store.cases import DeliveryResult
from bot.store.transaction import JobKind
from bot.worker.loop import Worker
from bot.worker.thread_comments import collects
from tests.services.conftest import ANA, BEN, KEY, Office
from tests.store.conftest import CASE, cards_of, column, jobs_of, monitors, paste, press, run, tie, write

POST = "POST /api/v2/cases/{case_id}/comment"
PUT, DELETE = (f"{method} /api/v2/cases/{{case_id}}/comment/{{cell_id}}" for method in ("PUT", "DELETE"))
TIMELINE = "GET /api/v2/cases/{case_id}/timelines"
ROWS = schema.thread_comments
ODD: Any = {"data": [{"id": None, "type": "timeline_cell", "attributes": {}}]}


@dataclass(slots=True)
class Desk:
    """A thread about a case, and the job of its comment."""

    office: Office
    thread: Thread

    async def add(self, *numbers: int, by: str = ANA) -> None:
        """Somebody adds these monitors, and Datadog takes them."""
        await paste(self.office.store, *monitors(*numbers), thread=self.thread, ts=f"1700000{numbers[0]:03}.000200")
        newest = (await cards_of(self.office.store, self.thread))[-1]
        await press(self.office.store, newest, Action.ADD, *numbers, by=by)
        await self.settle(State.ADDED)

    async def undo(self, state: State = State.UNDONE) -> None:
        for card in await cards_of(self.office.store, self.thread):
            await press(self.office.store, card, Action.UNDO)
        await self.settle(state)

    async def settle(self, state: State) -> None:
        async with self.office.store.write() as tx:
            work = await cases.work(tx, CASE.org, self.case_id)
            results = [DeliveryResult(item, state, ours=True) for item in work]
            await cases.settle(tx, results, self.office.context.timing)

    async def turn(self) -> None:
        """One turn of the comment's job, as if it were due, and every call had ended long ago."""
        control = self.office.datadog.control
        await control.until(lambda: all(call.done for call in control.calls), what="the end of every call")
        await run(self.office.store, update(schema.jobs).values(due_at=0.0))
        await run(self.office.store, update(ROWS).where(ROWS.c.sent_at > 0).values(sent_at=ROWS.c.sent_at - 60))
        await run(self.office.store, update(schema.insights).values(at=schema.insights.c.at - 600))
        await self.claimed()

    async def claimed(self) -> None:
        async with self.office.store.write() as tx:
            [job] = await jobs.claim(tx, JobKind.COMMENT, 30.0)
        await Worker(self.office.context)._work(job)

    async def turns(self) -> None:
        """All turns until nothing is left to do."""
        for _ in range(6):
            if not await jobs_of(self.office.store, JobKind.COMMENT):
                return
            await self.turn()
        raise AssertionError("the job does not end")

    def fail(self, method: str, **rule: Any) -> None:
        self.office.datadog.control.rule("datadog", method, times=1, **rule)

    @property
    def case_id(self) -> str:
        return self.office.datadog.cases[KEY].id

    @property
    def comments(self) -> list[str]:
        return self.office.datadog.cases[KEY].comments

    @property
    def told(self) -> list[list[str]]:
        """The monitors that each comment names."""
        return [[line.split("`")[1] for line in text.splitlines() if line.startswith("- ")] for text in self.comments]

    def calls(self) -> list[str]:
        """Those that may change a comment."""
        made = [call.method for call in self.office.datadog.control.calls]
        return [method.partition(" ")[0] for method in made if method in (POST, PUT, DELETE)]


@pytest.fixture
async def desk(office: Office) -> Desk:
    office.context = replace(office.context, timing=Timing(0.2, comment=30.0))
    thread = office.thread()
    await tie(office.store, thread, replace(CASE, case_id=office.datadog.cases[KEY].id))
    return Desk(office, thread)


async def test_what_is_added_is_told_by_whom_and_edited_as_it_changes(desk: Desk):
    await desk.add(1, 2)
    await desk.turns()
    [text] = desk.comments
    assert f"https://acme.slack.com/archives/{desk.thread.channel}/p{desk.thread.ts.replace('.', '')}\n" in text
    assert "- Monitor `1`, added by `Ana` on 20" in text
    assert text.endswith(marker(desk.thread, desk.case_id))
    await desk.add(3, by=BEN)
    await desk.turns()
    assert desk.told == [["1", "2", "3"]]
    assert "`3`, added by `Ben`" in desk.comments[0]
    assert desk.calls() == ["POST", "PUT"]


async def test_when_all_is_undone_it_is_gone_and_comes_again_with_the_next_one(desk: Desk):
    await desk.add(1)
    await desk.turns()
    await desk.undo()
    await desk.turns()
    assert desk.comments == []
    await desk.add(2)
    await desk.turns()
    assert desk.told == [["2"]]
    assert desk.calls() == ["POST", "DELETE", "POST"]


async def test_an_undo_that_datadog_refuses_leaves_it_as_it_is(desk: Desk):
    await desk.add(1)
    await desk.turns()
    await desk.undo(State.ADDED)
    await desk.turns()
    assert desk.told == [["1"]]


async def test_what_is_undone_before_it_was_written_is_never_told(desk: Desk):
    await desk.add(1)
    await desk.undo()
    await desk.turns()
    assert desk.calls() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [((), 0), ((100,), 130), ((100, 120), 150), ((100, 215), 220), ((100, 190, 230), 220)],
    ids=["told before", "one", "two", "two minutes at most", "overdue"],
)
def test_changes_are_collected_for_thirty_seconds_after_the_last_and_two_minutes_after_the_first(changes, expected):
    assert collects(Timing(2.0, comment=30.0), changes, 225) == (expected - 225 if changes else 0)


async def test_while_more_may_change_nothing_is_written(desk: Desk):
    await desk.add(1)
    await run(desk.office.store, update(schema.jobs).values(due_at=0.0))
    await desk.claimed()
    assert desk.calls() == []
    [due] = await column(desk.office.store, select(schema.jobs.c.due_at).where(schema.jobs.c.kind == "comment"))
    assert due - await write(desk.office.store, now) == pytest.approx(30, abs=5)


async def test_each_thread_has_its_own_and_tells_what_was_added_there(desk: Desk):
    other = Desk(desk.office, desk.office.thread())
    await tie(desk.office.store, other.thread, replace(CASE, case_id=desk.case_id))
    await desk.add(1)
    await other.add(2)
    await desk.turns()
    assert sorted(desk.told) == [["1"], ["2"]]


async def test_in_a_shared_channel_nobody_is_named(desk: Desk):
    await shared_channels.remember(desk.office.store, desk.thread, shared=True)
    await desk.add(1)
    await desk.turns()
    assert "- Monitor `1`, added on 20" in desk.comments[0]
    assert "Ana" not in desk.comments[0]


@pytest.mark.parametrize(
    ("channel", "where"),
    [("C0INCIDENTS", "Slack: https://acme.slack.com/archives/C0INCIDENTS"), ("D0ANA", "a direct message in Slack.")],
    ids=["channel", "direct message"],
)
async def test_what_was_added_outside_of_a_thread_comes_from_its_channel(desk: Desk, channel: str, where: str):
    desk.thread = Thread(desk.thread.workspace, channel, "")
    addition = Addition(desk.thread, CASE.org, desk.case_id, monitors(1), ANA, "1700000000.000100", ANA)
    await write(desk.office.store, add, addition)
    await desk.settle(State.ADDED)
    await desk.turns()
    assert desk.comments[0].startswith(f"Insights added from {where}\n\n- Monitor `1`, added by `Ana` on ")


LOST = {
    "never done": {"drop": "before"},
    "done, unanswered": {"drop": "after"},
    "done late": {"delay": 1.3},
    "done, 500": {"status": 500, "apply": True},
    "refused for now": {"status": 503},
    "too many": {"status": 429, "headers": {"X-RateLimit-Reset": "0"}},
    "done, unreadable": {"body": ODD, "apply": True},
    "done, a page": {"body": "<html>", "apply": True},
}


@pytest.mark.parametrize("rule", LOST.values(), ids=LOST)
async def test_an_answer_that_got_lost_writes_nothing_twice(desk: Desk, rule: dict[str, Any]):
    desk.fail(POST, **rule)
    await desk.add(1)
    await desk.turn()
    await desk.add(2)
    await desk.turns()
    assert desk.told == [["1", "2"]]
    desk.fail(PUT, **rule)
    await desk.add(3)
    await desk.turns()
    assert desk.told == [["1", "2", "3"]]
    desk.fail(DELETE, **rule)
    await desk.undo()
    await desk.turn()
    assert len(desk.comments) <= 1
    await desk.add(4)
    await desk.turns()
    assert desk.told == [["4"]]


async def test_until_a_call_without_an_answer_must_have_ended_nothing_is_sent(desk: Desk):
    """It may still be carried out, and would then overwrite a newer one."""
    desk.fail(POST, drop="after")
    await desk.add(1)
    await desk.turn()
    await run(desk.office.store, update(schema.jobs).values(due_at=0.0))
    await run(desk.office.store, update(ROWS).values(sent_at=ROWS.c.sent_at + 60))
    await desk.turn()
    assert desk.office.datadog.control.matching(method=TIMELINE) == []
    await desk.turns()
    assert desk.calls() == ["POST", "PUT"]


async def test_a_process_that_died_before_the_answer_is_settled_by_the_timeline(desk: Desk):
    await desk.add(1)
    await desk.turns()
    await run(desk.office.store, update(ROWS).values(cell=None, sent_at=1.0))
    desk.office.datadog.cases.comment(desk.office.datadog.cases[KEY], f"> {desk.comments[0]}", "Ben")
    await desk.add(2)
    await desk.turns()
    assert desk.told[0] == ["1", "2"], "ours, not who quotes it"
    assert len(desk.comments) == 2


async def test_it_is_not_written_while_a_comment_that_may_be_it_cannot_be_read(desk: Desk):
    cell = {"id": "x", "type": "timeline_cell", "attributes": {"type": "COMMENT", "cell_content": {"message": 7}}}
    desk.fail(POST, drop="after")
    await desk.add(1)
    await desk.turn()
    desk.fail(TIMELINE, body={"data": [cell]})
    await desk.turn()
    assert desk.calls() == ["POST"]
    await desk.turns()
    assert desk.told == [["1"]]


async def test_what_a_person_deleted_is_not_written_again_for_this_thread(desk: Desk):
    await desk.add(1)
    await desk.turns()
    case = desk.office.datadog.cases[KEY]
    desk.office.datadog.cases.change_comment(case, case.cells[0], None)
    for number in (2, 3):
        await desk.add(number)
        await desk.turns()
    assert desk.comments == []
    assert desk.calls() == ["POST", "PUT"]


@pytest.mark.parametrize("status", [400, 403])
async def test_a_refusal_ends_it_until_something_changes(desk: Desk, status: int):
    desk.fail(POST, status=status, body={"errors": ["no"]})
    await desk.add(1)
    await desk.turns()
    assert desk.comments == []
    await desk.add(2)
    await desk.turns()
    assert desk.told == [["1", "2"]]


async def test_switched_off_nothing_is_written(desk: Desk):
    await desk.add(1)
    desk.office.context = replace(desk.office.context, timing=Timing(0.2))
    await desk.turns()
    await desk.add(2)
    assert await jobs_of(desk.office.store, JobKind.COMMENT) == []
    assert desk.calls() == []


async def test_what_outlives_cards_still_knows_the_comment(desk: Desk):
    await desk.add(1)
    await desk.turns()
    await run(desk.office.store, schema.card_insights.delete(), schema.cards.delete())
    assert await retention.prune(desk.office.store, -60.0) >= 0
    await desk.add(2)
    await desk.turns()
    assert desk.told == [["1", "2"]]
