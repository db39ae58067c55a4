"""Upkeep: a job that is missing is made again; what was finished long ago goes, and nothing else."""

import pytest
from sqlalchemy import Update, insert, select, text, update

from bot.insights.clicks import Action
from bot.model import State, Thread, TieKind
from bot.store import Store, cards, creations, mentions, reactions, retention, schema, ties
from bot.store.creations import Creation, CreationState
from bot.store.jobs import case_key, thread_key
from bot.store.reactions import Reaction
from bot.store.retention import BATCH
from bot.store.transaction import JobKind
from tests.store.conftest import (
    CASE,
    CODE,
    ELSEWHERE,
    LATER,
    REPLY,
    THREAD,
    card_of,
    cards_of,
    column,
    jobs_of,
    monitor,
    monitors,
    paste,
    press,
    rows,
    run,
    settle,
    sighted,
    states,
    take_back,
    tie,
    write,
)

KEEP = 3600.0


async def lose_jobs(store: Store) -> None:
    await run(store, schema.jobs.delete())


async def let_time_pass(store: Store, seconds: float = 2 * KEEP) -> None:
    """All that happened happened so much earlier."""
    times = (schema.sightings.c.at, schema.insights.c.at, schema.cards.c.first_link_at)
    await run(store, *(update(column.table).values({column: column - seconds}) for column in times))


async def show(store: Store) -> None:
    """Slack shows the card as it is."""
    card = await card_of(store)
    await write(store, cards.shown, card.id, card.version, "1.1", "digest")
    await lose_jobs(store)


async def added(store: Store, *numbers: int) -> None:
    """These were offered, confirmed and added, and their card says so."""
    await tie(store)
    await paste(store, *monitors(*numbers))
    await press(store, await card_of(store), Action.ADD, *numbers)
    await write(store, settle, State.ADDED, ours=True)
    await show(store)


# --- sweep ---


async def test_a_confirmed_insight_whose_job_is_missing_gets_it_back(store, card):
    await press(store, card, Action.ADD, 1)
    await show(store)
    assert await retention.reconcile(store) == 1
    assert await jobs_of(store, JobKind.CASE) == [case_key(CASE.org, CASE.case_id)]


async def test_a_card_that_slack_shows_as_it_was_gets_its_job_back(store, card):
    await lose_jobs(store)
    assert await retention.reconcile(store) == 1
    assert await jobs_of(store, JobKind.CARD) == [card.id]


async def test_a_thread_whose_links_wait_gets_its_job_back(store):
    await paste(store, monitor(1))
    await lose_jobs(store)
    assert await retention.reconcile(store) == 1
    assert await jobs_of(store, JobKind.THREAD) == [thread_key(THREAD)]


async def test_a_case_that_somebody_waits_for_gets_its_job_back_and_its_wanted_goes_once_all_is_told(store):
    wanted = Creation("a" * 32, THREAD, "default", "U0ANA", "Slow", "type", "project", "P1", "Since noon")
    assert [await write(store, creations.ask, wanted) for _ in range(2)] == [True, False]
    await run(store, update(schema.creations).values(at=0.0))
    for state in CreationState:
        await lose_jobs(store)
        assert await jobs_of(store, JobKind.CREATE) == []
        assert await retention.prune(store, KEEP) == 0
        await write(store, creations.settle, wanted, state)
        assert await retention.reconcile(store) == (state is not CreationState.DONE)
    texts = select(schema.creations.c.title, schema.creations.c.description, schema.creations.c.note)
    assert await rows(store, texts) == [("", "", "")]
    assert await retention.prune(store, KEEP) == 1


async def test_where_nothing_is_missing_nothing_is_made(store):
    await paste(store, monitor(1), thread=ELSEWHERE)
    await added(store, 1)
    await paste(store, monitor(2), ts=LATER)
    await lose_jobs(store)
    assert await retention.reconcile(store) == 2
    assert await retention.reconcile(store) == 0


