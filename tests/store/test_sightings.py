"""Sightings: written down once however often Slack tells, offered once, taken back with their links."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from bot.insights import Mode, ScannedMessage
from bot.insights.clicks import Action
from bot.model import CaseName, Insight, InsightType, State, Thread, TieKind, TieSource
from bot.store import Store, jobs, now, offers, schema, tie_changes, ties
from bot.store.offers import Rules
from bot.store.transaction import JobKind
from tests.store.conftest import (
    CASE,
    CODE,
    ELSEWHERE,
    LATER,
    OTHER_CASE,
    REPLY,
    THREAD,
    TIMING,
    card_of,
    cards_of,
    claim,
    identity,
    items_of,
    jobs_of,
    monitor,
    monitors,
    on_cards,
    paste,
    press,
    rows,
    run,
    sighted,
    states,
    take_back,
    tie,
    write,
)

NAMED = CaseName("default", "CASEM-4523")


async def offer(store: Store, case=CASE, rules: Rules = Rules(TIMING)) -> None:  # noqa: B008  it is frozen
    """What the thread's job does once it knows the case."""
    await tie(store, case=case)
    async with store.write() as tx:
        found = await ties.of(tx, THREAD)
        assert found is not None
        await offers.offer_pending(tx, THREAD, found, rules, await now(tx))


async def test_what_was_posted_while_slack_was_asked_who_may_waits_until_its_poster_was_asked_about_too(store):
    await paste(store, monitor(1))
    await paste(store, monitor(2), poster="U0BEN", ts=LATER)
    auto, people = Rules(TIMING, Mode.AUTO, frozenset({"U0ANA"})), {"U0ANA", "U0BEN"}
    await offer(store, rules=replace(auto, judged=frozenset({"U0ANA"})))
    assert await states(store) == {"1": State.CONFIRMED}
    assert len(await jobs_of(store, JobKind.THREAD)) == 1, "the next turn asks about Ben"
    await offer(store, rules=replace(auto, judged=frozenset(people), may=frozenset(people)))
    assert (await states(store))["2"] is State.CONFIRMED


# --- once ---


async def test_a_message_told_eleven_times_is_sighted_once(store, tied):
    told = [await paste(store, *monitors(1, 2)) for _ in range(11)]
    assert told == [2] + 10 * [0]
    assert await on_cards(store) == [["1", "2"]]


async def test_a_message_told_eleven_times_at_once_is_sighted_once(store, tied):
    told = await asyncio.gather(*(paste(store, *monitors(1, 2)) for _ in range(11)))
    assert sorted(told) == 10 * [0] + [2]
    assert await on_cards(store) == [["1", "2"]]
    assert (await card_of(store)).version == 1


async def test_repeats_in_an_untied_thread_are_sighted_once_too(store):
    assert [await paste(store, monitor(1)) for _ in range(11)] == [1] + 10 * [0]
    assert len(await jobs_of(store, JobKind.THREAD)) == 1


async def test_a_link_in_two_messages_of_a_thread_is_offered_once(store, card):
    assert await paste(store, monitor(1), ts=LATER) == 1
    assert await on_cards(store) == [["1"]]
    assert await sighted(store) == [(REPLY, "offered", None), (LATER, "not", "on_card")]


async def test_widget_21_of_two_dashboards_is_two_insights(store, tied):
    widgets = [Insight(InsightType.WIDGET, "21", f"/dashboard/{name}", "app.datadoghq.com", name) for name in "ab"]
    await paste(store, *widgets)
    assert [item.scope for item in await items_of(store, await card_of(store))] == ["a", "b"]


async def test_one_link_in_two_threads_of_a_case_is_one_insight_on_two_cards_and_a_decision_shows_on_both(store, card):
    await tie(store, ELSEWHERE)
    await paste(store, monitor(1), thread=ELSEWHERE, ts="2000.000200")
    assert await states(store) == {"1": State.OFFERED}
    assert await on_cards(store) == await on_cards(store, ELSEWHERE) == [["1"]]
    elsewhere = await card_of(store, ELSEWHERE)
    await press(store, card, Action.DISMISS)
    assert (await card_of(store, ELSEWHERE)).version == elsewhere.version + 1
    assert set(await jobs_of(store, JobKind.CARD)) == {card.id, elsewhere.id}


