"""The modal's view: Slack's limits for any link, and what was filled in reads back as it was."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import form_view, modal
from bot.messages.modal import CaseOption, Form, Row
from bot.model import CaseName, InsightType, NoteType
from bot.sandbox.slack.views import checked_view
from tests.messages.hostile import TEXTS, foreign

words = TEXTS | st.text(max_size=4000)
rows = st.builds(
    Row,
    type=st.sampled_from([*InsightType, NoteType.NOTE]),
    resource_id=words,
    ref=st.just("/" + 2_500 * "x") | words.map(lambda text: f"/{text}"),
    host=st.text(max_size=253),
    scope=st.text(max_size=64),
    insight=st.none() | st.integers(0, 2**31),
    draft=st.booleans(),
    ticked=st.booleans(),
    hint=words,
    open=st.booleans(),
    name=words,
)
forms = st.builds(
    Form,
    about=st.just({"workspace": "T0ACME", "channel": "C0INC", "thread": "1.1", "ts": "1.2", "poster": "U0ANA"}),
    rows=st.lists(rows, max_size=30),
    case=st.none() | st.builds(CaseOption, value=words.map(lambda text: f"default/{text}"), key=words, title=words),
    tie=st.booleans(),
    notice=words,
)


@given(forms)
def test_slack_takes_every_form_and_no_mark_of_others_in_it_has_an_effect(shown):
    view = form_view.form(shown)
    assert checked_view(view, "modal")
    for block in view["blocks"]:
        for text in [block.get("text"), *block.get("elements", [])]:
            if text and text["type"] == "mrkdwn":
                assert foreign(text["text"]) == []


@given(st.text(min_size=1, max_size=4000))
def test_slack_takes_every_message(text):
    assert checked_view(form_view.message(text), "modal")


def test_more_links_than_the_modal_holds_are_counted():
    thirty = [Row(InsightType.MONITOR, str(number), f"/monitors/{number}", "app.datadoghq.com") for number in range(30)]
    view = form_view.form(Form({}, thirty))
    assert len(modal.read(submitted(view)).rows) == modal.HOLDS
    assert f"{30 - modal.HOLDS} more links do not fit here." in str(view["blocks"][-1])


def test_what_is_pre_filled_reads_back_as_it_was():
    shown = Form(
        {"ts": "1.2"},
        [
            Row(InsightType.MONITOR, "1", "/monitors/1", "app.datadoghq.com", insight=7),
            Row(InsightType.WIDGET, "21", "/dashboard/a-b-c?fullscreen_widget=21", "app.datadoghq.com", "a-b-c", 8),
            Row(InsightType.APM_RECOMMENDATION, "?/apm", "/apm", "app.datadoghq.com", draft=True, ticked=False),
            Row(NoteType.NOTE, "/logs?query=x", "/logs?query=x", "app.datadoghq.com", "Log search", 9),
        ],
        case=CaseOption("default/1111", "CASEM-1", "Memory"),
    )
    view = form_view.form(shown)
    filled = modal.read(submitted(view))
    assert filled.about == {"ts": "1.2"}
    assert filled.case == "default/1111"
    draft, *certain = filled.rows
    assert certain == [*shown.rows[:2], shown.rows[3]]
    assert (draft.resource_id, draft.ticked, draft.draft) == ("", False, True)
    assert modal.errors(filled) == {}


def test_an_id_of_a_wrong_shape_and_a_ref_that_is_none_stay_on_their_fields():
    row = Row(InsightType.MONITOR, "cpu", "monitors/1", "app.datadoghq.com", open=True)
    view = form_view.form(Form({}, [row], case=CASE))
    found = modal.errors(modal.read(submitted(view)))
    assert found.keys() == {"id.0", "ref.0"}


HOST = "app.datadoghq.com"
CERTAIN = Row(InsightType.MONITOR, "1", "/monitors/1?a=<b>&c", HOST, insight=7, name="High memory")
CASE = CaseOption("default/1", "A-1", "")
NOTE = Row(NoteType.NOTE, "a-b-c", "/dashboard/a-b-c", HOST, "Dashboard", name="api overview")
DRAFT = Row(InsightType.EVENT_CORRELATION, "abc-123", "/event/correlation", HOST, draft=True, hint="Open it.")


def test_what_needs_a_person_comes_first_with_its_fields_and_a_certain_link_is_one_line():
    view = form_view.form(Form({}, [CERTAIN, DRAFT]))
    assert [block["block_id"] for block in view["blocks"]] == [
        "case",
        "key",
        "row.0",
        "id.0",
        "type.0",
        "ref.0",
        "row.1",
    ]
    assert view["blocks"][3]["label"]["text"] == "1 · Event correlation abc-123: id"
    assert view["blocks"][3]["hint"]["text"] == "Open it."
    box, change = view["blocks"][-1]["elements"]
    assert box["options"][0]["text"]["text"] == "2 · Monitor High memory"
    assert (change["text"]["text"], change["accessibility_label"]) == ("Change…", "Change… 2 · Monitor High memory")
    assert not set("<>&") & set(change["value"]), "Slack escapes these"


def test_change_shows_the_fields_of_its_link_and_keeps_what_was_typed_and_ticked():
    view = submitted(form_view.form(Form({}, [CERTAIN, DRAFT], case=CASE, tie=True)))
    values = view["state"]["values"]
    values["id.0"]["id"]["value"] = "abc-9"
    values["row.1"][modal.TICK]["selected_options"] = []
    again = modal.changing(view, "row.1")
    draft, certain = again.rows
    assert draft == replace(DRAFT, resource_id="abc-9", hint="", open=True)
    assert certain == replace(CERTAIN, name="", open=True, ticked=False)
    assert (again.case.value, again.tie) == ("default/1", True)
    assert modal.read(submitted(form_view.form(again))).rows == again.rows
    for block in ("row.2", "id.0", ""):
        with pytest.raises(modal.Malformed):
            modal.changing(view, block)


def test_a_link_too_long_for_its_button_is_shown_with_its_fields():
    long = replace(CERTAIN, ref=f"/monitors/1?{'x' * 2_000}")
    view = form_view.form(Form({}, [long], case=CASE))
    assert "ref.0" in [block["block_id"] for block in view["blocks"]]
    assert modal.read(submitted(view)).rows == [replace(long, name="", open=True)]


@pytest.mark.parametrize(
    ("shown", "submit", "rows", "tie"),
    [
        (Form({}, [NOTE], tie=True), "Add", [replace(NOTE, name="")], False),
        (Form({}, [], named=[CaseName("default", "A-1")], tie=True), "Tie", [], True),
    ],
)
def test_without_an_insight_the_form_is_about_what_there_is_and_submits(shown, submit, rows, tie):
    view = form_view.form(replace(shown, case=CASE))
    filled = modal.read(submitted(view))
    assert view["submit"]["text"] == submit
    assert (filled.rows, filled.tie, modal.errors(filled)) == (rows, tie, {})


def test_where_nothing_is_left_to_add_the_form_says_so():
    view = submitted(form_view.form(Form({}, [replace(CERTAIN, ticked=False)], case=CASE)))
    assert modal.errors(modal.read(view))["key"].startswith("There is nothing to add")


def as_opened(view):
    """The state that Slack sends when nobody has touched anything."""
    values = {}
    for block in view["blocks"]:
        for element in [block["element"]] if block["type"] == "input" else block.get("elements", []):
            given = {
                "plain_text_input": {"value": element.get("initial_value")},
                "static_select": {"selected_option": element.get("initial_option")},
                "external_select": {"selected_option": element.get("initial_option")},
                "checkboxes": {"selected_options": element.get("initial_options", [])},
            }.get(element["type"])
            if given:
                values.setdefault(block["block_id"], {})[element["action_id"]] = {"type": element["type"], **given}
    return values


def submitted(view):
    """The view as Slack sends it back when nobody has touched anything."""
    return {**view, "state": {"values": as_opened(view)}}
