"""Sentences are true in every state in which they can be said."""

import ast
import json
import re
from dataclasses import replace
from itertools import combinations_with_replacement
from pathlib import Path

import pytest

from bot import messages
from bot.insights import Mode, may_move
from bot.links import explain, load
from bot.messages import announcements, created, repeats, replies, sentences, why
from bot.messages.card_view import CardView, Waiting, label
from bot.messages.cards import card_message, late_failure
from bot.messages.created import CreatedCase
from bot.model import CardItem, InsightType, ItemType, NoteType, State

CARD_WITHOUT_LINK = re.compile(r"(?<!\|)\b(?:the|its|their) cards?\b", re.IGNORECASE)
REFUSALS = [
    *(replies.DATADOG_DOWN, replies.KEYS_REFUSED, replies.DATADOG_BUSY, replies.CASE_FORBIDDEN, replies.SLACK_DOWN),
    replies.several_cases("CASEM-1", ["acme", "beta"]),
]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_only_who_asked_for_a_change_is_told_that_nothing_was_changed(refusal: str):
    assert "nothing was changed" in refusal
    assert "chang" not in replies.to_question(refusal)
    assert replies.to_question(refusal).endswith(".")


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("tied_to", [("CASEM-1", ""), None])
@pytest.mark.parametrize("unwatched", ["", replies.UNWATCHED, replies.NOT_IN_CHANNEL])
def test_links_are_offered_only_where_they_are_watched_and_there_is_a_case(
    mode: Mode, tied_to: tuple[str, str] | None, unwatched: str
):
    said = replies.status(replies.StatusReport(True, tied_to, "", mode, {}, unwatched=unwatched))
    in_effect = not unwatched and (tied_to is not None or mode is Mode.OFF)
    assert (replies.MODES[mode] in said) == in_effect
    assert unwatched in said
    tied = tied_to is not None
    private = replies.in_mode(mode, unwatched, thread=True, tied=tied)
    assert (replies.MODES[mode] in private) == (not unwatched)
    assert unwatched in private


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(
    ("thread_ts", "condition"),
    [
        ("1780000000.000100", "once it is tied to a case (`@Case Insights tie"),
        ("", "in threads that are about a case,"),
    ],
)
def test_without_a_case_a_mode_is_said_to_take_effect_once_there_is_one(
    mode: Mode, tied: bool, thread_ts: str, condition: str
):
    in_the_open = announcements.mode_set("Ana", mode, thread_ts=thread_ts, tied=tied).text
    for said in (in_the_open, replies.in_mode(mode, thread=bool(thread_ts), tied=tied)):
        assert (condition in said) == (not tied and mode is not Mode.OFF)
        assert replies.MODES[mode] in said or mode is Mode.OFF


def test_who_only_asked_is_not_told_that_something_was_not_done():
    assert replies.to_question(replies.NOT_SEEN_BY_YOU).endswith("with the bot. Ask in that channel.")
    assert "done" not in replies.to_question(replies.NOT_SEEN_BY_YOU)
    assert "saved" not in replies.NOT_READ


def test_after_an_error_of_ours_nobody_is_told_that_nothing_was_changed():
    assert "nothing was changed" not in sentences.went_wrong("7F3K")


@pytest.mark.parametrize("continued", [True, False])
def test_a_card_is_spoken_of_with_a_link_or_not_at_all(*, continued: bool):
    link = replies.card_link("https://acme.slack.com/archives/C1/p1")
    for say in (
        lambda card: replies.adding(1, "CASEM-1", [], card),
        lambda card: replies.undoing(1, "CASEM-1", card),
        lambda card: replies.scanned(3, 1, card),
        lambda card: sentences.nothing_left(card, continued=continued),
        lambda card: sentences.late_click({}, [replace(MONITOR, state=State.FAILED)], card),
    ):
        assert link in say(link)
        assert "card" not in say(replies.card_link(""))


@pytest.mark.parametrize("module", sorted(Path(messages.__file__).parent.glob("*.py")), ids=lambda path: path.stem)
def test_no_text_speaks_of_the_card_without_a_link(module: Path):
    tree = ast.parse(module.read_text())
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docs]
    said = [text for text in texts if isinstance(text, str) and CARD_WITHOUT_LINK.search(text)]
    assert said == []


