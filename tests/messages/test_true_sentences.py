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
@pytest.mark.parametrize("unwatched", [True, False])
def test_links_are_offered_only_where_they_are_watched(mode: Mode, unwatched: bool):
    said = replies.status(replies.StatusReport(True, ("CASEM-1", ""), "", mode, {}, unwatched=unwatched))
    assert (replies.MODES[mode] in said) != unwatched
    assert (replies.UNWATCHED in said) == unwatched


@pytest.mark.parametrize("state", State)
def test_a_late_click_is_told_what_is_so_and_an_untied_thread_takes_back_no_links(state: State):
    item = CardItem(1, InsightType.MONITOR, "1", "/monitors/1", "app.datadoghq.com", state, 1, by="U0ANA", at=1.0)
    said = sentences.late_click({"U0ANA": "Ana"}, [item])
    assert "taken back" not in said
    assert ("Ana" in said) == (state is not State.WITHDRAWN)
