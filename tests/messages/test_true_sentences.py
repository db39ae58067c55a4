"""Sentences are true in every state in which they can be said."""

import pytest

from bot.insights import Mode
from bot.messages import replies, sentences
from bot.model import CardItem, InsightType, State

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
    assert (replies.MODES[mode] in replies.in_mode(mode, thread=True, unwatched=unwatched)) == (not unwatched)


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
    ):
        assert link in say(link)
        assert "card" not in say(replies.card_link(""))


@pytest.mark.parametrize("state", State)
def test_a_late_click_is_told_what_is_so_and_an_untied_thread_takes_back_no_links(state: State):
    item = CardItem(1, InsightType.MONITOR, "1", "/monitors/1", "app.datadoghq.com", state, 1, by="U0ANA", at=1.0)
    said = sentences.late_click({"U0ANA": "Ana"}, [item])
    assert "taken back" not in said
    assert ("Ana" in said) == (state is not State.WITHDRAWN)