@pytest.mark.parametrize("state", [State.FAILED, State.ADDED])
def test_why_speaks_of_retry_only_where_its_card_has_the_button(state: State):
    [said] = why.why_pages(
        why.ThreadReport(None, "", Mode.ASK, why.Poster.MAY_ADD),
        [
            why.LinkReport(
                explain("https://app.datadoghq.com/monitors/1", load()),
                sighting=why.Sighting("failed", state, "Ana", 1.0, "https://acme.slack.com/archives/C1/p1"),
            )
        ],
    )
    assert "|Its card>" in said
    assert ("Retry" in said) == (state is State.FAILED)


@pytest.mark.parametrize("state", State)
def test_a_late_click_is_told_what_is_so_and_an_untied_thread_takes_back_no_links(state: State):
    item = CardItem(1, InsightType.MONITOR, "1", "/monitors/1", "app.datadoghq.com", state, 1, by="U0ANA", at=1.0)
    said = sentences.late_click({"U0ANA": "Ana"}, [item])
    assert "taken back" not in said
    assert ("Ana" in said) == (state is not State.WITHDRAWN)


# --- cards: each sentence and button, and the states of an insight that it is said for ---

MONITOR = CardItem(
    *(1, InsightType.MONITOR, "1", "/monitors/1", "app.datadoghq.com", State.ADDED, 1), by="U0ANA", at=1.0, ours=True
)
ON_CARDS = {
    "Add 1 {} to": {State.OFFERED},
    "Adding 1 {}": {State.CONFIRMED},
    "Removing 1 {}": {State.UNDOING},
    "Added ": {State.ADDED},
    "Removed from": {State.UNDONE},
    "Dismissed by": {State.DISMISSED},
    "Not added": {State.FAILED},
    "button insights.add": {State.OFFERED},
    "button insights.dismiss": {State.OFFERED, State.FAILED},
    "button insights.cancel": {State.CONFIRMED},
    "button insights.retry": {State.FAILED},
    "button insights.undo": {State.ADDED},
    "Add back": {State.UNDONE, State.DISMISSED},
}


@pytest.mark.parametrize("states", [*combinations_with_replacement(State, 2)], ids="-".join)
@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(("kind", "type_"), [("insight", InsightType.MONITOR), ("link", NoteType.NOTE)])
def test_a_card_says_of_its_insights_what_is_so_and_offers_what_can_be_done(
    states: tuple[State, State], waits: bool, kind: str, type_: ItemType
):
    is_note = type_ is NoteType.NOTE
    items = [
        CardItem(number, type_, str(number), f"/x/{number}", "app.datadoghq.com", state, 1, "Notebook" * is_note)
        for number, state in enumerate(states, 1)
    ]
    items = [
        replace(item, by="U0ANA", at=1.0, ours=True, note="No." if item.state is State.FAILED else "") for item in items
    ]
    view = CardView(
        *("1", 1, "CASEM-1", "", "https://app.datadoghq.com/cases/CASEM-1", items),
        names={"U0ANA": "Ana"},
        waiting=Waiting("Datadog is not answering.", 9.0) if waits else None,
    )
    message = card_message(view)
    said = f"{message.text} {json.dumps(message.blocks)}"
    for form, of in ON_CARDS.items():
        words = form.format(kind)
        true = not of.isdisjoint(states)
        if words.startswith("button "):
            possible = true and (waits or is_note or words != "button insights.cancel")
            assert (f'"action_id": "{words.removeprefix("button ")}"' in said) == possible, words
        elif words in said:
            assert true, words
        elif true and len(set(states)) == len(states):
            assert words in said, words
    assert ("kept" in said) <= (waits and not {State.CONFIRMED, State.UNDOING}.isdisjoint(states))
    assert ("The bot's comment on CASEM-1" in said) == (
        is_note and not waits and not {State.CONFIRMED, State.UNDOING}.isdisjoint(states)
    )
    assert ("still to be removed" in said or "kept" in said) or not (waits and State.CONFIRMED in states)


