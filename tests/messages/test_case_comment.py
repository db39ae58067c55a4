"""The words of a thread's comment on a case, and that text from outside does nothing in them."""

import re
from dataclasses import replace

import pytest
from hypothesis import given

from bot.messages.case_comment import LISTED, case_comment, marker
from bot.model import CardItem, InsightType, State, Thread
from tests.messages.hostile import SAMPLES, TEXTS, UNSEEN

THREAD, CASE_ID, LINK = Thread("T1", "C1", "1700000000.000100"), "case", "https://acme.slack.com/archives/C1/p1"
ITEM = CardItem(1, InsightType.MONITOR, "42", "", "", State.ADDED, 0, by="U1", at=1.8e9, confirmed_at=1.7e9)
ERROR = replace(ITEM, type=InsightType.ERROR_TRACKING, resource_id="2841440d", name="KeyError", by="U2")


def written(*items: CardItem, link: str = LINK, **names: str) -> str:
    return case_comment(items, link, names, marker(THREAD, CASE_ID))


def test_it_says_where_what_who_and_when():
    assert written(ITEM, ERROR, U1="Ana") == (
        f"Insights added from Slack: {LINK}\n\n"
        "- Monitor `42`, added by `Ana` on 2023-11-14 22:13 UTC\n"
        "- Error Tracking issue `KeyError`, added on 2023-11-14 22:13 UTC\n\n"
        f"Kept up to date by Case Insights. Reference: {marker(THREAD, CASE_ID)}"
    )


def test_of_direct_messages_it_gives_no_link():
    assert written(ITEM, link="").startswith("Insights added from a direct message in Slack.\n")


def test_it_names_the_newest_and_counts_the_others():
    lines = written(*[replace(ITEM, resource_id=str(number)) for number in range(LISTED + 2)]).splitlines()
    assert lines[2] == "- 2 insights before these"
    assert [line.split("`")[1] for line in lines[3:-2]] == [str(number) for number in range(2, LISTED + 2)]


def test_the_marker_is_one_word_of_this_thread_and_case():
    word = marker(THREAD, CASE_ID)
    assert re.fullmatch(r"[a-z0-9]{16,40}", word)
    others = [marker(replace(THREAD, channel="C2"), CASE_ID), marker(replace(THREAD, ts="1.1"), CASE_ID)]
    assert len({word, marker(THREAD, CASE_ID), marker(THREAD, "other"), *others}) == 4


@pytest.mark.parametrize(
    "text", [*SAMPLES, "[x](https://evil.example)", "``a`` b", "```", "<b>", "\\", "# h", "@team-x"]
)
def test_samples_stay_in_their_code_span(text: str):
    assert_inert(text)


@given(TEXTS)
def test_whatever_it_is_called_a_name_stays_in_its_code_span(text: str):
    assert_inert(text)


def assert_inert(text: str) -> None:
    """On one line, between the only two back-ticks of it; nobody is mentioned, nothing is invisible."""
    lines = written(replace(ITEM, name=text), U1=text or "x").split("\n")
    assert len(lines) == 5
    assert re.fullmatch(r"- Monitor `[^`@]+`, added by `[^`@]+` on 2023-11-14 22:13 UTC", lines[2])
    assert not re.search(UNSEEN, lines[2])
