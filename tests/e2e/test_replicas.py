"""Two bots on one PostgreSQL: they share the work, never do it twice, and one takes over from the other."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator

import pytest

from bot.sandbox.bot_process import BotProcess
from tests.e2e import test_crashes, test_failures, test_main_job
from tests.e2e.bench import CHANNEL, PUT, Bench

LEASE = 4.0
"""Seconds, as the bench sets it."""


@contextlib.contextmanager
def paused(replica: BotProcess) -> Iterator[None]:
    """It does nothing, and is not dead."""
    process = replica._process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


async def test_of_two_clicks_at_once_on_two_replicas_one_is_a_put_and_the_other_person_is_told(pair: Bench) -> None:
    """K7."""
    root, card = await pair.offer(1)
    people = {"U0EVA": "Eva", "U0FAY": "Fay"}
    for user, name in people.items():
        pair.slack.add_user(id=user, name=name.lower(), real_name=name)
        pair.slack.join(CHANNEL, user)
    await pair.handled()
    # Nobody knows these two yet: both replicas ask who they are before they go to the database.
    pair.control.rule("slack", "users.info", hold="before", times=2)
    clicks = [asyncio.create_task(pair.click(card, "insights.add", user)) for user in people]
    await pair.control.until(lambda: len(pair.control.held()) == 2, what="both clicks to be under way")
    pair.control.release()
    assert all(result["acknowledged"] for result in await asyncio.gather(*clicks))

    await pair.card(root, "Added to CASEM-4523 by ")
    second = await pair.control.until(
        lambda: next((user for user in people if pair.private(user)), None), what="a private answer"
    )
    first = next(user for user in people if user != second)
    assert pair.private(second)[0].startswith(f"{people[first]} already ")
    await pair.card(root, f"by {people[first]}")
    await pair.handled()
    assert pair.private(first) == []
    assert len(pair.calls(PUT)) == 1
    assert len(pair.on_case) == 1


async def test_when_one_replica_is_killed_the_other_finishes_its_work_after_the_lease(pair: Bench) -> None:
    """Also where the survivor's clock is an hour ahead: a lease is the database's to judge."""
    root, card = await pair.offer(1)
    await pair.handled()
    pair.control.rule("datadog", PUT, hold="before", drop="before", times=1)
    with paused(pair.bots[1]):
        while not (await pair.click(card, "insights.add"))["acknowledged"]:
            pass  # it went to the one that does nothing: a person presses again
        lost = await pair.held(PUT)
        await pair.kill(0)
    pair.control.release()

    await pair.card(root, "Added to CASEM-4523 by Ana")
    await pair.handled()
    assert [call.status for call in pair.calls(PUT)] == [None, 200]
    assert pair.calls(PUT)[1].at - lost.at > LEASE - 1.0
    assert len(pair.on_case) == 1


async def test_what_datadog_did_not_answer_to_replicas_that_were_asked_to_stop_is_left_to_the_next(pair: Bench) -> None:
    root, card = await pair.offer(1)
    await pair.handled()
    pair.control.rule("datadog", PUT, hold="after", times=1)
    await pair.click(card, "insights.add")
    await pair.held(PUT)
    assert await asyncio.gather(*(bot.stop() for bot in pair.bots)) == [0, 0]
    pair.control.release()
    await pair.age_unfinished_work()
    await pair.start()
    await pair.card(root, "Added to CASEM-4523 by Ana")
    await pair.handled()
    assert len(pair.calls(PUT)) == 1, "it was there already"
    assert len(pair.on_case) == 1


# What two databases and two processes could do differently; the store's own tests run on both databases anyway.
async def killed_before_the_answer(pair: Bench) -> None:
    await test_crashes.test_killed_around_a_put_it_is_added_once(pair, {"hold": "after"}, 1, 1)


SCENARIOS = (
    test_main_job.test_one_click_puts_exactly_the_insights_of_the_thread_on_the_case,
    test_main_job.test_of_overlapping_choices_each_insight_is_added_once,
    test_main_job.test_undo_takes_off_exactly_what_was_added_and_it_is_not_offered_again,
    test_failures.test_rotated_keys_make_everything_wait_and_all_of_it_resumes,
    test_failures.test_an_answer_that_gets_lost_after_the_insight_was_added_adds_it_once,
    killed_before_the_answer,
)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__.removeprefix("test_"))
async def test_with_two_replicas_on_postgresql_as_with_one_on_sqlite(
    pair: Bench, scenario: Callable[[Bench], Awaitable[None]]
) -> None:
    await scenario(pair)
