"""Jobs: each is held by one at a time, a dead holder's is found again, and a late one writes nothing."""

import asyncio
from collections.abc import Iterator
from math import inf

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from bot.model import Thread
from bot.store import Store, jobs
from bot.store.jobs import LeaseLost
from bot.store.schema import jobs as table
from bot.store.transaction import Job, JobKind, Transaction
from tests.store.conftest import claim as claim_any
from tests.store.conftest import column, due_in, write


async def wake(store: Store, key: str = "one", *, after: float = 0.0) -> None:
    await write(store, jobs.enqueue, JobKind.CARD, key, after=after)


async def claim(store: Store, lease: float = 30.0) -> Job | None:
    return await write(store, claim_any, lease)


async def held(store: Store, lease: float = 30.0) -> Job:
    job = await claim(store, lease)
    assert job is not None
    return job


@pytest.fixture
async def due(store: Store) -> None:
    """A job is due."""
    await wake(store)


@pytest.fixture
async def job(store: Store, due: None) -> Job:
    """The job, held."""
    return await held(store)


async def postpone(store: Store) -> None:
    async with store.write() as tx:
        await jobs.reschedule(tx, JobKind.CARD, "one", 60)


async def next_due(store: Store) -> float:
    """In how many seconds; where there is no job, in infinitely many."""
    async with store.read() as connection:
        due = await jobs.next_due(connection, JobKind)
    return min(due.values(), default=inf)


async def end(store: Store, job: Job, *, more: bool = False) -> None:
    async with store.write() as tx:
        await jobs.check_lease(tx, job, 30.0)
        await (jobs.keep if more else jobs.complete)(tx, job)


async def retry(store: Store, job: Job, after: float, note: str, *, counts: bool = True) -> float:
    async with store.write() as tx:
        await jobs.check_lease(tx, job, 30.0)
        return await jobs.retry(tx, job, after, note, counts_as_attempt=counts)


async def test_twenty_claims_at_once_get_ten_jobs_each_once(store):
    for key in range(10):
        await wake(store, str(key))
    got = await asyncio.gather(*(claim(store) for _ in range(20)))
    assert sorted(job.key for job in got if job) == [str(key) for key in range(10)]
    assert len({job.token for job in got if job}) == 10


async def test_a_job_that_is_held_is_not_claimed_and_is_next_when_its_lease_ends(store, due):
    await held(store, lease=10)
    assert 9 < await next_due(store) <= 10
    await wake(store)
    assert await claim(store) is None


async def test_the_job_that_is_due_longest_comes_first_and_one_that_is_not_due_waits(store):
    await wake(store, "later", after=-1)
    await wake(store, "sooner", after=-2)
    await wake(store, "not yet", after=60)
    assert [(await held(store)).key for _ in range(2)] == ["sooner", "later"]
    assert await claim(store) is None


class Taker:
    """Takes whatever it can; `free`: its places."""

    def __init__(self) -> None:
        self.lease, self.free, self.started, self.looks = 30.0, 2, list[Job](), list[float]()

    def can_start(self, kind: JobKind, key: str) -> bool:
        return key != "down"

    def reserve(self, kind: JobKind, most: int = 1) -> int:
        taken = min(most, self.free)
        self.free -= taken
        return taken

    def give_back(self, kind: JobKind, places: int = 1) -> None:
        self.free += places

    def start(self, job: Job) -> None:
        self.started.append(job)

    def look_in(self, seconds: float) -> None:
        self.looks.append(seconds)


@pytest.fixture
def taker(store: Store) -> Iterator[Taker]:
    store.taker = Taker()
    yield store.taker
    store.taker = None


async def test_what_a_transaction_makes_due_it_takes_where_there_is_a_place(store, taker):
    async with store.write() as tx:
        for key in ("one", "one", "two", "three", "down"):
            await jobs.enqueue(tx, JobKind.CARD, key)
        await jobs.enqueue(tx, JobKind.CARD, "later", after=60)
        assert taker.started == [], "not before the commit"
    assert [job.key for job in taker.started] == ["one", "two"]
    assert (taker.free, taker.looks) == (0, [0.0])
    assert {(await held(store)).key for _ in range(2)} == {"three", "down"}
    assert await claim(store) is None


async def test_a_job_that_somebody_holds_is_not_taken_and_is_due_again(store, taker):
    taker.free = 0
    await wake(store)
    job = await held(store)
    taker.free = 2
    await wake(store)
    assert (taker.started, taker.free) == ([], 2)
    await end(store, job)
    assert (await held(store)).key == "one"


async def test_what_is_rolled_back_was_never_taken(store, taker):
    async def fail() -> None:
        async with store.write() as tx:
            await jobs.enqueue(tx, JobKind.CARD, "one")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert (taker.started, taker.free) == ([], 2)


async def test_a_place_is_free_again_where_the_database_refuses_the_job(store, taker):
    with pytest.raises(SQLAlchemyError):
        await wake(store, None)  # type: ignore[arg-type]  no job without a key
    assert (taker.started, taker.free) == ([], 2)


async def test_a_job_whose_lease_ended_is_claimed_again(store, due):
    first = await held(store, lease=-1)
    second = await held(store)
    assert second.key == first.key
    assert second.token != first.token


