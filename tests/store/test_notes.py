"""Notes alone: one card an hour in a thread, none once one was dismissed there; beside insights they are offered."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from bot.insights import NOTES_EACH_SECONDS, Decision, Mode
from bot.insights.clicks import Action
from bot.model import Card, Insight, InsightType, NoteType, State, Thread
from bot.services.clicks import Click, apply
from bot.store import Store, retention, schema, sightings
from bot.store.offers import Rules
from bot.store.transaction import JobKind
from tests.store.conftest import (
    TIMING,
    age,
    card_of,
    cards_of,
    items_of,
    jobs_of,
    monitor,
    on_cards,
    paste,
    press,
    run,
    sighted,
    states,
    tie,
)

PAGE = Insight(InsightType.APM_RECOMMENDATION, "?/apm/recommendations", "/apm/recommendations", "app.datadoghq.com")
OTHER = Thread("T0ACME", "C0INCIDENTS", "1001.000100")


def trace(number: int) -> Insight:
    return Insight(NoteType.NOTE, str(number), f"/apm/trace/{number}", "app.datadoghq.com", "Trace")


async def posted(store: Store) -> Card:
    """The thread's newest card, which stands in Slack now."""
    await run(store, update(schema.cards).values(ts="1000.000250", shown_version=schema.cards.c.version))
    return (await cards_of(store))[-1]


async def test_notes_alone_get_one_card_which_later_ones_join(store: Store, tied: None):
    await paste(store, trace(1))
    await paste(store, trace(2), ts="1000.000300")
    assert await on_cards(store) == [["1", "2"]]


@pytest.mark.parametrize(
    ("action", "ago", "decided"),
    [
        (Action.ADD, 60.0, Decision.NOTES_ALONE),
        (Action.ADD, NOTES_EACH_SECONDS + 60.0, None),
        (Action.DISMISS, NOTES_EACH_SECONDS + 60.0, Decision.NOTES_ALONE),
    ],
)
async def test_once_a_card_of_notes_is_answered_the_next_comes_after_an_hour_and_none_after_a_no(
    store: Store, tied: None, action: Action, ago: float, decided: Decision | None
):
    await paste(store, trace(1))
    card = await posted(store)
    await press(store, card, action, 1)
    await age(store, card, ago)
    await paste(store, trace(2), ts="1000.000300")
    assert (await sighted(store))[-1][2] == decided
    assert len(await cards_of(store)) == (1 if decided else 2)
    await tie(store, OTHER)
    await paste(store, trace(3), ts="1001.000300", thread=OTHER)
    assert await on_cards(store, OTHER) == [["3"]], "of another thread nobody has said no"


async def test_beside_an_insight_a_note_is_offered_whatever_was_dismissed(store: Store, tied: None):
    await paste(store, trace(1))
    await press(store, await posted(store), Action.DISMISS)
    await paste(store, monitor(9), trace(2), ts="1000.000300")
    assert (await on_cards(store))[-1] == ["9", "2"]


async def test_a_page_without_an_id_comes_along_with_a_note_and_is_no_reason_for_one(store: Store, tied: None):
    await paste(store, PAGE, draft=True)
    assert await cards_of(store) == []
    await paste(store, trace(1), ts="1000.000300")
    assert await on_cards(store) == [["1"]]


async def test_mode_auto_adds_no_note(store: Store, tied: None):
    seen = sightings.ScannedMessage(
        *(Thread("T0ACME", "C0INCIDENTS", "1000.000100"), "1000.000200", "U0ANA"),
        tuple(sightings.Candidate(each, ("default",)) for each in (monitor(1), trace(2))),
    )
    auto = Rules(TIMING, Mode.AUTO, frozenset({"U0ANA", "B0DATADOG"}), many=False)

    async def rules() -> Rules:
        return replace(auto, may=frozenset({"U0ANA"}))

    await sightings.sight(store, seen, rules)
    assert (await states(store))["2"] is State.OFFERED


async def test_an_unticked_note_stays_offered_and_an_unticked_one_beside_an_insight_is_left_out(
    store: Store, tied: None
):
    await paste(store, trace(1))
    await paste(store, monitor(9), trace(2), ts="1000.000300")
    card = await card_of(store)
    ids = {item.resource_id: item.id for item in await items_of(store, card)}
    await apply(store, Click(card.id, card.version, Action.ADD, "U0ANA", frozenset({ids["9"]})))
    assert await states(store) == {"1": State.OFFERED, "9": State.CONFIRMED, "2": State.DISMISSED}


async def test_a_note_that_nobody_answers_holds_no_card_open(store: Store, tied: None):
    await paste(store, trace(1))
    await paste(store, monitor(9))
    await press(store, await posted(store), Action.ADD, 9)
    await paste(store, monitor(8), ts="1000.000300")
    assert await on_cards(store) == [["9"], ["1", "8"]]


async def test_of_a_confirmed_note_the_comment_s_job_that_is_missing_is_made_again(store: Store, tied: None):
    await paste(store, trace(1))
    card = await card_of(store)
    await press(store, card, Action.ADD, 1)
    await run(store, schema.jobs.delete())
    await retention.reconcile(store)
    assert await jobs_of(store, JobKind.CASE) == []
    assert [key.rpartition("/")[2] for key in await jobs_of(store, JobKind.COMMENT)] == ["1000.000100"]
