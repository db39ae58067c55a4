"""The modal: what a message or a card brings into it, the search for a case, and what a submission does or says."""

from dataclasses import replace
from typing import Any

import pytest

from bot.insights import Action
from bot.messages import modal as views
from bot.messages.modal import CaseOption, Form, Row
from bot.messages.sentences import OTHER_WORKSPACE
from bot.model import InsightType, State, TieKind
from bot.services import forms, submission
from bot.services.checks import UserError
from bot.store import ties
from tests.messages.test_modal import as_opened
from tests.services.conftest import ANA, BEN, CHANNEL, GUEST, KEY, ROUTES, TEAM, TITLE, Office, context_of, link
from tests.store.conftest import CASE, THREAD, card_of, monitor, paste, press, states, tie

Json = dict[str, Any]

DRAFT, LOGS = "https://app.datadoghq.com/apm/recommendations", "https://app.datadoghq.com/logs?query=service%3Aapi"
PULL = "https://github.com/acme/api/pull/9"
DATADOG_DOWN = "Datadog is not answering, so nothing was changed. Try again in a minute."


def form(*links: str) -> Form:
    message = {"ts": THREAD.ts, "user": ANA, "text": " ".join(links)}
    return forms.of_message(context_of(), TEAM, CHANNEL, message)


async def submit(
    office: Office, shown: Form, user: str = ANA, *, workspace: str = TEAM, tied: bool = False, **typed: str
) -> Any:
    """Press Add, with this typed into fields, whose names have `_` for a dot; `tied`: with the tie's box ticked."""
    view = views.form(shown)
    values = as_opened(view)
    if tied:
        [box] = [block["element"] for block in view["blocks"] if block.get("block_id") == "tie"]
        values["tie"]["tie"]["selected_options"] = box["options"]
    for name, text in typed.items():
        block, action = name.replace("_", "."), name.partition("_")[0]
        values[block][action]["value"] = text
    return await submission.submit(office.context, workspace, user, {**view, "state": {"values": values}})


def test_a_message_brings_each_insight_once_and_what_none_covers():
    shown = form(link(1), DRAFT, LOGS, f"https://app.datadoghq.com/cases/{KEY}", link(1), link(2))
    assert [(row.type, row.draft) for row in shown.rows] == [
        (InsightType.MONITOR, False),
        (InsightType.APM_RECOMMENDATION, True),
        (InsightType.MONITOR, False),
    ]
    assert shown.uncovered == [LOGS]
    assert "has no link to Datadog" in str(forms.view_of(form()))


@pytest.mark.parametrize("key", [KEY.lower(), f"https://app.datadoghq.com/cases/{KEY}"])
async def test_a_case_is_typed_in_lower_case_or_as_a_link(office, key):
    assert await submit(office, form(link(1), link(2)), key=key) is None
    assert await office.insights() == {"1": State.CONFIRMED, "2": State.CONFIRMED}


@pytest.mark.parametrize("ticked", [True, False])
async def test_the_thread_is_tied_to_the_case_where_that_box_is_ticked(office, ticked):
    assert await submit(office, form(link(1)), tied=ticked, key=KEY) is None
    async with office.store.read() as connection:
        known = await ties.of(connection, THREAD)
    assert (known and (known.kind, known.by)) == ((TieKind.TIED, ANA) if ticked else None)


async def test_a_field_s_error_is_plain_text_in_which_what_was_typed_stands_as_it_is(office):
    refused = await submit(office, form(link(1)), key="*a* <b> & `c`")
    assert refused["key"].startswith("*a* <b> & `c` is no case")


async def test_who_has_left_the_channel_meanwhile_does_not_tie_its_thread(office):
    shown = form(link(1))
    office.slack.workspace.channels[CHANNEL].members.discard(ANA)
    refused = await submit(office, shown, tied=True, key=KEY)
    assert refused["key"].startswith("Nothing was done: Slack does not show that you are in that channel")
    assert await office.insights() == {}
    assert await submit(office, shown, key=KEY) is None, "the case is as open to them as before"


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({}, "key", "Choose a case"),
        ({"key": "NOPE-1"}, "key", "Datadog knows no case NOPE-1"),
        ({"key": "hello"}, "key", "hello is no case"),
        ({"key": KEY, "id_0": ""}, "id.0", "Give the id"),
        ({"key": KEY, "id_0": "cpu"}, "id.0", "A monitor's id is a number."),
    ],
)
async def test_what_is_wrong_stays_on_its_field(office, typed, field, words):
    problems = await submit(office, form(link(1)), **typed)
    assert list(problems) == [field]
    assert words in problems[field]
    assert await office.insights() == {}


