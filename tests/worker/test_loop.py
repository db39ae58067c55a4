"""What the loop writes of a turn's outcome: once, in one transaction, and only while the lease stands."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.datadog.errors import DatadogPermanent, DatadogTransient, TransientReason
from bot.insights.clicks import Action
from bot.messages import replies, sentences
from bot.model import State
from bot.services.context import Context
from bot.slack.client import SlackPermanent, SlackTransient
from bot.store import Store, jobs, schema
from bot.store.cards import Timing
from bot.store.transaction import Job, JobKind, Transaction
from bot.worker.backoff import answer_is_due, backoff
from bot.worker.loop import HANDLERS, Worker
from bot.worker.outcomes import Done, GiveUp, More, Outcome, RetryAfter
from tests.store.conftest import (
    CASE,
    REPLY,
    card_of,
    claim,
    items_of,
    jobs_of,
    monitor,
    paste,
    press,
    sighted,
    states,
    tie,
)

KEY = jobs.case_key(CASE.org, CASE.case_id)


def context(store: Store, *, give_up_after: float = 3600.0) -> Context:
    """With no organisation: whatever is confirmed waits for keys."""
    nothing: Any = None
    times: Any = {"lease": 30.0, "retry_cap": 300.0, "give_up_after": give_up_after, "keep": 3600.0}
    return Context(store, nothing, {}, nothing, None, timing=Timing(), **times)


async def claimed(store: Store, kind: JobKind = JobKind.CASE) -> Job:
    """The only job left, a second after its last turn."""
    async with store.write() as tx:
        await tx.execute(schema.jobs.delete().where(schema.jobs.c.kind != kind))
        await tx.execute(update(schema.jobs).values(due_at=0.0, since=schema.jobs.c.since - 1))
        job = await claim(tx)
    assert job is not None
    return job


async def confirmed(store: Store) -> None:
    await tie(store)
    await paste(store, monitor(1))
    await press(store, await card_of(store), Action.ADD, 1)


async def rows(store: Store) -> Sequence[Any]:
    async with store.read() as connection:
        return await connection.execute(select(schema.jobs).where(schema.jobs.c.key == KEY))


async def test_a_case_without_work_is_done(store):
    async with store.write() as tx:
        await jobs.enqueue(tx, JobKind.CASE, KEY)
    await Worker(context(store))._work(await claimed(store))
    assert await rows(store) == []


async def test_what_waits_says_why_on_its_cards_and_counts_its_attempts(store):
    await confirmed(store)
    before = (await card_of(store)).version
    await Worker(context(store))._work(await claimed(store))
    [row] = await rows(store)
    assert (row.attempts, row.token) == (1, None)
    assert "no longer has keys for the Datadog organisation default" in row.note
    assert (await card_of(store)).version > before


async def test_what_waited_too_long_failed_with_a_sentence(store):
    await confirmed(store)
    worker = Worker(context(store, give_up_after=0.0))
    for _ in range(2):  # the first failure begins the time
        await worker._work(await claimed(store))
    assert await states(store) == {"1": State.FAILED}
    [item] = await items_of(store, await card_of(store))
    assert item.note.startswith("Given up after 0 h")
    assert await rows(store) == []


async def test_a_holder_whose_lease_is_lost_writes_nothing(store):
    await confirmed(store)
    job = await claimed(store)
    async with store.write() as tx:
        await tx.execute(update(schema.jobs).values(token="somebody else"))
    await Worker(context(store))._work(job)
    [row] = await rows(store)
    assert (row.attempts, row.token) == (0, "somebody else")


class Handler:
    """Returns, or raises, what a test wants."""

    def __init__(self, *outcomes: Outcome | Exception) -> None:
        self.outcomes, self.ends = list(outcomes), list[GiveUp]()

    async def work(self, context: Context, job: Job) -> Outcome:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def give_up(self, context: Context, job: Job, end: GiveUp) -> Done:
        self.ends.append(end)
        return Done()


class Failing(Handler):
    """Slack does not answer in any turn; the job is given up as those of its kind are."""

    def __init__(self, kind: JobKind) -> None:
        # Longer than the column that keeps the reason: PostgreSQL would refuse it.
        super().__init__(*2 * [SlackTransient("conversations.replies: ServerDisconnectedError")])
        self.give_up = HANDLERS[kind].give_up


@pytest.fixture
def given_up(store: Store):
    """Lets the only job of a kind fail for too long."""

    async def have(kind: JobKind) -> None:
        worker = Worker(context(store, give_up_after=0.0), {kind: Failing(kind)})
        for _ in range(2):
            await worker._work(await claimed(store, kind))

    return have


@pytest.fixture
def turn(store: Store):
    """Lets a case's job have one turn with a handler."""

    async def have(handler: Handler, *, give_up_after: float = 3600.0) -> None:
        async with store.write() as tx:
            await jobs.enqueue(tx, JobKind.CASE, KEY)
        worker = Worker(context(store, give_up_after=give_up_after), {JobKind.CASE: handler})
        await worker._work(await claimed(store))

    return have


async def test_more_keeps_the_job_with_its_batch_size(store, turn):
    await turn(Handler(More(50, 2)))
    [row] = await rows(store)
    assert (row.batch_size, row.refused, row.token) == (50, 2, None)


async def test_what_belongs_to_the_end_of_a_turn_is_written_with_it_and_told_after(store, turn):
    told: list[object] = []

    async def write(tx: Transaction) -> int:
        await jobs.enqueue(tx, JobKind.CARD, "other")
        return 7

    async def after(written: object) -> None:
        told.append((written, await rows(store)))

    await turn(Handler(Done(write=write, after=after)))
    assert told == [(7, [])]


