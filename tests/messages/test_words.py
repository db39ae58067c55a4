"""Questions, announcements, Home and answers: Slack takes them whatever comes, and none of them pings anybody."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import Misunderstood, parse
from bot.insights import Decision, Mode
from bot.links import Reading
from bot.messages import announcements, home, replies, why
from bot.messages.home import Home
from bot.messages.questions import question_message
from bot.messages.text import escape
from bot.model import Case, Identity, Question, State, TieKind
from bot.sandbox.slack.blockkit.rules import problems
from bot.sandbox.slack.views import checked_view

HOSTILE = ["<!channel>", "<@U1>", "<!here|x>", "<https://evil.example|here>", "&lt;!everyone&gt;", "<" * 900, "`", "*"]
WORDS = st.one_of(st.text(max_size=600), st.sampled_from(HOSTILE))
AT = st.floats(min_value=0, max_value=4e9)

CASES = st.builds(
    Case,
    org=st.just("default"),
    case_id=st.uuids().map(str),
    key=WORDS.map(lambda key: key or "A-1"),
    title=WORDS,
    closed=st.booleans(),
    archived=st.just(False),
    on_case=st.just(frozenset[Identity]()),
)
QUESTIONS = st.builds(
    Question,
    card=st.just("7f3a"),
    version=st.integers(1, 10**6),
    asks=st.lists(CASES, min_size=1).map(tuple),
    answer=st.sampled_from([None, "no", "default/1"]),
    by=st.sampled_from([None, "U0ANA"]),
    at=AT,
)
LINES = st.lists(st.builds(home.line, WORDS, st.just(home.channel_mention("C1")), WORDS.map(escape)), max_size=60)
PLACES = st.integers(0, 10**9).map(lambda number: f"C0{number}:{number}.000100")
ROWS = st.lists(
    st.tuples(st.builds(home.what, WORDS, st.just("a thread")), PLACES), max_size=40, unique_by=lambda row: row[1]
)
HOMES = st.builds(Home, ties=ROWS, modes=ROWS, unfinished=LINES, failed=st.integers(0, 9), recent=LINES)


def texts(value: Any) -> Iterator[str]:
    """Everything in these blocks that Slack reads as mrkdwn."""
    match value:
        case {"type": "mrkdwn", "text": str(text)}:
            yield text
        case dict():
            for each in value.values():  # pyright: ignore[reportUnknownVariableType]
                yield from texts(each)
        case list():
            for each in value:  # pyright: ignore[reportUnknownVariableType]
                yield from texts(each)
        case _:
            return


def assert_harmless(said: Iterable[str]) -> None:
    for text in said:
        ours = re.sub(r"<!date\^[^<>]*>|<#C1>", "", text)
        assert not re.search(r"<[!@#h]", ours), text


@given(QUESTIONS, WORDS, st.none() | WORDS)
def test_slack_takes_every_question_and_none_pings(asked: Question, name: str, tied_to: str | None):
    said = question_message(asked, {"U0ANA": name}, tied_to=tied_to)
    assert problems(said.blocks) == []
    assert 0 < len(said.text) <= 4_000
    assert_harmless([said.text, *texts(said.blocks)])


def test_a_root_that_names_sixty_cases_gets_a_question_that_slack_takes():
    asks = tuple(
        Case("default", str(number), f"CASEM-{number}", "Memory", False, False, frozenset()) for number in range(60)
    )
    said = question_message(Question("7f3a", 1, asks), {}, tied_to=None)
    assert problems(said.blocks) == []
    assert any("And 40 more" in text for text in texts(said.blocks))


@given(WORDS, WORDS, st.sampled_from(Mode), st.sampled_from(["", "1780000000.000100"]))
def test_slack_takes_every_announcement_and_none_pings(who: str, key: str, mode: Mode, thread_ts: str):
    for said in (
        announcements.mode_set(who, mode, thread_ts=thread_ts),
        announcements.tied(who, key, thread_ts=thread_ts),
        announcements.untied(who, thread_ts=thread_ts),
    ):
        assert problems(said.blocks) == []
        assert 0 < len(said.text) <= 4_000
        assert_harmless([said.text, *texts(said.blocks)])


@given(HOMES)
def test_slack_takes_every_home_and_none_pings(shown: Home):
    view = home.home(shown)
    assert checked_view(view, "home")
    assert_harmless(texts(view["blocks"]))


@given(st.text(max_size=3_000))
def test_the_answer_to_a_wrong_command_repeats_it_harmlessly(text: str):
    wrong = parse(text)
    if isinstance(wrong, Misunderstood):
        said = replies.misunderstood(wrong, "/insight")
        assert len(said) <= 4_000
        assert_harmless([said])


def told(sighting: why.Sighting) -> str:
    """The last line about one link of a tied thread."""
    thread = why.ThreadReport(None, "", Mode.ASK, why.Poster.MAY_ADD)
    reading = Reading("https://app.datadoghq.com/monitors/1", None)
    return why.why_text(thread, [why.LinkReport(reading, sighting=sighting)]).splitlines()[-1].strip()


@pytest.mark.parametrize("reason", [*Decision, *(kind for kind in TieKind if kind is not TieKind.TIED)])
def test_every_reason_for_silence_is_told_in_words(reason: str):
    last = told(why.Sighting(reason))
    assert last.endswith(".")
    assert str(reason) != last.removesuffix(".")


@pytest.mark.parametrize("state", State)
def test_every_state_is_told_in_words(state: State):
    assert told(why.Sighting("", state, "Ana", 1.0)).endswith(".")
