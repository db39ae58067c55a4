"""What becomes of a case's turn, by what Datadog answers: against the sandbox's Datadog, with a store on SQLite."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from bot import links
from bot.config.credentials import Keys
from bot.datadog.client import Datadog
from bot.datadog.titles import Titles
from bot.insights import FRESH_SECONDS
from bot.insights.clicks import Action
from bot.links import OrgHosts
from bot.messages import sentences
from bot.model import Case, State
from bot.sandbox.datadog.cases import CaseInsight
from bot.sandbox.datadog.server import DatadogServer
from bot.services.context import Context, Organization
from bot.store import Store, schema
from bot.store.cards import Timing
from bot.store.cases import get
from bot.store.jobs import BATCH
from bot.store.transaction import JobKind
from bot.worker import cases
from bot.worker.loop import Worker
from bot.worker.outcomes import Done, More, Outcome, RetryAfter
from tests.store.conftest import CASE, card_of, claim, items_of, monitors, paste, press, states, tie

GET = "GET /api/v2/cases/{case_id}"
PUT = "PUT /api/v2/cases/{case_id}/insights"
LEASE = 0.4  # a call without an answer is over after three quarters of it


@dataclass(frozen=True, slots=True)
class Desk:
    """A case with its job, and the Datadog that it is in."""

    store: Store
    server: DatadogServer
    context: Context
    case: Case

    async def confirm(self, *numbers: int) -> None:
        """Somebody adds these monitors."""
        await tie(self.store, case=self.case)
        await paste(self.store, *monitors(*numbers))
        await press(self.store, await card_of(self.store), Action.ADD, *numbers)

    async def turn(self, **job: Any) -> Outcome:
        """One turn of the case's job, written down; its outcome."""
        async with self.store.write() as tx:
            await tx.execute(schema.jobs.delete().where(schema.jobs.c.kind != JobKind.CASE))
            await tx.execute(update(schema.jobs).values(due_at=0.0, **job))
            claimed = await claim(tx)
        assert claimed is not None
        outcome = await cases.work(self.context, claimed)
        await Worker(self.context)._end(claimed, outcome)
        return outcome

    def refuse(self, status: int, method: str = PUT, **rule: Any) -> None:
        self.server.control.rule("datadog", method, status=status, body={"errors": ["no"]}, **rule)

    async def jobs(self) -> list[tuple[int, int]]:
        """The batch size and the refusals of each job that is left for a case."""
        cases_jobs = schema.jobs.c.kind == JobKind.CASE
        async with self.store.read() as connection:
            found = await connection.execute(select(schema.jobs).where(cases_jobs))
            return [(row.batch_size, row.refused) for row in found]

    async def notes(self) -> set[str]:
        return {item.note for item in await items_of(self.store, await card_of(self.store))}


@pytest.fixture
async def desk(sqlite_store: Store) -> AsyncIterator[Desk]:
    async with DatadogServer() as server:
        case = replace(CASE, case_id=server.add_case(CASE.key, CASE.title).id)
        datadog = Datadog(server.url, Keys(SecretStr("sandbox-api-key"), SecretStr("sandbox-app-key")), timeout=0.2)
        titles = Titles(datadog, CASE.org, asyncio.Semaphore())
        org = Organization(OrgHosts(CASE.org, "datadoghq.com"), datadog, titles, "https://app.datadoghq.com/cases/")
        times: Any = {"lease": LEASE, "retry_cap": 300.0, "give_up_after": 3600.0, "keep": 3600.0, "timing": Timing()}
        nobody: Any = None
        yield Desk(
            sqlite_store, server, Context(sqlite_store, nobody, {CASE.org: org}, links.load(), None, **times), case
        )
        await titles.close()
        await datadog.close()


async def test_what_is_added_ends_the_job(desk):
    await desk.confirm(1, 2)
    assert isinstance(await desk.turn(), Done)
    assert await states(desk.store, desk.case) == {"1": State.ADDED, "2": State.ADDED}
    assert await desk.jobs() == []