# --- not again ---


async def test_what_was_dismissed_for_a_case_is_not_offered_again(store, card):
    await tie(store, ELSEWHERE)
    await press(store, card, Action.DISMISS)
    await paste(store, monitor(1), ts=LATER)
    await paste(store, monitor(1), thread=ELSEWHERE, ts="2000.000200")
    assert await cards_of(store, ELSEWHERE) == []
    assert [row[2] for row in await sighted(store)] == [None, "dismissed", "dismissed"]


async def test_what_was_dismissed_for_one_case_is_still_offered_for_another(store, card):
    """K2."""
    await tie(store, ELSEWHERE, OTHER_CASE)
    await press(store, card, Action.DISMISS)
    await paste(store, monitor(1), thread=ELSEWHERE, ts="2000.000200")
    assert await states(store, CASE) == {"1": State.DISMISSED}
    assert await states(store, OTHER_CASE) == {"1": State.OFFERED}


@pytest.mark.parametrize(
    ("on_case", "org", "reason"), [({identity(1)}, CASE.org, "on_case"), (set(), "acquired", "other_org")]
)
async def test_what_is_on_the_case_already_or_of_another_organisation_makes_no_card(store, on_case, org, reason):
    await tie(store, case=replace(CASE, on_case=frozenset(on_case)))
    await paste(store, monitor(1), org=org)
    assert await cards_of(store) == []
    assert await sighted(store) == [(REPLY, "not", reason)]


# --- before the case is known ---


async def test_in_an_unknown_thread_a_link_waits_and_the_thread_is_looked_up_at_once(store):
    assert await paste(store, monitor(1)) == 1
    assert await sighted(store) == [(REPLY, "pending", None)]
    assert await cards_of(store) == []
    assert await jobs_of(store, JobKind.THREAD) == [jobs.thread_key(THREAD)]
    job = await write(store, claim)
    assert job is not None, "it is due"
    assert (job.kind, job.key) == (JobKind.THREAD, jobs.thread_key(THREAD))


async def test_what_waited_is_offered_once_the_case_is_known(store):
    await paste(store, monitor(1))
    await paste(store, *monitors(1, 2), ts=LATER)
    await offer(store)
    assert await on_cards(store) == [["1", "2"]]
    assert await sighted(store) == [(REPLY, "offered", None), (LATER, "not", "on_card"), (LATER, "offered", None)]


async def test_a_thread_about_no_case_costs_nothing_more(store):
    async with store.write() as tx:
        await ties.set_from_root(tx, THREAD, TieKind.NO_CASE, await now(tx))
    assert await paste(store, monitor(1)) == 0
    assert await sighted(store) == []
    assert await jobs_of(store, JobKind.THREAD) == []


async def test_what_waited_in_a_thread_about_no_case_is_set_aside_with_the_reason(store):
    await paste(store, monitor(1))
    await write(store, offers.set_aside, THREAD, TieKind.NO_CASE)
    assert await sighted(store) == [(REPLY, "not", "no_case")]


async def test_a_code_change_alone_asks_nobody_for_the_case(store):
    await paste(store, CODE)
    assert await jobs_of(store, JobKind.THREAD) == []
    await paste(store, monitor(1), ts=LATER)
    await offer(store)
    assert [item.type for item in await items_of(store, await card_of(store))] == ["SCM_URL", "MONITOR"]


async def test_a_root_that_names_no_case_is_not_written_down(store):
    assert await paste(store, monitor(1), ts=THREAD.ts) == 0
    assert await sighted(store) == []


async def test_a_root_that_names_a_case_is_looked_up_with_its_own_links(store):
    await paste(store, monitor(1), ts=THREAD.ts, names=(NAMED,))
    async with store.read() as connection:
        found = await ties.of(connection, THREAD)
    assert found is not None
    assert (found.kind, found.named) == (TieKind.NAMED, (NAMED,))
    assert await jobs_of(store, JobKind.THREAD) == [jobs.thread_key(THREAD)]
    await offer(store)
    assert await on_cards(store) == [["1"]]