async def test_who_may_not_change_a_case_submits_finds_and_edits_nothing(office):
    problems = await submit(office, form(link(1)), GUEST, key=KEY)
    assert problems["key"].startswith("Only full members of Acme")
    assert await forms.search(office.context, TEAM, GUEST, TITLE) == ()
    card = await offered(office)
    with pytest.raises(UserError, match="Only full members"):
        await forms.of_card(office.context, TEAM, GUEST, card)
    with pytest.raises(UserError, match="no longer has this card"):
        await forms.of_card(office.context, "T0OTHER", ANA, card)
    assert office.datadog.control.calls == []


async def test_with_datadog_down_nothing_is_found_or_changed(office):
    office.datadog.control.rule("datadog", "*", status=503)
    assert await forms.search(office.context, TEAM, ANA, TITLE) == []
    assert await submit(office, form(link(1)), key=KEY) == {"key": DATADOG_DOWN}
    office.datadog.control.clear_rules()
    for _ in range(2):
        [choice] = await forms.search(office.context, TEAM, ANA, TITLE)
    assert (choice.key, choice.title) == (KEY, TITLE)
    assert len([call for call in office.datadog.control.calls if call.status == 200]) == 1, (
        "the answer counts for a while"
    )
    assert await submit(office, replace(form(link(1)), case=choice)) is None


async def offered(office: Office) -> str:
    """A card that offers two monitors; its id."""
    await tie(office.store)
    await paste(office.store, monitor(1), monitor(2))
    return (await card_of(office.store)).id


async def test_what_a_card_offers_is_edited_and_what_that_replaces_is_withdrawn(office):
    shown = await forms.of_card(office.context, TEAM, ANA, await offered(office))
    assert shown.case == CaseOption(f"default/{CASE.case_id}", KEY, CASE.title)
    assert await submit(office, shown, id_0="111") is None
    assert await states(office.store) == {"1": State.WITHDRAWN, "2": State.CONFIRMED, "111": State.CONFIRMED}


async def test_what_somebody_decided_meanwhile_is_said_and_added_only_when_asked_again(office):
    shown = await forms.of_card(office.context, TEAM, ANA, await offered(office))
    await press(office.store, await card_of(office.store), Action.DISMISS, by=BEN)
    again = await submit(office, shown)
    assert again.notice.startswith("Ben dismissed Monitor 1 meanwhile. Ben dismissed Monitor 2 meanwhile.")
    assert set((await states(office.store)).values()) == {State.DISMISSED}
    assert await submit(office, again) is None
    assert set((await states(office.store)).values()) == {State.CONFIRMED}
    with pytest.raises(UserError):
        await forms.of_card(office.context, TEAM, ANA, (await card_of(office.store)).id)


# --- organisations ---


def test_a_link_of_another_organisation_than_the_case_stays_on_its_field():
    context = context_of(**{"acme": "datadoghq.com", "acme-eu": "datadoghq.eu"})
    rows = [
        Row(InsightType.MONITOR, "1", "/monitors/1", "app.datadoghq.com"),
        Row(InsightType.MONITOR, "7", "/monitors/7", "app.datadoghq.eu"),
        Row(InsightType.MONITOR, "8", "/monitors/8", "app.datadoghq.eu", ticked=False),
        Row(InsightType.MONITOR, "3", "/monitors/3", "us3.datadoghq.com"),
        Row(
            InsightType.SCM_URL,
            "https://github.com/acme/api/pull/9",
            "https://github.com/acme/api/pull/9",
            "github.com",
        ),
    ]
    problems = submission.of_other_orgs(context, TEAM, rows, replace(CASE, org="acme"))
    assert list(problems) == ["id.1", "id.3"]
    assert f"This link and {KEY} belong to different Datadog organisations" in problems["id.1"]


async def test_where_several_organisations_have_the_key_the_modal_names_them_and_asks_which(office):
    office.have_orgs(acme="datadoghq.com", beta="datadoghq.com")
    found = await forms.search(office.context, TEAM, ANA, TITLE)
    assert [choice.key for choice in found] == [f"acme/{KEY}", f"beta/{KEY}"]
    problems = await submit(office, form(link(1)), key=KEY)
    assert f"Say which: acme/{KEY} or beta/{KEY}" in problems["key"]
    assert await submit(office, form(link(1)), key=f"beta/{KEY}") is None
    office.take_org_away()
    problems = await submit(office, replace(form(link(2)), case=found[0]))
    assert problems["key"].startswith(f"{KEY} belongs to the Datadog organisation acme, which this bot does not use")


def test_a_widget_gets_its_dashboard_from_its_ref():
    row = Row(InsightType.WIDGET, "21", "/dashboard/a-b-c?fullscreen_widget=21", "app.datadoghq.com")
    assert submission.insight_of(row, ROUTES).scope == "a-b-c"


async def test_a_form_of_another_workspace_changes_nothing(office):
    assert await submit(office, form(link(1)), workspace="T0OTHER", key=KEY) == {"key": OTHER_WORKSPACE}
    assert await office.insights() == {}