async def test_what_is_on_the_case_already_is_not_added_a_second_time_however_fresh_that_is(desk):
    """K26: a colleague added by hand what the card offered, and it is added all the same."""
    await desk.confirm(1)
    desk.server.cases.change(desk.server.cases[CASE.key], insights=[CaseInsight("MONITOR", "1", "/monitors/1")])
    there = {"on_case": json.dumps([("MONITOR", "", "1")]), "read_at": time.time()}
    async with desk.store.write() as tx:
        await tx.execute(update(schema.cases).values(**there))
    await desk.turn()
    assert await states(desk.store, desk.case) == {"1": State.ADDED}
    assert desk.server.control.matching(method=PUT) == []


async def test_a_refused_batch_of_which_nobody_knows_is_looked_for_before_it_is_sent_again(desk):
    """It was taken in part, and Datadog did not say so: the case could not be read."""
    await desk.confirm(1, 2)
    desk.refuse(400, times=1)
    desk.server.control.rule("datadog", GET, status=429, headers={"X-RateLimit-Reset": "0"}, times=1)
    await desk.turn()
    desk.server.cases.change(desk.server.cases[CASE.key], insights=[CaseInsight("MONITOR", "1", "/monitors/1")])
    await desk.turn()
    assert await states(desk.store, desk.case) == {"1": State.ADDED, "2": State.ADDED}
    assert sorted(insight.resource_id for insight in desk.server.cases[CASE.key].insights) == ["1", "2"]


async def test_more_than_a_batch_takes_another_turn(desk):
    await desk.confirm(1, 2, 3)
    assert isinstance(await desk.turn(batch_size=2), More)
    assert await desk.jobs() == [(2, 0)]
    assert isinstance(await desk.turn(), Done)


async def test_of_several_that_are_refused_half_is_tried_next(desk):
    await desk.confirm(1, 2, 3, 4)
    desk.refuse(400, times=1)
    assert isinstance(await desk.turn(), More)
    assert await desk.jobs() == [(2, 0)]
    assert set((await states(desk.store, desk.case)).values()) == {State.CONFIRMED}


async def test_a_single_one_that_is_refused_fails_and_the_next_turn_sends_a_whole_batch(desk):
    await desk.confirm(1, 2)
    desk.refuse(400, times=1)
    assert isinstance(await desk.turn(batch_size=1), More)
    assert await desk.jobs() == [(BATCH, 1)]
    assert sorted((await states(desk.store, desk.case)).values()) == [State.CONFIRMED, State.FAILED]


async def test_after_three_single_ones_in_a_row_the_rest_fails_unasked(desk):
    await desk.confirm(1, 2, 3)
    desk.refuse(400)
    assert isinstance(await desk.turn(batch_size=1, refused=cases.SINGLES - 1), Done)
    assert set((await states(desk.store, desk.case)).values()) == {State.FAILED}
    assert len(desk.server.control.calls) == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "Datadog no longer has case CASEM-4523"), (403, "Datadog refused (403): CASEM-4523 was not changed.")],
)
async def test_a_case_that_is_gone_or_closed_to_us_fails_all_of_it_with_a_sentence(desk, status, words):
    await desk.confirm(1, 2)
    desk.refuse(status)
    assert isinstance(await desk.turn(), Done)
    assert set((await states(desk.store, desk.case)).values()) == {State.FAILED}
    [note] = await desk.notes()
    assert note.startswith(words)


async def test_keys_that_are_refused_wait_without_counting_and_keep_the_other_cases_waiting(desk):
    await desk.confirm(1)
    desk.server.keys_valid = False
    outcome = await desk.turn()
    assert isinstance(outcome, RetryAfter)
    assert outcome.seconds == pytest.approx(60, abs=5)
    assert (outcome.reason, outcome.counts) == (sentences.CREDENTIALS, False)
    assert desk.context.orgs[CASE.org].breaker.open_for > 0
    calls = len(desk.server.control.calls)
    waiting = await desk.turn()
    assert isinstance(waiting, RetryAfter)
    assert (waiting.reason, waiting.counts) == (sentences.CREDENTIALS, False)
    assert len(desk.server.control.calls) == calls, "nobody asks while the breaker is open"