def test_of_insights_that_were_added_meanwhile_no_late_failure_is_told():
    item = CardItem(1, InsightType.MONITOR, "1", "/monitors/1", "app.datadoghq.com", State.ADDED, 1, by="U0ANA", at=1.0)
    assert late_failure(CardView("1", 1, "CASEM-1", "", "", [item]), "https://acme.slack.com/archives/C1/p1") is None
    failed = late_failure(
        CardView("1", 1, "CASEM-1", "", "", [replace(item, state=State.FAILED, note="No.")]), "https://x/p1"
    )
    assert failed is not None
    assert "<https://x/p1|The card> has a Retry button." in failed.text


# --- what others decided on an insight, told elsewhere: each state in which it can be told, and what is true of it ---

TOLD = {
    State.OFFERED: ("pressed Add for", None, None, "nobody has decided"),
    State.CONFIRMED: ("pressed Add for", "is already adding it", None, "on its way to the case"),
    State.ADDED: ("added", "Ana added it at", None, "Added by Ana"),
    State.FAILED: ("pressed Add for", None, None, "was not added"),
    State.DISMISSED: ("dismissed", None, "dismissed", "Dismissed by Ana"),
    State.WITHDRAWN: ("is not offered any more", None, None, "Not offered any more"),
    State.UNDOING: ("chose to remove", "it is being removed", None, "is having it removed"),
    State.UNDONE: ("removed", None, "removed", "Removed by Ana"),
}
"""By state: in the form, to who adds it again by command, to who pastes it again, to who asks why. None: never said."""


@pytest.mark.parametrize(("state", "told"), TOLD.items(), ids=TOLD)
@pytest.mark.parametrize(("type_", "scope"), [(InsightType.MONITOR, ""), (NoteType.NOTE, "Dashboard")])
def test_what_somebody_decided_is_told_alike_at_every_door(
    state: State, told: tuple[str | None, ...], type_: ItemType, scope: str
):
    item = CardItem(1, type_, "1", "/x/1", "app.datadoghq.com", state, 1, scope, by="U0ANA", at=1.0)
    in_form, by_command, pasted_again, asked_why = told
    assert in_form is not None
    assert in_form in sentences.modal_changed([(item, "Ana")])
    said = replies.added_before(label(item), state, "Ana", 1.0)
    assert by_command is None or by_command in said
    again = repeats.offered_back([(item, "7f3a", "1.1")], {"U0ANA": "Ana"}, "CASEM-1").text
    assert pasted_again is None or f"Ana {pasted_again} {label(item)}" in again
    reading = explain("https://app.datadoghq.com/monitors/1", load())
    report = why.LinkReport(reading, sighting=why.Sighting("", state, "Ana", 1.0))
    thread = why.ThreadReport(None, "CASEM-1", Mode.ASK, why.Poster.MAY_ADD)
    assert str(asked_why) in why.why_pages(thread, [report])[0]


@pytest.mark.parametrize("state", [State.CONFIRMED, State.ADDED, State.UNDOING])
def test_only_what_cannot_be_confirmed_again_is_refused_as_known(state: State):
    """`added_before` is said of these alone: all other states lead to confirmed, if somebody asks for it."""
    assert not may_move(state, State.CONFIRMED, deliberate=True)
    others = set(State) - {State.CONFIRMED, State.ADDED, State.UNDOING}
    assert all(may_move(other, State.CONFIRMED, deliberate=True) for other in others)


@pytest.mark.parametrize(("tied", "stays"), [(True, ""), (False, "CASEM-1"), (False, "")])
@pytest.mark.parametrize("ts", ["1.1", ""])
def test_of_a_created_case_is_said_what_its_thread_is_about(*, tied: bool, stays: str, ts: str):
    case = CreatedCase("CASEM-2", "Leak", "https://app/CASEM-2", ts, tied=tied, stays=stays)
    for text in (created.announced("Ana", case).text, created.alone(case, "", "not_in_channel").text):
        assert ("tied this thread to it" in text or "is tied to it" in text) == tied
        assert ("stays tied to CASEM-1" in text) == bool(stays)