# --- taken back ---


async def test_a_link_that_left_its_message_and_no_other_is_withdrawn(store, tied):
    await paste(store, *monitors(1, 2))
    version = (await card_of(store)).version
    assert await take_back(store) == 0
    assert await take_back(store, 1, ts=LATER) == 0, "this message was never sighted"
    assert await take_back(store, 1) == 1
    assert await states(store) == {"1": State.WITHDRAWN, "2": State.OFFERED}
    assert (await card_of(store)).version == version + 1


@pytest.mark.parametrize(("thread", "ts"), [(THREAD, LATER), (ELSEWHERE, "2000.000200")], ids=["message", "thread"])
async def test_a_link_that_another_message_or_thread_still_has_stays_offered(store, card, thread: Thread, ts: str):
    await tie(store, ELSEWHERE)
    await paste(store, monitor(1), thread=thread, ts=ts)
    assert await take_back(store, 1) == 0
    assert await states(store) == {"1": State.OFFERED}
    assert await take_back(store, 1, thread=thread, ts=ts) == 1


@pytest.mark.parametrize("action", [Action.ADD, Action.DISMISS])
async def test_what_was_decided_outlives_its_message(store, card, action: Action):
    await press(store, card, action, 1)
    before = await states(store)
    assert await take_back(store, 1) == 0
    assert await states(store) == before


async def test_what_waits_and_leaves_its_message_is_never_offered(store):
    await paste(store, *monitors(1, 2))
    await take_back(store, 1)
    await offer(store)
    assert await on_cards(store) == [["2"]]


@pytest.mark.parametrize(
    ("ts", "left"),
    [(LATER, [(REPLY, "gone", None), (LATER, "offered", None)]), (REPLY, [(REPLY, "offered", None)])],
    ids=["by another message", "by an edit"],
)
async def test_what_was_withdrawn_is_offered_again_when_it_comes_back(store, card, ts: str, left: list[object]):
    await take_back(store, 1)
    assert await paste(store, monitor(1), ts=ts) == 1
    assert await states(store) == {"1": State.OFFERED}
    assert await on_cards(store) == [["1"]]
    assert await sighted(store) == left


# --- a root that is edited ---


async def reroot(store: Store, *names: CaseName) -> None:
    await tie_changes.reroot(store, ScannedMessage(THREAD, THREAD.ts, "U0ANA", (), names))


async def test_a_root_that_names_another_case_takes_its_offers_along(store, tied):
    await paste(store, *monitors(1, 2))
    await press(store, await card_of(store), Action.ADD, 1)
    await paste(store, monitor(3), ts=LATER)
    await reroot(store, CaseName("default", OTHER_CASE.key))
    assert await states(store) == {"1": State.CONFIRMED, "2": State.DISMISSED, "3": State.WITHDRAWN}
    await offer(store, OTHER_CASE)
    assert await states(store, OTHER_CASE) == dict.fromkeys("123", State.OFFERED)


async def test_a_root_that_names_no_case_any_more_is_looked_up_again(store, card):
    await reroot(store)
    async with store.read() as connection:
        assert await ties.of(connection, THREAD) is None
    assert await jobs_of(store, JobKind.THREAD) == [jobs.thread_key(THREAD)]
    assert await states(store) == {"1": State.WITHDRAWN}


async def test_a_root_that_is_edited_does_not_undo_what_a_person_said(store, card):
    await run(store, update(schema.ties).values(source=TieSource.SAID))
    await reroot(store, CaseName("default", OTHER_CASE.key))
    assert await states(store) == {"1": State.OFFERED}


# --- the audit ---


async def test_every_move_is_written_down_with_who_and_whence(store, card):
    await press(store, card, Action.DISMISS, by="U0BEN")
    table = schema.transitions
    moves = select(table.c.old, table.c.new, table.c.by, table.c.message).order_by(table.c.id)
    assert await rows(store, moves) == [
        (None, "offered", None, f"T0ACME/C0INCIDENTS/{REPLY}"),
        ("offered", "dismissed", "U0BEN", None),
    ]