async def test_a_rate_limit_waits_as_long_as_datadog_asks_and_what_it_refused_counts_as_unsent(desk):
    await desk.confirm(1)
    desk.server.control.rule("datadog", PUT, status=429, headers={"X-RateLimit-Reset": "42"}, times=1)
    outcome = await desk.turn()
    assert isinstance(outcome, RetryAfter)
    assert (outcome.seconds, outcome.reason, outcome.counts) == (42.0, sentences.RATE_LIMITED, True)
    assert 41 < desk.context.orgs[CASE.org].breaker.open_for <= 42
    [item] = await items_of(desk.store, await card_of(desk.store))
    assert not item.sent


async def test_what_others_added_after_a_job_was_given_up_is_not_ours_to_undo(desk):
    """The last call was refused with a 429: it did not arrive, so what is on the case then is not from us."""
    await desk.confirm(1)
    desk.server.control.rule("datadog", PUT, status=429, times=1)
    await desk.turn(attempts=9, since=1.0)
    assert await states(desk.store, desk.case) == {"1": State.FAILED}
    assert {note.partition(" h:")[0] for note in await desk.notes()} == {"Given up after 1"}

    case = desk.server.cases[CASE.key]
    desk.server.cases.change(case, insights=[CaseInsight("MONITOR", "1", "/monitors/1")])
    desk.context.orgs[CASE.org].breaker._paused = (0.0, "")
    async with desk.store.write() as tx:
        await tx.execute(update(schema.cases).values(read_at=0.0))
        await tx.execute(update(schema.insights).where(schema.insights.c.sent_at.is_not(None)).values(sent_at=1.0))
    await press(desk.store, await card_of(desk.store), Action.RETRY)
    await desk.turn()
    [item] = await items_of(desk.store, await card_of(desk.store))
    assert (item.state, item.ours) == (State.ADDED, False)


async def test_a_call_without_an_answer_is_waited_for_and_then_looked_for(desk):
    await desk.confirm(1)
    desk.server.control.rule("datadog", PUT, drop="after", times=1)
    lost = await desk.turn()
    assert isinstance(lost, RetryAfter)
    assert lost.counts
    waiting = await desk.turn()
    assert isinstance(waiting, RetryAfter)
    assert not waiting.counts
    assert 0 < (waiting.seconds or 0) <= 0.75 * LEASE
    async with desk.store.write() as tx:
        await tx.execute(update(schema.insights).values(sent_at=1.0))
    assert isinstance(await desk.turn(), More)
    assert isinstance(await desk.turn(), Done)
    assert await states(desk.store, desk.case) == {"1": State.ADDED}
    assert len(desk.server.cases[CASE.key].insights) == 1


# --- what Datadog does not list is not absent ---

ATTRIBUTES = {"key": "CASEM-4523", "title": "Memory leak", "status": "OPEN"}
UNLISTED = [{}, {"insights": None}, {"insights": {}}, {"insights": [{"type": "MONITOR"}]}, {"insights": [7]}]


def unlisted(desk: Desk, case: Any = None, method: str = GET, **rule: Any) -> None:
    """Datadog answers with a case that does not list what is on it."""
    attributes = {**ATTRIBUTES, **(case or {})}
    body = {"data": {"id": desk.case.case_id, "attributes": attributes}}
    desk.server.control.rule("datadog", method, body=body, **rule)


async def lost(desk: Desk, drop: Any = "after") -> None:
    """One was sent long ago, and arrived or did not, but no answer came."""
    await desk.confirm(1)
    desk.server.control.rule("datadog", PUT, drop=drop, times=1)
    await desk.turn()
    async with desk.store.write() as tx:
        await tx.execute(update(schema.insights).values(sent_at=1.0))


def copies(desk: Desk) -> list[str]:
    return [insight.resource_id for insight in desk.server.cases[CASE.key].insights]