async def test_whoever_lost_the_lease_writes_nothing(store, due):
    stale = await held(store, lease=-1)
    fresh = await held(store)

    async def write_late(tx: Transaction) -> None:
        await jobs.enqueue(tx, JobKind.CASE, "written before the fence")
        await jobs.check_lease(tx, stale, 30.0)

    with pytest.raises(LeaseLost):
        await write(store, write_late)
    await write(store, jobs.check_lease, fresh, 30.0)
    assert await column(store, select(table.c.key)) == ["one"]


async def test_a_job_that_is_done_is_held_by_nobody(store, job):
    await end(store, job)
    with pytest.raises(LeaseLost):
        await end(store, job)
    assert await next_due(store) == inf


async def test_a_job_with_more_to_do_is_due_at_once_and_starts_afresh(store, due):
    await retry(store, await held(store), -1, "Datadog is not answering.")
    again = await held(store)
    assert again.attempts == 1
    await end(store, again, more=True)
    last = await held(store)
    assert (last.attempts, last.failing_for, last.batch_size, last.refused) == (0, 0, jobs.BATCH, 0)


async def test_work_added_after_the_holder_looked_is_not_stranded_by_its_end(store, due):
    """Nobody looks a last time: that the job was enqueued since its claim keeps it, free and afresh."""
    await retry(store, await held(store), -1, "Datadog is not answering.")
    job = await held(store)
    await wake(store)
    await end(store, job)
    again = await held(store)
    assert (again.key, again.attempts, again.failing_for) == ("one", 0, 0)
    await end(store, again)
    assert await next_due(store) == inf, "what had been enqueued before the claim is done with it"


async def test_work_added_while_a_job_fails_is_done_by_its_next_turn(store, job):
    await wake(store)
    await retry(store, job, -1, "Datadog is not answering.")
    await end(store, await held(store))
    assert await next_due(store) == inf


async def test_work_whose_transaction_is_rolled_back_keeps_no_job(store, job):
    async def add_and_fail(tx: Transaction) -> None:
        await jobs.enqueue(tx, JobKind.CARD, "one")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await write(store, add_and_fail)
    await end(store, job)
    assert await next_due(store) == inf


async def test_a_job_that_is_rescheduled_while_it_is_held_keeps_that_time(store, job):
    await postpone(store)
    await end(store, job)
    assert 59 < await due_in(store, "one") <= 60


@pytest.mark.parametrize(("first", "then"), [(60, 5), (5, 60)])
async def test_waking_moves_a_job_earlier_and_never_later(store, first: int, then: int):
    await wake(store, after=first)
    await wake(store, after=then)
    assert 4 < await due_in(store, "one") <= 5


async def test_waking_often_makes_one_job_but_another_kind_may_have_its_key(store):
    await asyncio.gather(*(wake(store) for _ in range(10)))
    assert await column(store, select(table.c.key)) == ["one"]
    await write(store, jobs.enqueue, JobKind.CASE, "one")
    assert {(await held(store)).kind for _ in range(2)} == {JobKind.CARD, JobKind.CASE}


async def test_postponing_moves_a_job_later_too(store, due):
    await postpone(store)
    assert 59 < await due_in(store, "one") <= 60


async def test_a_failure_is_counted_from_the_first_one_on(store, due):
    failing_for: list[float] = []
    for _ in range(3):
        job = await held(store)
        failing_for.append(job.failing_for)
        await retry(store, job, -1, "Datadog is not answering.")
    job = await held(store)
    assert job.attempts == 3
    assert failing_for[0] == 0 <= failing_for[1] <= failing_for[2] <= job.failing_for


async def test_waiting_for_somebody_else_is_no_failure(store, due):
    await retry(store, await held(store), -1, "Busy.", counts=False)
    again = await held(store)
    assert (again.attempts, again.failing_for) == (0, 0)


async def test_a_job_tells_what_it_waits_for_and_until_when(store, due):
    until = await retry(store, await held(store), 60, "Datadog is not answering (503).")
    async with store.read() as connection:
        assert await jobs.waits_for(connection, JobKind.CARD, "one") == ("Datadog is not answering (503).", until)
        assert await jobs.waits_for(connection, JobKind.CARD, "none such") == ("", 0.0)


async def test_a_claim_can_be_prolonged(store, due):
    await write(store, jobs.check_lease, await held(store, lease=-1), lease=30)
    assert await claim(store) is None


async def test_the_next_job_is_the_one_that_can_be_claimed_first(store):
    assert await next_due(store) == inf
    await wake(store, "far", after=60)
    await wake(store, "near", after=20)
    assert 19 < await next_due(store) <= 20
    await wake(store, "now")
    assert await next_due(store) <= 0


async def test_how_much_a_job_sends_and_how_often_it_was_refused_survives(store, job):
    async with store.write() as tx:
        await jobs.check_lease(tx, job, 30.0)
        await jobs.keep(tx, job, batch_size=50, refused=2)
        await tx.execute(update(table).values(due_at=0.0))
    job = await held(store)
    assert (job.batch_size, job.refused) == (50, 2)


def test_a_job_is_for_what_its_key_names():
    case, thread = ("default", "7d16945b-baf8-411e-ab2a-20fe43af1ea3"), Thread("T0ACME", "C0INCIDENTS", "1000.1")
    assert jobs.case_of(jobs.case_key(*case)) == case
    assert jobs.thread_of(jobs.thread_key(thread)) == thread
