"""A case that somebody wants: created by one call whatever becomes of its answer, and told; on both databases."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.model import TieKind
from bot.sandbox.datadog.cases import STANDARD, Case, project_id
from bot.sandbox.render import as_text
from bot.store import creations, jobs, schema, ties
from bot.store.creations import Creation
from bot.store.transaction import JobKind
from bot.worker.loop import Worker
from tests.services.conftest import ANA, KEY, Office
from tests.store.conftest import CASE, column, jobs_of, rows, run, tie, tie_by_hand, write

POST, SEARCH = "POST /api/v2/cases", "GET /api/v2/cases"
TABLE = schema.creations
MARKER = "0123456789abcdef" * 2
NEW = "CASEM-4524"
AT_ONCE = {"headers": {"X-RateLimit-Reset": "0"}}
UNTOLD: Mapping[str, Any] = {"data": {"id": None, "attributes": {"title": 7}}}


@dataclass(slots=True)
class Desk:
    """Ana wants a case from a thread."""

    office: Office
    wanted: Creation

    async def turn(self, *, aged: float = 60.0) -> None:
        """One turn of its job, as if it were due, and its call had left so many seconds earlier."""
        control = self.office.datadog.control
        await control.until(lambda: all(call.done for call in control.calls), what="the end of every call")
        await run(self.office.store, update(schema.jobs).values(due_at=0.0))
        await run(self.office.store, update(TABLE).values(sent_at=TABLE.c.sent_at - aged))
        async with self.office.store.write() as tx:
            [job] = await jobs.claim(tx, JobKind.CREATE, 30.0)
        await Worker(self.office.context)._work(job)

    async def turns(self) -> None:
        for _ in range(8):
            if not await jobs_of(self.office.store, JobKind.CREATE):
                return
            await self.turn()
        raise AssertionError("the job does not end")

    async def state(self) -> str:
        [state] = await column(self.office.store, select(TABLE.c.state))
        return state

    def fail(self, method: str = POST, times: int = 1, **rule: Any) -> None:
        self.office.datadog.control.rule("datadog", method, times=times, **rule)

    def calls(self, method: str = POST) -> int:
        return len(self.office.datadog.control.matching(method=method))

    @property
    def made(self) -> list[Case]:
        return [case for case in self.office.datadog.cases if case.key != KEY]

    @property
    def told(self) -> str:
        """What Ana was told alone."""
        channels = {one["id"]: one["messages"] for one in self.office.slack.state()["channels"]}
        return "\n".join(as_text(message) for message in channels.get("D0ANA", []))


@pytest.fixture
async def desk(office: Office) -> Desk:
    thread = office.thread()
    wanted = Creation(MARKER, thread, "default", ANA, "Slow *API*", STANDARD, project_id("CASEM"), "P2", "Since noon")
    await write(office.store, creations.ask, wanted)
    return Desk(office, wanted)


async def test_it_is_created_as_it_was_filled_in_and_nothing_that_was_typed_stays(desk: Desk):
    await desk.turn()
    assert await rows(desk.office.store, select(TABLE.c.state, TABLE.c.title, TABLE.c.description)) == [
        ("created", "", "")
    ]
    await desk.turns()
    [case] = desk.made
    address = f"https://acme.slack.com/archives/C0INCIDENTS/p{desk.wanted.thread.ts.replace('.', '')}"
    assert (case.title, case.priority, case.type_id) == ("Slow *API*", "P2", STANDARD)
    assert case.description.split("\n\n")[:2] == ["Since noon", f"Slack: {address}"]
    [said] = desk.office.in_the_open(desk.wanted.thread)
    assert said.startswith(f"Ana created {NEW}")
    assert "and tied this thread to it." in said
    assert await desk.state() == "done"


@pytest.mark.parametrize(
    ("rule", "calls", "cases"),
    [
        ({"drop": "before"}, 1, 0),
        ({"drop": "after"}, 1, 1),
        ({"status": 500}, 1, 0),
        ({"status": 503, "apply": True}, 1, 1),
        ({"status": 302}, 1, 0),
        ({"body": UNTOLD, "apply": True}, 1, 1),
        ({"body": "<html>Sign in</html>"}, 1, 0),
        ({"status": 429, **AT_ONCE}, 2, 1),
    ],
)
async def test_a_lost_answer_is_settled_by_looking_and_never_by_another_call(
    desk: Desk, rule: dict[str, Any], calls: int, cases: int
):
    desk.fail(**rule)
    await desk.turns()
    assert (desk.calls(), len(desk.made)) == (calls, cases)
    assert len(desk.office.in_the_open(desk.wanted.thread)) == cases
    assert ("“Slow *API*” (wanted here" in desk.told) == (not cases), desk.told
    assert desk.told.count("may have been created") == 1 - cases
    assert desk.calls(SEARCH) == (0 if calls == 2 else 1)


async def test_it_is_looked_for_once_the_call_has_surely_ended_and_for_a_while(desk: Desk):
    """A lease is 4 s here."""
    desk.fail(drop="before")
    for aged, searches in ((0, 0), (2, 0), (2, 1), (10, 2)):
        await desk.turn(aged=aged)
        assert (desk.calls(SEARCH), await desk.state()) == (searches, "asked")
    await desk.turn(aged=3)
    assert (desk.calls(SEARCH), await desk.state()) == (3, "unknown")


async def test_a_search_that_is_refused_or_silent_creates_nothing_either(desk: Desk):
    desk.fail(drop="before")
    desk.fail(SEARCH, status=403, times=1)
    desk.fail(SEARCH, status=500, times=2)
    await desk.turns()
    assert (desk.calls(), desk.made) == (1, [])


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            {"status": 400, "body": {"errors": [{"detail": "no <such> type"}]}},
            "Datadog says: 'no <such> type' Check the title",
        ),
        ({"status": 404, "body": {"errors": ["project not found"]}}, "whether the project takes this type"),
        ({"status": 403, "body": {"errors": ["Forbidden"]}}, "check `cases_write`"),
    ],
)
async def test_a_refusal_is_told_alone_with_what_was_typed(desk: Desk, rule: dict[str, Any], words: str):
    desk.fail(**rule)
    await desk.turns()
    assert words in desk.told
    assert "Since noon" in desk.told
    assert (desk.calls(), desk.made, desk.office.in_the_open(desk.wanted.thread)) == (1, [], [])


@pytest.mark.parametrize(("sent", "words"), [(False, "gave up after many tries"), (True, "may have been created")])
async def test_what_fails_for_too_long_is_given_up_and_told(desk: Desk, sent: bool, words: str):
    desk.office.context = replace(desk.office.context, give_up_after=0.0)
    desk.fail(status=500 if sent else 429, times=9, **AT_ONCE)
    desk.fail(SEARCH, status=500, times=9)
    await desk.turns()
    assert words in desk.told
    assert (await desk.state(), desk.made) == ("done", [])


@pytest.mark.parametrize("source", ["said", "root", "none", "channel"])
async def test_only_a_thread_that_is_tied_by_itself_stays_so(desk: Desk, source: str):
    store, thread = desk.office.store, desk.wanted.thread
    other = replace(CASE, case_id=desk.office.datadog.cases[KEY].id)
    match source:
        case "said":
            await tie_by_hand(store, thread, other, ANA)
        case "root":
            await tie(store, thread, other)
        case "none":
            await write(store, ties.say, thread, TieKind.NONE, ANA, 1.0)
        case _:
            await tie(store, thread.whole_channel, other)
    await desk.turns()
    [said] = desk.office.in_the_open(thread)
    stays = source in ("said", "root")
    assert ("This thread stays tied to" in said, "and tied this thread to it" in said) == (stays, not stays)
    async with store.read() as connection:
        now = await ties.of(connection, thread)
    assert now is not None
    assert (now.case_id == other.case_id) == stays


@pytest.mark.parametrize("word", ["channel_not_found", "is_archived", "not_in_channel"])
async def test_what_slack_does_not_take_is_told_to_the_person_alone(desk: Desk, word: str):
    desk.office.slack.control.rule("slack", "chat.postMessage", body={"ok": False, "error": word}, status=200, times=1)
    await desk.turns()
    assert f"You created {NEW}" in desk.told.replace(f"[{NEW}]", NEW)
    assert desk.office.in_the_open(desk.wanted.thread) == []


@pytest.mark.parametrize("drop", ["before", "after"])
async def test_it_is_said_once_where_slacks_answer_got_lost(desk: Desk, drop: str):
    desk.office.slack.control.rule("slack", "chat.postMessage", drop=drop, times=1)
    await desk.turns()
    assert len(desk.office.in_the_open(desk.wanted.thread)) == 1