async def test_a_write_that_fails_writes_nothing_and_counts_as_an_attempt(store, turn):
    async def write(tx: Transaction) -> None:
        await jobs.enqueue(tx, JobKind.CARD, "other")
        raise ZeroDivisionError

    await turn(Handler(Done(write=write)))
    [row] = await rows(store)
    assert (row.attempts, row.token, row.note[:20]) == (1, None, "Something went wrong")
    async with store.read() as connection:
        kinds = (await connection.execute(select(schema.jobs.c.kind))).scalars()
    assert kinds == [JobKind.CASE]


async def test_an_error_of_ours_counts_as_an_attempt_and_is_given_up_some_day(store, turn):
    handler = Handler(ZeroDivisionError(), ZeroDivisionError())
    await turn(handler)
    [row] = await rows(store)
    assert (row.attempts, row.note[:20]) == (1, "Something went wrong")
    await turn(handler, give_up_after=0.0)
    [end] = handler.ends
    assert end.reason == "gave_up"
    assert end.words.startswith("Something went wrong")
    assert await rows(store) == []


async def test_giving_up_is_the_handlers_to_write(store, turn):
    handler = Handler(GiveUp("channel_not_found"))
    await turn(handler)
    assert (handler.ends, await rows(store)) == ([GiveUp("channel_not_found")], [])


async def test_what_does_not_count_is_never_given_up(store, turn):
    handler = Handler(*2 * [RetryAfter(1.0, "Keys.", counts=False)])
    await turn(handler, give_up_after=0.0)
    await turn(handler, give_up_after=0.0)
    [row] = await rows(store)
    assert (row.attempts, handler.ends) == (0, [])


def test_back_off_doubles_up_to_its_cap_and_keeps_to_what_was_asked():
    assert all(0.8 * wanted <= backoff(attempts, 300.0) <= wanted for attempts, wanted in [(0, 1), (3, 8), (99, 300)])
    assert (backoff(0, 300.0, asked=42.0), backoff(9, 300.0, asked=0.0)) == (42.0, 0.05)
    assert answer_is_due(30.0) == 22.5


async def test_an_error_in_what_is_written_is_given_up_some_day(store, turn):
    async def write(tx: Transaction) -> None:
        raise ZeroDivisionError

    handler = Handler(*2 * [Done(write=write)])
    await turn(handler, give_up_after=0.0)
    await turn(handler, give_up_after=0.0)
    [end] = handler.ends
    assert end.words.startswith("Something went wrong")


async def test_what_a_failed_call_left_is_written_although_its_job_is_given_up(store, turn):
    written: list[int] = []

    async def write(tx: Transaction) -> None:
        written.append(1)

    handler = Handler(*2 * [RetryAfter(1.0, "Datadog.", write=write)])
    await turn(handler, give_up_after=0.0)
    await turn(handler, give_up_after=0.0)
    assert (len(written), handler.ends) == (2, [GiveUp("gave_up", "Datadog.")])


async def test_a_thread_that_failed_for_too_long_keeps_the_code_that_why_has_a_sentence_for(store, given_up):
    await paste(store, monitor(1))
    await given_up(JobKind.THREAD)
    assert await sighted(store) == [(REPLY, "not", "gave_up")]


async def test_a_card_that_could_not_be_shown_for_too_long_has_ended(store, given_up):
    await tie(store)
    await paste(store, monitor(1))
    await given_up(JobKind.CARD)
    assert (await card_of(store)).ended == "gave_up"
    assert await jobs_of(store, JobKind.CARD) == []


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (SlackTransient("ratelimited", 3.0), RetryAfter(3.0, "ratelimited")),
        (SlackPermanent("is_archived"), GiveUp("is_archived")),
        (
            SlackPermanent("missing_scope", "channels:history"),
            RetryAfter(300.0, replies.missing_scope("channels:history"), counts=False),
        ),
        (
            DatadogTransient(TransientReason.RATE_LIMITED, 429, after=7.0, sent=False),
            RetryAfter(7.0, "Datadog asks the bot to slow down (429)."),
        ),
        (DatadogTransient(TransientReason.SILENT, 503), RetryAfter(None, "Datadog is not answering (503).")),
        (
            DatadogTransient(TransientReason.CREDENTIALS, 403, after=60.0, sent=False),
            RetryAfter(60.0, sentences.CREDENTIALS, counts=False),
        ),
        (
            DatadogTransient(TransientReason.SILENT, None, after=5.0, sent=False, tried=False),
            RetryAfter(5.0, "Datadog is not answering.", counts=False),
        ),
        (SlackTransient("ratelimited", 3.0, tried=False), RetryAfter(3.0, "ratelimited", counts=False)),
        (DatadogPermanent(403, "Forbidden"), RetryAfter(300.0, "Datadog says: 'Forbidden'")),
        (DatadogPermanent(403, "*No* <&>"), RetryAfter(300.0, "Datadog says: '*No* <&>'")),
    ],
)
async def test_what_any_kind_may_raise_becomes_one_outcome(sqlite_store, error, outcome):
    worker = Worker(context(sqlite_store), {JobKind.CASE: Handler(error)})
    async with sqlite_store.write() as tx:
        await jobs.enqueue(tx, JobKind.CASE, KEY)
    assert await worker._turn(await claimed(sqlite_store)) == outcome
