"""The form for a new case: what opens it, what can be chosen in it, who may submit it, and that it counts once."""

from typing import Any

import pytest
from sqlalchemy import select

from bot.commands import COMMAND
from bot.messages import creation as form
from bot.messages.blocks import option
from bot.messages.card_view import Message
from bot.messages.sentences import NOT_OPENED, OTHER_WORKSPACE
from bot.model import Thread
from bot.services import creation
from bot.services.checks import UserError
from bot.services.commands import run
from bot.services.responder import Caller
from bot.services.submission import Submitted
from bot.store import schema
from bot.store.transaction import JobKind
from tests.messages.test_modal import submitted
from tests.services.conftest import ANA, CHANNEL, GUEST, TEAM, Office
from tests.store.conftest import jobs_of, rows

Json = dict[str, Any]

MARKER = "0123456789abcdef" * 2
PROJECTS, TYPES = "GET /api/v2/cases/projects", "GET /api/v2/cases/types"


def view(place: Thread, title: str = "Slow", org: str = "default", type_org: str = "default") -> Json:
    """The form as it is submitted with the only project and type."""
    lists = {form.PROJECT: [option("Case", f"{org}/p1")], form.TYPE: [option("Standard", f"{type_org}/t1")]}
    return submitted(form.form(place, MARKER, title, "", lists))


async def test_what_can_be_chosen_is_searched_by_its_words_and_asked_for_once(office: Office):
    office.datadog.add_project("OPS", "Operations")
    found = [
        await creation.search(office.context, TEAM, ANA, form.PROJECT, words) for words in ("", "oper", "cas", "no")
    ]
    assert [[one["text"]["text"] for one in each] for each in found] == [
        *(["CASEM", "OPS · Operations"], ["OPS · Operations"], ["CASEM"], []),
    ]
    assert len(office.datadog.control.matching(method=PROJECTS)) == 1
    assert await creation.search(office.context, TEAM, GUEST, form.PROJECT, "") == ()


async def test_of_several_organisations_each_choice_names_its_own_and_one_that_is_silent_brings_none(office: Office):
    office.have_orgs(acme="datadoghq.com", beta="datadoghq.eu")
    office.datadog.control.rule("datadog", TYPES, status=500, times=1)
    found = await creation.search(office.context, TEAM, ANA, form.TYPE, "stand")
    assert [one["text"]["text"] for one in found] in (["acme · Standard"], ["beta · Standard"])
    found = await creation.search(office.context, TEAM, ANA, form.TYPE, "stand")
    assert [one["value"].partition("/")[0] for one in found] == ["acme", "beta"]


async def test_a_form_counts_once_however_often_it_is_submitted(office: Office):
    place = office.thread()
    results = [await creation.submit(office.context, TEAM, ANA, view(place, title)) for title in ("Slow", "Again")]
    assert [result.answer[:16] for result in results if isinstance(result, Submitted)] == ["Creating “Slow”.", ""]
    columns = schema.creations.c
    assert await rows(
        office.store, select(columns.title, columns.org, columns.project_id, columns.type_id, columns.by)
    ) == [("Slow", "default", "p1", "t1", ANA)]
    assert await jobs_of(office.store, JobKind.CREATE) == [f"default/{MARKER}"]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"user": GUEST}, "title", "Only full members of Acme"),
        ({"title": " \u200b"}, "title", "Give the case a title."),
        ({"org": "gone", "type_org": "gone"}, "title", "belongs to the Datadog organisation gone"),
        ({"type_org": "beta"}, "type.known", "This type is of another organisation than the project"),
        ({"channel": "C0LONELY"}, "title", "Slack does not show that you are in that channel"),
        ({"workspace": "T0OTHER"}, "title", OTHER_WORKSPACE),
    ],
)
async def test_what_may_not_be_is_said_and_stores_nothing(office: Office, change: Json, field: str, words: str):
    asked = {"user": ANA, "workspace": TEAM, "channel": CHANNEL, **change}
    user, workspace, place = (
        asked.pop("user"),
        asked.pop("workspace"),
        Thread(TEAM, asked.pop("channel"), "1780000000.000100"),
    )
    if place.channel != CHANNEL:
        office.slack.add_channel(id=place.channel, name="lonely", members={"U0BEN", office.slack.workspace.our_user})
    problems = await creation.submit(office.context, workspace, user, view(place, **asked))
    assert isinstance(problems, dict)
    assert [*problems] == [field]
    assert words in problems[field]
    assert await rows(office.store, select(schema.creations.c.marker)) == []


async def test_a_command_opens_the_form_where_slack_lets_it_and_else_offers_the_button(office: Office):
    here = Thread(TEAM, CHANNEL, "")
    assert await run(office.context, Caller(here, ANA, COMMAND, trigger="too.old"), "new Slow") == NOT_OPENED
    offered = await run(office.context, Caller(here, ANA, COMMAND), "new *Slow*")
    assert isinstance(offered, Message)
    assert form.place_of(offered.blocks[1]["elements"][0]["value"], TEAM) == (here, "Slow")
    assert "Only full members" in str(await run(office.context, Caller(here, GUEST, COMMAND), "new Slow"))
    with pytest.raises(UserError):
        await creation.ask(office.context, Caller(here, GUEST, COMMAND), here, "Slow")
