"""Two replicas at the same rows of a PostgreSQL, each interleaving forced: what random stress would not show.

A test lets one transaction run up to a lock that another holds, sees it wait there, and only then goes on.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import SQLAlchemyError

from bot.insights import ScannedMessage
from bot.insights.clicks import Action
from bot.model import Card, CaseName, State, Thread, TieKind
from bot.store import Store, cards, cases, jobs, migrate, now, retention, schema, tie_changes, ties
from bot.store.transaction import Job, JobKind, Transaction
from bot.worker import threads
from tests import postgres
from tests.store.conftest import (
    CASE,
    ELSEWHERE,
    OTHER_CASE,
    REPLY,
    THREAD,
    card_of,
    cards_of,
    claim,
    items_of,
    jobs_of,
    monitor,
    on_cards,
    paste,
    press,
    run,
    settle,
    sighted,
    start,
    states,
    tie,
    write,
)

T = TypeVar("T")
U = TypeVar("U")
Work = Coroutine[Any, Any, T]

WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


@pytest.fixture
def store(postgres_store: Store) -> Store:
    """SQLite lets one transaction at a time write, whoever asks."""
    return postgres_store


@pytest.fixture
async def other(store: Store) -> AsyncIterator[Store]:
    """Another replica's way into the same database."""
    made = Store(store.url)
    yield made
    await made.close()


async def until_waiting(store: Store, work: Work[T], *, behind: int = 0) -> "asyncio.Task[T]":
    """Start this and return when it waits for a lock, besides so many others that do."""
    task = asyncio.create_task(work)
    async with store.read() as watching:
        while not task.done() and (await watching.execute(WAITING)).scalar_one() <= behind:
            continue
    assert not task.done(), "it did not have to wait"
    return task


async def claimed(store: Store, kind: JobKind) -> Job:
    async with store.write() as tx:
        await tx.execute(update(schema.jobs).where(schema.jobs.c.kind == kind).values(due_at=0.0))
        job = await claim(tx)
    assert job is not None
    assert job.kind is kind
    return job


async def show(tx: Transaction, job: Job, card: Card) -> None:
    """What a card's job writes down once Slack has it."""
    await cards.shown(tx, card.id, card.version, "1.1", "digest")
    await jobs.complete(tx, job)


async def one_behind_the_other(store: Store, first: Work[T], second: Work[U]) -> tuple[T, U]:
    """Both wait for the case, in this order, and are let go at once."""
    async with store.write() as tx:
        await ties.lock_case(tx, CASE.org, CASE.case_id)
        one = await until_waiting(store, first)
        two = await until_waiting(store, second, behind=1)
    return await one, await two


@pytest.fixture
async def case_job(store: Store, card: Card) -> Job:
    """The only job, of the case of a card that asks."""
    await write(store, jobs.enqueue, JobKind.CASE, jobs.case_key(CASE.org, CASE.case_id))
    await run(store, schema.jobs.delete().where(schema.jobs.c.kind == JobKind.CARD))
    return await claimed(store, JobKind.CASE)


# --- the job's lost wake-up ---


async def test_work_that_is_added_while_its_job_ends_waits_for_that_and_makes_a_new_one(store, other, card):
    job = await claimed(store, JobKind.CARD)
    async with store.write() as tx:
        await jobs.check_lease(tx, job, 30.0)
        await cards.shown(tx, card.id, card.version, "1.1", "digest")
        adding = await until_waiting(store, write(other, cards.bump, card.id))
        await jobs.complete(tx, job)
    await adding
    assert await jobs_of(store, JobKind.CARD) == [card.id]
    assert (await card_of(store)).version > card.version


async def test_a_job_that_ends_while_work_is_added_waits_for_that_and_stays(store, other, card):
    job = await claimed(store, JobKind.CARD)

    async def finish(tx: Transaction) -> None:
        await jobs.check_lease(tx, job, 30.0)
        await jobs.complete(tx, job)

    async with store.write() as tx:
        await cards.bump(tx, card.id)
        finishing = await until_waiting(store, write(other, finish))
    await finishing
    assert await jobs_of(store, JobKind.CARD) == [card.id]


async def test_adding_without_enqueueing_would_strand_the_work_until_jobs_are_reconciled(store, other, case_job):
    """The reason for the rule: whoever adds work and only looks whether its job exists waits for nobody."""
    async with store.write() as finishing, other.write() as adding:
        await adding.execute(update(schema.insights).values(state=State.CONFIRMED))
        await jobs.check_lease(finishing, case_job, 30.0)
        assert await cases.work(finishing, CASE.org, CASE.case_id) == []
        row = await adding.execute(select(schema.jobs.c.id).where(schema.jobs.c.key == case_job.key))
        assert row.scalar_one() == case_job.id, "the job is there: nothing to do"
        await jobs.complete(finishing, case_job)
    assert await states(store) == {"1": State.CONFIRMED}
    assert await jobs_of(store, JobKind.CASE) == []
    await retention.reconcile(store)
    assert await jobs_of(store, JobKind.CASE) == [case_job.key]