async def test_code_changes_alone_and_cards_that_ended_wait_for_nothing(store, card):
    await paste(store, CODE, thread=ELSEWHERE)
    await write(store, cards.end, card.id, "is_archived")
    await lose_jobs(store)
    assert await retention.reconcile(store) == 0


# --- prune ---


async def test_what_was_finished_long_ago_and_not_just_now_goes_and_the_insights_stay(store):
    await added(store, 1, 2)
    await let_time_pass(store, KEEP / 2)
    assert await retention.prune(store, KEEP) == 0
    await let_time_pass(store)
    assert await retention.prune(store, KEEP) == 3
    for table in (schema.sightings, schema.cards, schema.card_insights):
        assert await rows(store, select(table)) == []
    assert await states(store) == {"1": State.ADDED, "2": State.ADDED}
    await paste(store, monitor(1), ts=LATER)
    assert await cards_of(store) == [], "what was added once is not offered again"


@pytest.mark.parametrize(
    "keeps",
    [
        update(schema.insights).values(at=schema.insights.c.at + 2 * KEEP),
        update(schema.insights).values(state=State.CONFIRMED),
        update(schema.cards).values(version=schema.cards.c.version + 1),
    ],
    ids=["decided lately", "under way", "not shown"],
)
async def test_a_card_stays_however_old_its_links_are(store, keeps: Update):
    await added(store, 1)
    await let_time_pass(store)
    await run(store, keeps)
    await retention.prune(store, KEEP)
    assert len(await cards_of(store)) == 1


async def test_what_nobody_has_decided_on_stays_and_can_still_be_taken_back(store, card):
    await show(store)
    await let_time_pass(store)
    assert await retention.prune(store, KEEP) == 0
    assert await take_back(store, 1) == 1


async def test_a_link_that_waits_for_its_threads_case_stays(store):
    await paste(store, monitor(1))
    await let_time_pass(store)
    assert await retention.prune(store, KEEP) == 0
    assert await sighted(store) == [(REPLY, "pending", None)]


@pytest.mark.parametrize("more", [0, 1])
async def test_only_so_many_rows_go_at_once(store, more: int):
    row = {
        "workspace": "T0ACME", "channel": "C0INCIDENTS", "thread_ts": "1.1", "type": "MONITOR", "scope": "",
        "resource_id": "1", "ref": "/monitors/1", "host": "app.datadoghq.com", "orgs": "[]", "state": "not", "at": 0.0,
    }  # fmt: skip
    async with store.write() as tx:
        await tx.execute(insert(schema.sightings), [{**row, "message_ts": str(n)} for n in range(BATCH + more)])
    assert [await retention.prune(store, KEEP) for _ in range(2)] == [BATCH, more]


async def test_what_is_only_kept_against_repetition_goes_and_what_people_said_stays(store):
    await paste(store, CODE, thread=ELSEWHERE)
    await mentions.hear(store, THREAD, REPLY)
    await write(store, reactions.hear, Reaction(THREAD.whole_channel, REPLY, "U0ANA", "1.1"), 0.0)
    root, said = Thread("T0ACME", "C0INCIDENTS", "3000.1"), Thread("T0ACME", "C0INCIDENTS", "3000.2")
    await write(store, ties.set_from_root, root, TieKind.NO_CASE, 0.0)
    await write(store, ties.say, said, TieKind.NONE, "U0ANA", 0.0)
    await run(store, *(update(table).values(at=0.0) for table in (schema.sightings, schema.mentions)))
    assert await retention.prune(store, KEEP) == 4
    assert await column(store, select(schema.ties.c.thread_ts)) == [said.ts]


async def test_the_planner_of_sqlite_learns_how_large_a_table_has_become(sqlite_store):
    await paste(sqlite_store, monitor(1))
    await sqlite_store.analyze()
    assert "sightings" in await column(sqlite_store, text("SELECT DISTINCT tbl FROM sqlite_stat1"))
