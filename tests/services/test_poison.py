"""Poison: work that always fails because of an error of ours is tried less and less often, and ends."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import structlog
from sqlalchemy import select, text, update
from sqlalchemy.exc import DataError, OperationalError

from bot.insights.clicks import Action
from bot.model import Case, CaseName, State, Thread
from bot.services.context import Context
from bot.store import jobs, now, retention, scans, schema
from bot.store.transaction import Job, JobKind
from bot.worker.loop import HANDLERS, Handler, Worker
from bot.worker.outcomes import Done, GiveUp, Outcome
from tests.services.conftest import ANA, Office
from tests.store.conftest import CASE, card_of, claim, column, items_of, jobs_of, monitor, paste, press, rows, run, tie

IN_CASE = schema.insights.c


@pytest.fixture(autouse=True)
def said() -> Iterator[list[Any]]:
    """The lines of the log."""
    with structlog.testing.capture_logs() as lines:
        yield lines


async def turn(context: Context, kind: JobKind, handler: Handler | None = None) -> None:
    """One turn of the only job of this kind, a second after its last one."""
    await run(context.store, schema.jobs.delete().where(schema.jobs.c.kind != kind))
    await run(context.store, update(schema.jobs).values(due_at=0.0, since=schema.jobs.c.since - 1))
    async with context.store.write() as tx:
        job = await claim(tx)
    assert job is not None
    await Worker(context, {kind: handler or HANDLERS[kind]})._work(job)


def case_in(office: Office) -> Case:
    """As Datadog knows it."""
    return replace(CASE, case_id=office.datadog.cases[CASE.key].id)


async def confirmed(office: Office, *numbers: int) -> Thread:
    thread = office.thread()
    await tie(office.store, thread, case_in(office))
    await paste(office.store, *map(monitor, numbers), thread=thread)
    await press(office.store, await card_of(office.store, thread), Action.ADD, *numbers)
    return thread


async def unreadable_case(office: Office) -> Thread:
    thread = await confirmed(office, 1)
    await run(office.store, update(schema.cases).values(on_case="[[1]]"))
    return thread


async def unreadable_sighting(office: Office) -> Thread:
    thread = office.thread()
    await paste(office.store, monitor(1), thread=thread)
    await run(office.store, update(schema.ties).values(named="no JSON"))
    await run(office.store, update(schema.sightings).values(type="FROM_TOMORROW"))
    await tie(office.store, thread)
    return thread


async def unreadable_tie(office: Office) -> Thread:
    thread = office.thread()
    await paste(office.store, monitor(1), thread=thread, names=(CaseName("default", CASE.key),))
    await run(office.store, update(schema.ties).values(named="no JSON"))
    return thread


POISON = [
    (JobKind.CARD, unreadable_case),
    (JobKind.CASE, unreadable_case),
    (JobKind.THREAD, unreadable_sighting),
    (JobKind.THREAD, unreadable_tie),
]


@pytest.mark.parametrize(("kind", "plant"), POISON)
async def test_what_cannot_be_read_counts_as_an_attempt_and_ends_for_good(office: Office, kind, plant):
    thread = await plant(office)
    async with office.store.write() as tx:
        await scans.ask(tx, thread, ANA, 10, await now(tx))
    office.slack.workspace.channels[thread.channel].members.add(ANA)
    await turn(office.context, kind)
    [(attempts, note)] = await rows(office.store, select(schema.jobs.c.attempts, schema.jobs.c.note))
    assert (attempts, note[:22]) == (1, "Something went wrong (")
    await turn(replace(office.context, give_up_after=0.0), kind)
    assert await jobs_of(office.store, kind) == []
    await run(office.store, schema.jobs.delete())
    await retention.reconcile(office.store)
    assert await jobs_of(office.store, kind) == [], "nothing makes it anew"
    match kind:
        case JobKind.CARD:
            assert await column(office.store, select(schema.cards.c.ended)) == ["gave_up"]
        case JobKind.CASE:
            [(state, note)] = await rows(office.store, select(IN_CASE.state, IN_CASE.note))
            assert state == State.FAILED
            assert "Something went wrong (" in note
        case JobKind.THREAD:
            assert await column(office.store, select(schema.sightings.c.reason)) == ["gave_up"]
            if plant is unreadable_sighting:
                return  # the scan itself had ended well
            [answer] = office.privately(ANA)
            assert answer.startswith("The bot could not read this thread's earlier messages. Something went wrong (")


async def test_an_insight_of_an_unknown_type_fails_alone_and_at_once(office: Office, said: list[Any]):
    thread = await confirmed(office, 1, 2)
    await run(office.store, update(schema.insights).where(IN_CASE.resource_id == "1").values(type="FROM_TOMORROW"))
    for _ in range(2):
        await turn(office.context, JobKind.CASE)
    assert await office.insights() == {"1": State.FAILED, "2": State.ADDED}
    first, _ = await column(office.store, select(IN_CASE.note).order_by(IN_CASE.resource_id))
    assert first.startswith("Something went wrong (")
    [line] = [line for line in said if line["event"] == "insights.unknown"]
    assert line["reference"] in first
    assert [item.resource_id for item in await items_of(office.store, await card_of(office.store, thread))] == ["2"]


class Failing:
    """Fails in every turn; `ends`: also when it is given up."""

    def __init__(self, error: Exception, *, ends: bool = False) -> None:
        self.error, self.ends = error, ends

    async def work(self, context: Context, job: Job) -> Outcome:
        raise self.error

    async def give_up(self, context: Context, job: Job, end: GiveUp) -> Done:
        if self.ends:
            raise self.error
        return Done()


@pytest.mark.parametrize("kind", JobKind)
async def test_a_job_that_cannot_even_be_given_up_is_deleted(office: Office, kind: JobKind):
    await run(office.store, schema.jobs.delete())
    async with office.store.write() as tx:
        await jobs.enqueue(tx, kind, "no/such/key/as/this")
    handler = Failing(ZeroDivisionError(), ends=True)
    await turn(office.context, kind, handler)
    assert await column(office.store, select(schema.jobs.c.attempts)) == [1]
    await turn(replace(office.context, give_up_after=0.0), kind, handler)
    assert await jobs_of(office.store, kind) == []


@pytest.mark.parametrize(("error", "attempts"), [(DataError, 1), (OperationalError, 0)])
async def test_what_the_database_refuses_counts_and_that_it_is_down_does_not(office: Office, error: Any, attempts: int):
    async with office.store.write() as tx:
        await jobs.enqueue(tx, JobKind.CASE, "default/a")
    await turn(office.context, JobKind.CASE, Failing(error("INSERT", None, Exception())))
    assert await column(office.store, select(schema.jobs.c.attempts)) == [attempts]


async def test_upkeep_that_fails_keeps_no_job_from_being_done(office: Office, said: list[Any]):
    async with office.store.write() as tx:
        await jobs.enqueue(tx, JobKind.CASE, "default/nothing")
    worker = office.store.taker = Worker(office.context)
    await run(office.store, text("ALTER TABLE mentions RENAME TO gone"))
    try:
        await worker._round()
        await worker.drain(5.0)
        assert await jobs_of(office.store, JobKind.CASE) == []
    finally:
        office.store.taker = None  # the store is the next test's, too
        await run(office.store, text("ALTER TABLE gone RENAME TO mentions"))
    assert [line["part"] for line in said if line["event"].startswith("worker.")] == ["upkeep"]


async def test_a_kind_of_job_that_a_newer_version_left_is_not_counted(office: Office):
    row = {"kind": "tomorrow", "key": "x", "due_at": 0.0, "enqueued": 1, "attempts": 0, "batch_size": 1}
    await run(office.store, schema.jobs.insert().values(**row, refused=0, note=""))
    async with office.store.read() as connection:
        assert {depth.kind for depth in await jobs.depths(connection)} == set(JobKind)
