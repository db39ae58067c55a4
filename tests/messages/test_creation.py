"""The form for a new case, what is read from it, and what is told: Slack takes all of it, and none of it pings."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.datadog import creation as datadog
from bot.messages import created, creation
from bot.messages.blocks import option
from bot.messages.created import CreatedCase
from bot.messages.modal import Malformed
from bot.model import Thread
from bot.sandbox.slack.blockkit.rules import problems
from bot.sandbox.slack.views import checked_view
from tests.messages.hostile import TEXTS
from tests.messages.test_modal import submitted
from tests.messages.test_words import assert_harmless, texts

Json = dict[str, Any]

THREAD, MARKER = Thread("T0ACME", "C0INCIDENTS", "1780000000.000100"), "0123456789abcdef" * 2
LINK = "https://acme.slack.com/archives/C0INCIDENTS/p1780000000000100"
URL = "https://app.datadoghq.com/cases/A-1"


def listed(*ids: str) -> list[Json]:
    return [option(f"Number {one}", f"default/{one}") for one in ids]


def form(title: str = "Slow", projects: Any = ("1",), types: Any = ("1",)) -> Json:
    lists = {creation.PROJECT: listed(*projects), creation.TYPE: listed(*types)}
    return creation.form(THREAD, MARKER, title, LINK, lists)


def elements(view: Json) -> dict[str, Json]:
    return {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}


def test_the_words_for_priorities_are_datadogs():
    assert tuple(creation.PRIORITIES) == datadog.PRIORITIES


@given(TEXTS, st.integers(0, 101), st.sampled_from([THREAD, THREAD.whole_channel]), TEXTS)
def test_slack_takes_the_form_whatever_is_in_it(title: str, count: int, place: Thread, stays: str):
    lists = {creation.PROJECT: listed(*map(str, range(count)))}
    view = creation.form(place, MARKER, creation.as_title(title), LINK, lists, stays)
    assert checked_view(view, "modal")
    assert_harmless(texts(view["blocks"]))
    assert elements(view)["project.known" if 0 < count <= 100 else "project"]["type"].endswith("_select")


@pytest.mark.parametrize(
    ("ids", "picked"),
    [(["7"], "default/7"), (["7", "8"], None), (["7", creation.STANDARD], f"default/{creation.STANDARD}")],
)
def test_what_is_the_only_one_or_the_standard_is_chosen_at_first(ids: list[str], picked: str | None):
    assert elements(form(types=ids))["type.known"].get("initial_option", {}).get("value") == picked


def test_what_was_filled_in_is_read():
    read = creation.read(submitted(form()))
    assert (read.marker, read.place, read.title, read.description) == (MARKER, THREAD, "Slow", LINK)
    assert (read.org, read.project_id, read.type_org, read.type_id, read.priority) == (
        *("default", "1", "default", "1", "NOT_DEFINED"),
    )


@pytest.mark.parametrize("memory", ["", "T1:C1:1.1", f"T1:C1:now:{MARKER}", f"T1:C1:1.1:{MARKER}0", None])
def test_metadata_that_is_not_ours_is_refused(memory: Any):
    with pytest.raises(Malformed):
        creation.read({**submitted(form()), "private_metadata": memory})


@pytest.mark.parametrize("value", ["", "7", "/7", "default/", None])
def test_a_choice_that_is_not_ours_is_refused(value: Any):
    view = submitted(form())
    view["state"]["values"]["type.known"][creation.TYPE]["selected_option"]["value"] = value
    with pytest.raises(Malformed):
        creation.read(view)


@given(TEXTS.map(creation.as_title))
def test_a_button_remembers_its_place_and_title(title: str):
    message = creation.opener(THREAD, title)
    assert problems(message.blocks) == []
    assert creation.place_of(message.blocks[1]["elements"][0]["value"], "T0ACME") == (THREAD, title)


@pytest.mark.parametrize("value", ["", "C1", "C1:now:", "c1:1.1:title", "card:3"])
def test_a_button_that_is_not_ours_is_refused(value: str):
    with pytest.raises(Malformed):
        creation.place_of(value, "T0ACME")


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ({"text": "*High memory* on `api` &amp; _web_"}, "High memory on api & web"),
        ({"text": "\n&gt; quoted\nsecond"}, "quoted"),
        (
            {"text": "<https://a.example|The monitor> fired, <@U1|ana> in <#C1|ops> <!here>"},
            "The monitor fired, @ana in #ops",
        ),
        ({"text": "<https://app.datadoghq.com/monitors/1>\nlook at prod_db_main"}, "look at prod_db_main"),
        ({"text": "<!subteam^S1|@oncall> <!date^1^{date}|yesterday>"}, "@oncall yesterday"),
        ({"text": "", "attachments": [7, {"title": None, "fallback": "[Triggered] CPU"}]}, "[Triggered] CPU"),
        ({"text": None, "attachments": None}, ""),
    ],
)
def test_a_title_is_a_messages_first_line_as_people_read_it(message: Json, title: str):
    assert creation.title_of(message) == title


@given(TEXTS)
def test_a_title_is_one_line_that_slack_takes(text: str):
    assert len(creation.title_of({"text": text})) <= 200
    assert "\n" not in creation.title_of({"text": text})


@given(TEXTS, TEXTS, TEXTS, st.booleans(), st.sampled_from(["", THREAD.ts]))
def test_what_is_told_pings_nobody(who: str, title: str, words: str, tied: bool, thread_ts: str):
    case = CreatedCase("A-1", title, URL, thread_ts, tied=tied and bool(thread_ts), stays=words)
    said = [
        created.announced(who, case),
        created.alone(case, "", "not_in_channel"),
        created.not_created(title, words, created.refused(403, words), ""),
        created.not_created(title, "", created.given_up(words), ""),
        created.perhaps_created(title, ""),
    ]
    for message in said:
        assert problems(message.blocks) == []
        assert len(message.text) < 4_000
        assert_harmless(without_commands(text) for text in texts(message.blocks))


def without_commands(text: str) -> str:
    if text.startswith("You had written:"):
        assert (text.count("```"), text[-3:]) == (2, "```")
        return ""
    return text.replace("`cases_write`", "").replace("`/invite @Case Insights`", "")


@pytest.mark.parametrize("typed", ["", LINK, f"Since noon\n{LINK}", "Since noon"])
def test_the_description_holds_the_threads_address_once_and_the_marker(typed: str):
    text = created.description(typed, LINK, MARKER)
    assert text.count(LINK) == 1
    assert text.startswith(typed)
    assert text.endswith(MARKER)
    assert "Slack:" not in created.description(typed, "", MARKER)