async def test_a_confirmation_is_never_missed_by_the_end_of_its_cases_job(store, other, card, case_job):
    async with store.write() as tx:
        await ties.lock_case(tx, CASE.org, CASE.case_id)
        await jobs.check_lease(tx, case_job, 30.0)
        assert await cases.work(tx, CASE.org, CASE.case_id) == []
        confirming = await until_waiting(store, press(other, card, Action.ADD, 1))
        await jobs.complete(tx, case_job)
    assert (await confirming).moved == 1
    assert await jobs_of(store, JobKind.CASE) == [case_job.key]


# --- two at once ---


async def test_of_two_people_at_once_one_moves_the_insight_and_the_other_is_told(store, other, card):
    ana, ben = press(store, card, Action.ADD, 1, by="U0ANA"), press(other, card, Action.ADD, 1, by="U0BEN")
    both = await one_behind_the_other(store, ana, ben)
    first, second = sorted(both, key=lambda clicked: -clicked.moved)
    assert (first.moved, list(first.earlier)) == (1, [])
    assert second.moved == 0
    assert [item.state for item in second.earlier] == [State.CONFIRMED]
    assert second.earlier[0].by == (await items_of(store, card))[0].by


@pytest.mark.parametrize(("second", "sightings"), [("1000.2", [1, 1]), (REPLY, [0, 1])], ids=["two", "one told twice"])
async def test_messages_at_once_are_sighted_once_each_and_make_one_open_card(store, other, tied, second, sightings):
    told = await one_behind_the_other(store, paste(store, monitor(1)), paste(other, monitor(1), ts=second))
    assert sorted(told) == sightings
    assert await on_cards(store) == [["1"]]


async def test_a_link_that_comes_while_the_root_is_edited_is_not_offered_for_the_old_case(store, other, tied):
    new_root = ScannedMessage(THREAD, THREAD.ts, "U0ANA", (), (CaseName("default", OTHER_CASE.key),))
    editing = tie_changes.reroot(store, new_root)
    _, pasted = await one_behind_the_other(store, editing, paste(other, monitor(1)))
    assert pasted == 1
    assert await cards_of(store) == []
    assert [state for _, state, _ in await sighted(store)] == ["pending"]
    assert await jobs_of(store, JobKind.THREAD) == [jobs.thread_key(THREAD)]


# --- no deadlocks: the order is case, job, card ---


async def test_a_link_joins_a_card_while_that_is_being_shown(store, other, card):
    job = await claimed(store, JobKind.CARD)
    async with store.write() as tx:
        await jobs.check_lease(tx, job, 30.0)
        joining = await until_waiting(store, paste(other, monitor(2), ts="1000.3"))
        await show(tx, job, card)
    assert await joining == 1
    assert await on_cards(store) == [["1", "2"]]
    assert await jobs_of(store, JobKind.CARD) == [card.id]


async def test_an_insight_fails_late_while_its_card_is_being_shown(store, other, card):
    await press(store, card, Action.ADD, 1)
    no_case_job = schema.jobs.delete().where(schema.jobs.c.kind == JobKind.CASE)
    await run(store, update(schema.insights).values(confirmed_at=1.0), no_case_job)
    job = await claimed(store, JobKind.CARD)

    async def fail(tx: Transaction) -> None:
        await ties.lock_case(tx, CASE.org, CASE.case_id)
        await settle(tx, State.FAILED, note="No.")

    async with store.write() as tx:
        await jobs.check_lease(tx, job, 30.0)
        failing = await until_waiting(store, write(other, fail))
        await show(tx, job, await card_of(store))
    await failing
    assert (await card_of(store)).late_replies_due == 1
    assert await jobs_of(store, JobKind.CARD) == [card.id]


async def test_a_thread_that_is_untied_while_its_links_are_offered_offers_none(store, other, tied):
    """Whoever is second sees that under the case's lock."""
    async with store.read() as connection:
        was = await ties.of(connection, THREAD)
    async with store.write() as tx:
        await ties.lock_case(tx, CASE.org, CASE.case_id)
        locking = await until_waiting(store, write(other, ties.lock_tied, THREAD, was))
        await ties.say(tx, THREAD, TieKind.NONE, "U0ANA", await now(tx))
    assert not await locking


async def test_two_threads_that_name_two_cases_in_different_order_do_not_wait_for_each_other(store, other, tied):
    await tie(store, ELSEWHERE, OTHER_CASE)
    first, last = sorted([CASE, OTHER_CASE], key=lambda case: case.case_id)
    root = Thread("T0ACME", "C0INCIDENTS", "3000.1")
    async with store.write() as tx:
        await cases.save(tx, replace(first, title="New"))
        writing = await until_waiting(store, write(other, threads.write_root, root, [last, first], await now(tx), None))
        await cases.save(tx, replace(last, title="New"))
    await writing


# --- starting at once ---


async def test_four_replicas_that_start_at_once_on_an_empty_database_all_come_up(postgres_url):
    url = postgres.create(postgres_url, "empty")
    came = await asyncio.gather(*(start(url) for _ in range(4)))
    postgres.drop(postgres_url, "empty")
    assert [revision for revision, _ in came] == 4 * [migrate.HEAD]


@pytest.mark.parametrize("opened", [Store.read, Store.write])
async def test_no_statement_keeps_a_click_waiting_for_longer_than_a_second(store, opened):
    async with opened(store) as connection:
        with pytest.raises(SQLAlchemyError, match=r"statement timeout|did not answer within 1\.0 s"):
            await connection.execute(text("SELECT pg_sleep(60)"))
