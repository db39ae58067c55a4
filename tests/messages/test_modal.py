"""The modal's view: Slack's limits for any link, and what was filled in reads back as it was."""

import re

from hypothesis import given
from hypothesis import strategies as st

from bot.messages import modal
from bot.messages.modal import CaseOption, Form, Row
from bot.model import InsightType
from bot.sandbox.slack.views import checked_view
from tests.messages.hostile import TEXTS, foreign

words = TEXTS | st.text(max_size=4000)
rows = st.builds(
    Row,
    type=st.sampled_from(InsightType),
    resource_id=words,
    ref=words.map(lambda text: f"/{text}"),
    host=st.text(max_size=253),
    scope=st.text(max_size=64),
    insight=st.none() | st.integers(0, 2**31),
    draft=st.booleans(),
    ticked=st.booleans(),
    hint=words,
)
forms = st.builds(
    Form,
    about=st.just({"workspace": "T0ACME", "channel": "C0INC", "thread": "1.1", "ts": "1.2", "poster": "U0ANA"}),
    rows=st.lists(rows, max_size=30),
    uncovered=st.lists(words, max_size=12),
    case=st.none() | st.builds(CaseOption, value=words.map(lambda text: f"default/{text}"), key=words, title=words),
    tie=st.booleans(),
    notice=words,
)


@given(forms)
def test_slack_takes_every_form_and_no_mark_of_others_in_it_has_an_effect(shown):
    view = modal.form(shown)
    assert checked_view(view, "modal")
    for block in view["blocks"]:
        for text in [block.get("text"), *block.get("elements", [])]:
            if text and text["type"] == "mrkdwn":
                assert foreign(re.sub(r"^\*\d+\* ", "", text["text"])) == []


@given(st.text(min_size=1, max_size=4000))
def test_slack_takes_every_message(text):
    assert checked_view(modal.message(text), "modal")


def test_more_links_than_the_modal_holds_are_counted():
    thirty = [Row(InsightType.MONITOR, str(number), f"/monitors/{number}", "app.datadoghq.com") for number in range(30)]
    view = modal.form(Form({}, thirty))
    assert len(modal.read({**view, "state": {"values": as_opened(view)}}).rows) == modal.HOLDS
    assert f"{30 - modal.HOLDS} more links do not fit here." in str(view["blocks"][-1])


def test_what_is_pre_filled_reads_back_as_it_was():
    shown = Form(
        {"ts": "1.2"},
        [
            Row(InsightType.MONITOR, "1", "/monitors/1", "app.datadoghq.com", insight=7),
            Row(InsightType.WIDGET, "21", "/dashboard/a-b-c?fullscreen_widget=21", "app.datadoghq.com", "a-b-c", 8),
            Row(InsightType.APM_RECOMMENDATION, "?/apm", "/apm", "app.datadoghq.com", draft=True, ticked=False),
        ],
        case=CaseOption("default/1111", "CASEM-1", "Memory"),
    )
    view = modal.form(shown)
    filled = modal.read({**view, "state": {"values": as_opened(view)}})
    assert filled.about == {"ts": "1.2"}
    assert filled.case == "default/1111"
    first, second, third = filled.rows
    assert first == shown.rows[0]
    assert second == shown.rows[1]
    assert (third.resource_id, third.ticked, third.draft) == ("", False, True)
    assert modal.errors(filled) == {}


def test_an_id_of_a_wrong_shape_and_a_ref_that_is_none_stay_on_their_fields():
    row = Row(InsightType.MONITOR, "cpu", "monitors/1", "app.datadoghq.com")
    view = modal.form(Form({}, [row], case=CaseOption("default/1", "A-1", "")))
    found = modal.errors(modal.read({**view, "state": {"values": as_opened(view)}}))
    assert found.keys() == {"id.0", "ref.0"}


def as_opened(view):
    """The state that Slack sends when nobody has touched anything."""
    values = {}
    for block in view["blocks"]:
        if block["type"] == "input":
            element = block["element"]
            given = {
                "plain_text_input": {"value": element.get("initial_value")},
                "static_select": {"selected_option": element.get("initial_option")},
                "external_select": {"selected_option": element.get("initial_option")},
                "checkboxes": {"selected_options": element.get("initial_options", [])},
            }[element["type"]]
            values[block["block_id"]] = {element["action_id"]: {"type": element["type"], **given}}
    return values