@pytest.mark.parametrize("case", UNLISTED)
async def test_what_may_have_arrived_is_not_sent_again_until_datadog_lists_the_case(desk, case):
    await lost(desk)
    unlisted(desk, case, times=2)
    for _ in range(2):
        outcome = await desk.turn()
        assert isinstance(outcome, RetryAfter)
        assert (outcome.reason, outcome.counts) == (sentences.NOT_LISTED, True)
    await desk.turn()
    assert await states(desk.store, desk.case) == {"1": State.ADDED}
    assert copies(desk) == ["1"]


async def test_where_datadog_never_lists_the_case_somebody_looks_and_retry_sends_it(desk):
    await lost(desk, "before")
    unlisted(desk)
    assert isinstance(await desk.turn(attempts=cases.LISTINGS), Done)
    assert await states(desk.store, desk.case) == {"1": State.FAILED}
    assert await desk.notes() == {sentences.may_be_on_case(CASE.key)}
    await press(desk.store, await card_of(desk.store), Action.RETRY)
    await desk.turn()
    assert await states(desk.store, desk.case) == {"1": State.ADDED}
    assert copies(desk) == ["1"]


async def test_what_was_never_sent_leaves_although_datadog_does_not_list_the_case(desk):
    await desk.confirm(1)
    async with desk.store.write() as tx:
        await tx.execute(update(schema.cases).values(read_at=0.0))
    unlisted(desk)
    assert isinstance(await desk.turn(), Done)
    assert copies(desk) == ["1"]


async def test_of_a_refused_batch_nothing_is_sent_again_until_datadog_lists_the_case(desk):
    await desk.confirm(1, 2)
    desk.refuse(400, times=1)
    unlisted(desk, times=2)
    assert isinstance(await desk.turn(), More)
    assert isinstance(await desk.turn(), RetryAfter)
    desk.server.cases.change(desk.server.cases[CASE.key], insights=[CaseInsight("MONITOR", "1", "/monitors/1")])
    assert isinstance(await desk.turn(), More)
    assert isinstance(await desk.turn(), Done)
    assert sorted(copies(desk)) == ["1", "2"]


@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize(
    ("attempts", "state"), [(0, State.UNDOING), (cases.LISTINGS, State.ADDED)], ids=["at first", "in the end"]
)
async def test_a_refused_removal_is_no_proof_that_it_is_gone(desk, status, attempts, state):
    await desk.confirm(1)
    await desk.turn()
    await press(desk.store, await card_of(desk.store), Action.UNDO)
    desk.refuse(status, "DELETE /api/v2/cases/{case_id}/insights")
    unlisted(desk, {"insights": None})
    await desk.turn(attempts=attempts)
    assert await states(desk.store, desk.case) == {"1": state}
    if state is State.ADDED:
        assert await desk.notes() == {sentences.refused_by_datadog("no")}


@pytest.mark.parametrize("body", ["<html>", "", {}, {"data": None}, *UNLISTED])
async def test_what_datadog_did_is_done_whatever_its_answer_tells(desk, body):
    """And a card keeps the title that the answer lacks."""
    await desk.confirm(1)
    if body in UNLISTED:
        unlisted(desk, {"title": None, "key": 7, **body}, PUT, apply=True)
    else:
        desk.server.control.rule("datadog", PUT, body=body, apply=True)
    assert isinstance(await desk.turn(), Done)
    assert await states(desk.store, desk.case) == {"1": State.ADDED}
    async with desk.store.read() as connection:
        stored = await get(connection, CASE.org, desk.case.case_id)
    assert stored is not None
    assert (stored.title, stored.read_ago < FRESH_SECONDS) == (CASE.title, body not in UNLISTED)
    desk.server.control.rule("datadog", "DELETE /api/v2/cases/{case_id}/insights", body=body, apply=True)
    await press(desk.store, await card_of(desk.store), Action.UNDO)
    await desk.turn()
    assert await states(desk.store, desk.case) == {"1": State.UNDONE}
    assert copies(desk) == []
