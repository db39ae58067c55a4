"""The modal: what a message or a card brings into it, the search for a case, and what a submission does or says."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.insights.clicks import Action
from bot.messages import form_view
from bot.messages.modal import CaseOption, Form, Row
from bot.messages.sentences import OTHER_WORKSPACE
from bot.model import InsightType, NoteType, State, Thread, TieKind
from bot.services import forms, submission
from bot.services.checks import UserError
from bot.services.responder import text_of
from bot.store import ties
from tests.messages.test_modal import as_opened
from tests.services.conftest import ANA, BEN, CHANNEL, GUEST, KEY, ROUTES, SHARED, TEAM, TITLE, Office, context_of, link
from tests.store.conftest import CASE, THREAD, card_of, monitor, paste, press, states, tie

Json = dict[str, Any]

DRAFT, LOGS = "https://app.datadoghq.com/apm/recommendations", "https://app.datadoghq.com/logs?query=service%3Aapi"
PULL = "https://github.com/acme/api/pull/9"
DATADOG_DOWN = "Datadog is not answering, so nothing was changed. Try again in a minute."


def form(*links: str, thread: Thread = THREAD) -> Form:
    message = {"ts": thread.ts, "user": ANA, "text": " ".join(links)}
    return forms.of_message(context_of(default="datadoghq.com"), TEAM, thread.channel, message)


async def submit(
    office: Office, shown: Form, user: str = ANA, *, workspace: str = TEAM, tied: bool = False, **typed: str
) -> Any:
    """Press Change… at every link, then Add, with this typed into fields, whose names have `_` for a dot.

    `tied`: with the tie's box ticked. Returns what is told when all of it is committed.
    """
    view = form_view.form(replace(shown, rows=[replace(row, open=True) for row in shown.rows]))
    values = as_opened(view)
    if tied:
        [box] = [block["element"] for block in view["blocks"] if block.get("block_id") == "tie"]
        values["tie"]["tie"]["selected_options"] = box["options"]
    for name, text in typed.items():
        block, action = name.replace("_", "."), name.partition("_")[0]
        values[block][action]["value"] = text
    result = await submission.submit(office.context, workspace, user, {**view, "state": {"values": values}})
    return await text_of(result.answer) if isinstance(result, submission.Submitted) else result


def test_a_message_brings_each_insight_and_note_once():
    shown = form(link(1), DRAFT, LOGS, f"https://app.datadoghq.com/cases/{KEY}", link(1), link(2))
    assert [(row.type, row.draft) for row in shown.rows] == [
        (InsightType.MONITOR, False),
        (InsightType.APM_RECOMMENDATION, True),
        (NoteType.NOTE, False),
        (InsightType.MONITOR, False),
    ]
    assert "has no link to Datadog" in str(forms.view_of(form()))
    listed = str(forms.view_of(form("https://app.datadoghq.com/monitors/manage")))
    assert "nothing that can go on a case. This is a list" in listed


@pytest.mark.parametrize("key", [KEY.lower(), f"https://app.datadoghq.com/cases/{KEY}"])
async def test_a_case_is_typed_in_lower_case_or_as_a_link(office, key):
    said = await submit(office, form(link(1), link(2)), key=key)
    assert said.startswith(f"Adding 2 insights to {KEY}. See <http")
    assert said.endswith("|the thread> for the result."), "where the card comes: no worker posts it here"
    assert await office.insights() == {"1": State.CONFIRMED, "2": State.CONFIRMED}


@pytest.mark.parametrize(("channel", "told"), [(CHANNEL, ""), (SHARED, f"This thread is now tied to {KEY}.")])
async def test_tying_in_the_form_is_said_in_the_open_like_any_tie(office, channel, told):
    thread = office.thread(channel=channel)
    assert (await submit(office, form(link(1), thread=thread), key=KEY)).startswith("Adding 1")
    async with office.store.read() as connection:
        assert await ties.of(connection, thread) is None
    first, again = [await submit(office, form(link(1), thread=thread), tied=True, key=KEY) for _ in range(2)]
    assert first.startswith(told or "Nothing new to add.")
    assert again.startswith("Nothing new to add."), "the second time it changes nothing"
    async with office.store.read() as connection:
        known = await ties.of(connection, thread)
    assert (known.kind, known.by) == (TieKind.TIED, ANA)
    said = [words for words in office.in_the_open(thread) if "tied this thread" in words]
    assert len(said) == (not told)


async def filled(office: Office, shown: Form, user: str = ANA) -> str:
    """What this person sees in the form once it is filled in."""
    view = office.slack.views.open(user, forms.view_of(shown))
    await forms.fill(office.context, TEAM, user, view.id, shown)
    return str(view.given)


async def test_the_messages_own_case_is_pre_filled_where_the_thread_has_none(office):
    office.datadog.add_case("OPS-7", "Another")
    thread, of_case = office.thread(), f"https://app.datadoghq.com/cases/{KEY}"
    for links in ((of_case, link(1)), (of_case,)):
        said = await filled(office, form(*links, thread=thread))
        assert f"{KEY} {TITLE}" in said
        assert "Tie this thread to the case" in said
    said = await filled(office, form(of_case, "https://app.datadoghq.com/cases/OPS-7", link(1), thread=thread))
    assert "case.known" not in said, "two cases: a person chooses"
    await tie(office.store, thread)
    said = await filled(office, form("https://app.datadoghq.com/cases/OPS-7", link(1), thread=thread))
    assert f"{KEY} {CASE.title}" in said
    assert "Tie this thread" not in said


async def test_only_who_may_be_told_sees_names(office):
    thread = office.thread()
    monitors = office.datadog.resources.by_kind["monitor"]
    monitors["1"] = {**monitors["17131362"], "id": 1, "name": "High memory"}
    assert "High memory" in await filled(office, form(link(1), thread=thread))
    assert "High memory" not in await filled(office, form(link(1), thread=thread), GUEST)
    opened = replace(form(link(1), thread=thread), rows=[replace(form(link(1)).rows[0], open=True)])
    for user in (ANA, GUEST):
        view = office.slack.views.open(user, form_view.form(opened))
        await forms.show_fields(office.context, TEAM, user, view.as_json(office.slack.workspace), opened)
        assert ("High memory" in str(view.given)) == (user == ANA)


async def searched(office: Office, words: str) -> Sequence[CaseOption]:
    """What Ana finds. The search has two seconds, for which a busy machine may stand still: then she searches again."""
    for _ in range(3):
        if found := await forms.search(office.context, TEAM, ANA, words):
            return found
    return ()


@pytest.mark.parametrize("typed", [KEY, KEY.lower(), f"https://app.datadoghq.com/cases/{KEY}"])
async def test_a_key_typed_into_the_search_is_looked_up(office, typed):
    [choice] = await searched(office, typed)
    assert (choice.key, choice.title) == (KEY, TITLE)
    office.datadog.add_case("OPS-7", "About RFC-2119")
    assert [choice.key for choice in await searched(office, "RFC-2119")] == ["OPS-7"]


async def test_a_field_s_error_is_plain_text_in_which_what_was_typed_stands_as_it_is(office):
    refused = await submit(office, form(link(1)), key="*a* <b> & `c`")
    assert refused["key"].startswith("*a* <b> & `c` is no case")


@pytest.mark.parametrize("tied", [True, False])
async def test_who_has_left_the_channel_meanwhile_ties_nothing_and_shows_nothing_there(office, tied):
    shown = form(link(1))
    office.slack.workspace.channels[CHANNEL].members.discard(ANA)
    refused = await submit(office, shown, tied=tied, key=KEY)
    assert refused["key"].startswith("Nothing was done: Slack does not show that you are in that channel")
    assert await office.insights() == {}


@pytest.mark.parametrize("members", [{ANA}, set()], ids=["there", "left"])
async def test_where_the_bot_is_not_either_the_form_adds_and_shows_it_to_that_person_alone(office, members):
    office.slack.add_channel(id="C0ELSE", name="elsewhere", members=members)
    assert (await submit(office, form(link(1), thread=replace(THREAD, channel="C0ELSE")), key=KEY)).startswith(
        "Adding "
    )
    assert await office.insights() == {"1": State.CONFIRMED}


async def test_while_slack_does_not_say_who_is_in_the_channel_nothing_is_added(office):
    office.slack.control.rule("slack", "users.conversations", status=503)
    assert "Slack" in (await submit(office, form(link(1)), key=KEY))["key"]
    assert await office.insights() == {}


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
    assert (await submit(office, replace(form(link(1)), case=choice))).startswith("Adding ")


async def offered(office: Office) -> str:
    """A card that offers two monitors; its id."""
    await tie(office.store)
    await paste(office.store, monitor(1), monitor(2))
    return (await card_of(office.store)).id


async def test_what_a_card_offers_is_edited_and_what_that_replaces_is_withdrawn(office):
    shown = await forms.of_card(office.context, TEAM, ANA, await offered(office))
    assert shown.case == CaseOption(f"default/{CASE.case_id}", KEY, CASE.title)
    assert (await submit(office, shown, id_0="111")).startswith("Adding ")
    assert await states(office.store) == {"1": State.WITHDRAWN, "2": State.CONFIRMED, "111": State.CONFIRMED}


async def test_what_somebody_decided_meanwhile_is_said_and_added_only_when_asked_again(office):
    shown = await forms.of_card(office.context, TEAM, ANA, await offered(office))
    await press(office.store, await card_of(office.store), Action.DISMISS, by=BEN)
    again = await submit(office, shown)
    assert again.notice.startswith("Ben dismissed Monitor 1 meanwhile. Ben dismissed Monitor 2 meanwhile.")
    assert set((await states(office.store)).values()) == {State.DISMISSED}
    assert (await submit(office, again)).startswith("Adding ")
    assert set((await states(office.store)).values()) == {State.CONFIRMED}
    with pytest.raises(UserError):
        await forms.of_card(office.context, TEAM, ANA, (await card_of(office.store)).id)


# --- organisations ---


def test_a_link_of_another_organisation_than_the_case_stays_on_its_field():
    context = context_of(**{"acme": "datadoghq.com", "acme-eu": "datadoghq.eu"})
    rows = [
        Row(InsightType.MONITOR, "1", "/monitors/1", "app.datadoghq.com"),
        Row(InsightType.MONITOR, "7", "/monitors/7", "app.datadoghq.eu", open=True),
        Row(InsightType.MONITOR, "8", "/monitors/8", "app.datadoghq.eu", ticked=False),
        Row(InsightType.MONITOR, "3", "/monitors/3", "us3.datadoghq.com"),
        Row(InsightType.MONITOR, "4", "/monitors/4", "us3.datadoghq.com"),
        Row(
            InsightType.SCM_URL,
            "https://github.com/acme/api/pull/9",
            "https://github.com/acme/api/pull/9",
            "github.com",
        ),
    ]
    problems = submission.of_other_orgs(context, TEAM, rows, replace(CASE, org="acme"))
    assert list(problems) == ["id.1", "key"]
    assert problems["id.1"].startswith(f"2 · This link and {KEY} belong to different Datadog organisations")
    assert "4 · This link" in problems["key"]
    assert "5 · This link" in problems["key"]


async def test_where_several_organisations_have_the_key_the_modal_names_them_and_asks_which(office):
    office.have_orgs(acme="datadoghq.com", beta="datadoghq.com")
    found = await searched(office, TITLE)
    assert [choice.key for choice in found] == [f"acme/{KEY}", f"beta/{KEY}"]
    problems = await submit(office, form(link(1)), key=KEY)
    assert f"Say which: acme/{KEY} or beta/{KEY}" in problems["key"]
    assert (await submit(office, form(link(1)), key=f"beta/{KEY}")).startswith("Adding ")
    office.take_org_away()
    problems = await submit(office, replace(form(link(2)), case=found[0]))
    assert problems["key"].startswith(f"{KEY} belongs to the Datadog organisation acme, which this bot does not use")


def test_a_widget_gets_its_dashboard_from_its_ref():
    row = Row(InsightType.WIDGET, "21", "/dashboard/a-b-c?fullscreen_widget=21", "app.datadoghq.com")
    assert submission.insight_of(row, ROUTES).scope == "a-b-c"


async def test_a_form_of_another_workspace_changes_nothing(office):
    assert await submit(office, form(link(1)), workspace="T0OTHER", key=KEY) == {"key": OTHER_WORKSPACE}
    assert await office.insights() == {}
