"""Questions, announcements, Home and answers: Slack takes them whatever comes, and none of them pings anybody."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import Misunderstood, parse
from bot.insights import Decision, Mode
from bot.links import Reading, explain, load
from bot.messages import announcements, home, replies, sentences, why
from bot.messages.home import Home, HomeCase
from bot.messages.questions import question_message
from bot.messages.text import clean, escape
from bot.model import Case, Draft, Identity, InsightType, Question, State, Thread, Tie, TieKind, TieSource
from bot.policy import Refusal
from bot.sandbox.slack.blockkit.rules import problems
from bot.sandbox.slack.views import checked_view
from tests.messages.hostile import LITERAL, TEXTS, foreign, shown

AT = st.floats(min_value=0, max_value=4e9)

CASES = st.builds(
    Case,
    org=st.just("default"),
    case_id=st.uuids().map(str),
    key=TEXTS.map(lambda key: key or "A-1"),
    title=TEXTS,
    closed=st.booleans(),
    archived=st.just(False),
    on_case=st.just(frozenset[Identity]()),
)
THREAD = Thread("T1", "C1", "1780000000.000100")
QUESTIONS = st.builds(
    Question,
    card=st.just("7f3a"),
    version=st.integers(1, 10**6),
    asks=st.lists(CASES, min_size=1).map(tuple),
    answer=st.sampled_from([None, "no", "default/1"]),
    by=st.sampled_from([None, "U0ANA"]),
    at=AT,
)
MOVES = st.builds(home.line, TEXTS, st.sampled_from(State), AT, st.just(home.channel_mention("C1")), TEXTS.map(escape))
PLACES = st.integers(0, 10**9).map(lambda number: f"C0{number}:{number}.000100")
ROWS = st.lists(
    st.tuples(st.builds(home.what, TEXTS, st.just("a thread")), PLACES), max_size=40, unique_by=lambda row: row[1]
)
OF_CASE = st.builds(
    HomeCase,
    key=TEXTS,
    title=TEXTS,
    url=st.sampled_from(["", "https://app.datadoghq.com/cases/A-1"]),
    lines=st.lists(MOVES, max_size=60),
)
HOMES = st.builds(
    lambda ties, cases, modes, restricted: Home(
        cases, len(cases), [HomeCase("A-1", "", "", ties), *cases], modes, restricted=restricted
    ),
    ROWS, st.lists(OF_CASE, max_size=30), ROWS, st.booleans(),
)  # fmt: skip


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


def without_code(said: str) -> str:
    """Without the commands and scopes that the bot shows in code style."""
    return re.sub("`[^`]*`", "", LITERAL.sub("é", said))


def assert_harmless(said: Iterable[str]) -> None:
    for text in said:
        assert foreign(text) == [], text


@given(QUESTIONS, TEXTS, st.none() | TEXTS)
def test_slack_takes_every_question_and_none_pings(asked: Question, name: str, tied_to: str | None):
    said = question_message(asked, {"U0ANA": name}, THREAD, tied_to=tied_to)
    assert problems(said.blocks) == []
    assert 0 < len(said.text) <= 4_000
    assert_harmless([said.text, *texts(said.blocks)])


def test_a_root_that_names_sixty_cases_gets_a_question_that_slack_takes():
    asks = tuple(
        Case("default", str(number), f"CASEM-{number}", "Memory", False, False, frozenset()) for number in range(60)
    )
    said = question_message(Question("7f3a", 1, asks), {}, THREAD, tied_to=None)
    assert problems(said.blocks) == []
    assert any("And 40 more" in text for text in texts(said.blocks))


@given(TEXTS, TEXTS, st.sampled_from(Mode), st.sampled_from(["", "1780000000.000100"]), st.booleans())
def test_slack_takes_every_announcement_and_none_pings(who: str, key: str, mode: Mode, thread_ts: str, tied: bool):
    for said in (
        announcements.mode_set(who, mode, thread_ts=thread_ts, tied=tied),
        announcements.tied(who, key, thread_ts=thread_ts),
        announcements.untied(who, thread_ts=thread_ts),
    ):
        assert problems(said.blocks) == []
        assert 0 < len(said.text) <= 4_000
        assert_harmless(map(without_code, [said.text, *texts(said.blocks)]))


@given(HOMES)
def test_slack_takes_every_home_and_none_pings(shown: Home):
    view = home.home(shown)
    assert checked_view(view, "home")
    assert_harmless(texts(view["blocks"][:-1]))  # the last one is ours: how to


@given(TEXTS | st.text(max_size=3_000))
def test_the_answer_to_a_wrong_command_repeats_it_harmlessly(text: str):
    wrong = parse(text)
    if isinstance(wrong, Misunderstood):
        said = replies.misunderstood(wrong, "/insight")
        assert len(said) <= 4_000
        assert_harmless([without_code(said)])


def told(sighting: why.Sighting) -> str:
    """The last line about one link of a tied thread."""
    thread = why.ThreadReport(None, "", Mode.ASK, why.Poster.MAY_ADD)
    reading = explain("https://app.datadoghq.com/monitors/1", load())
    [said] = why.why_pages(thread, [why.LinkReport(reading, sighting=sighting)])
    return said.splitlines()[-1].strip()


@pytest.mark.parametrize("reason", [*Decision, *(kind for kind in TieKind if kind is not TieKind.TIED)])
def test_every_reason_for_silence_is_told_in_words(reason: str):
    last = told(why.Sighting(reason))
    assert last.endswith(".")
    assert str(reason) != last.removesuffix(".")


@pytest.mark.parametrize("state", State)
def test_every_state_is_told_in_words(state: State):
    assert told(why.Sighting("", state, "Ana", 1.0)).endswith(".")


TIE = Tie(TieKind.TIED, TieSource.SAID, "default", "1", (), (), None, 0.0)
REPORT = why.ThreadReport(TIE, "A-1", Mode.ASK, why.Poster.MAY_ADD)


def report(text: str, sighting: why.Sighting | None = None) -> why.LinkReport:
    """Of a draft whose link, id and hint are this text."""
    draft = Draft(InsightType.EVENT, text, text, "app.datadoghq.com")
    return why.LinkReport(Reading(text, draft, "event", rule="/event/{id}", hint=text), sighting=sighting)


SHAPE = "`/event/…`"


def page(link: why.LinkReport) -> str:
    return why.why_pages(REPORT, [link])[0].replace(SHAPE, "")


SAID: dict[str, Callable[[str], str]] = {
    "refused_by_datadog": sentences.refused_by_datadog,
    "case_gone": sentences.case_gone,
    "permission": lambda text: sentences.permission(403, text, "7F3K").replace("`cases_write`", ""),
    "gave_up": lambda text: sentences.gave_up(24, text),
    "refused": lambda text: sentences.refused(Refusal.NOT_A_MEMBER, text, text),
    "not_told": sentences.not_told,
    "org_gone": sentences.org_gone,
    "not_this_workspace": lambda text: sentences.not_this_workspace(text, text),
    "already_answered": lambda text: sentences.already_answered(text, text),
    "no_comment": sentences.no_comment,
    "comment_refused": lambda text: sentences.comment_refused(403, text, "7F3K").replace("`cases_write`", ""),
    "unknown_case": replies.unknown_case,
    "several_cases": lambda text: replies.several_cases(text, [text, "b"]),
    "not_a_case": replies.not_a_case,
    "slack_refused": replies.slack_refused,
    "missing_scope": lambda text: without_code(replies.missing_scope(clean(text))),
    "adding": lambda text: replies.adding(1, text, [replies.not_added(text, text)]),
    "added_before": lambda text: replies.added_before(text, State.ADDED, text, 1.0),
    "tied_already": lambda text: replies.tied_already(text, thread=True),
    "undoing": lambda text: replies.undoing(1, text, ""),
    "status": lambda text: replies.status(
        replies.StatusReport(True, (text, text), replies.tied_by(TieSource.SAID, text), Mode.ASK, {})
    ),
    "why": lambda text: why.why_pages(REPORT, [report(text, why.Sighting("", State.ADDED, text, 1.0))])[0].replace(
        SHAPE, ""
    ),
    "why_slack": lambda text: why.why_pages(REPORT, [report("x", why.Sighting(f"a {text}"))])[0].replace(SHAPE, ""),
    "explained": lambda text: why.explained(report(text).reading, hidden=True).replace(SHAPE, ""),
}


@pytest.mark.parametrize("say", SAID.values(), ids=SAID)
@given(TEXTS.filter(bool))
def test_no_sentence_passes_on_an_effect_of_the_words_in_it(say: Callable[[str], str], text: str):
    text = text[:100]
    assert_harmless([say(text)])
    assert say(text).count("\n") == say("x").count("\n")
    assert shown(escape(text, 60)) in shown(say(clean(text, 60))) or say is SAID["missing_scope"]
