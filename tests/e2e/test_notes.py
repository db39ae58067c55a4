"""Links that no insight type covers, through the whole bot: offered beside insights and alone, kept in the comment."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bench import CHANNEL, COMMENT, KEY, Bench, bench, comment_is_due, monitor

DASHBOARD = "https://app.datadoghq.com/dashboard/abc-def-ghi/api-overview?from_ts=1&to_ts=2&live=true"
LOGS = "https://app.datadoghq.com/logs?query=service%3Aapi"
LISTS = ("https://app.datadoghq.com/monitors/manage?q=x", "https://app.datadoghq.com/logs", "/s/")


def boxes(message: Any) -> dict[str, bool]:
    """The boxes of a card by their words, and whether the bot ticked them."""
    elements = [one for block in message["blocks"] for one in block.get("elements", []) if one["type"] == "checkboxes"]
    ticked = [option["value"] for one in elements for option in one.get("initial_options", [])]
    return {option["text"]["text"]: option["value"] in ticked for one in elements for option in one["options"]}


async def test_beside_an_insight_a_note_is_ticked_and_one_click_adds_both(b: Bench) -> None:
    root = b.start_thread()
    b.reply(root, f"{monitor(8801)} and {DASHBOARD}")
    card = await b.card(root, "Add 1 insight and 1 link to")
    assert boxes(card) == {
        "Monitor · 8801": True,
        "Dashboard · API overview, as a link in the case's comment": True,
    }
    await b.click(card, "insights.add")
    await b.card(root, f"Adding 1 link to {KEY} for Ana")
    await comment_is_due(b)
    card = await b.card(root, "in the case's comment")
    [text] = b.datadog.cases[KEY].comments
    page = "https://app.datadoghq.com/dashboard/abc-def-ghi/api-overview"
    assert f"- Dashboard `API overview`: <{page}>, added by `Ana` on " in text
    assert b.on_case == [("MONITOR", "8801", "/monitors/8801")]
    await b.click(card, "insights.undo")
    await b.handled()
    await comment_is_due(b)
    await b.card(root, f"Removed from {KEY}")
    await b.handled()
    assert (b.on_case, b.datadog.cases[KEY].comments) == ([], [])


async def test_alone_a_note_is_offered_unticked_once_and_lists_are_passed_over(b: Bench) -> None:
    root = b.start_thread()
    for link in LISTS:
        b.reply(root, link)
    b.reply(root, DASHBOARD)
    card = await b.card(root, "Add 1 link to")
    assert boxes(card) == {"Dashboard · API overview, as a link in the case's comment": False}
    await b.click(card, "insights.add")
    assert (await b.answer_to("U0ANA")).startswith("Tick at least one")
    await b.click(card, "insights.dismiss")
    await b.card(root, "Dismissed by Ana")
    b.reply(root, LOGS)
    await b.handled()
    assert len(b.cards(root)) == 1


async def test_add_takes_a_note_and_a_page_that_the_table_does_not_know(b: Bench) -> None:
    root = b.start_thread()
    await b.handled()
    links = f"{LOGS} https://app.datadoghq.com/tomorrow/7 https://app.datadoghq.com/monitors/manage"
    b.slack.mention(CHANNEL, "U0ANA", f"add {links}", thread_ts=root)
    said = await b.answer_to("U0ANA")
    assert said.startswith(f"Adding 2 links to {KEY}.")
    assert "monitors/manage>: This is a list or a search." in said
    await comment_is_due(b)
    await b.control.until(lambda: b.datadog.cases[KEY].comments, what="the comment")
    [text] = b.datadog.cases[KEY].comments
    assert re.findall(r"- (.+?): <", text) == ["Log search `service:api`", "Page `/tomorrow/7`"]


async def test_while_datadog_is_down_a_note_waits_and_the_card_says_so(b: Bench) -> None:
    root = b.start_thread()
    b.reply(root, f"{monitor(8802)} {LOGS}")
    card = await b.card(root, "Add 1 insight and 1 link")
    await b.click(card, "insights.add")
    await b.card(root, f"Added to {KEY}")
    b.control.rule("datadog", COMMENT, status=503, times=2)
    await comment_is_due(b)
    await b.card(root, "in the case's comment")
    assert len(b.datadog.cases[KEY].comments) == 1


@pytest.mark.parametrize("setting", ["CASE_INSIGHTS_NOTES", "CASE_INSIGHTS_COMMENT"])
async def test_switched_off_nobody_is_offered_a_note(tmp_path: Path, setting: str) -> None:
    async with bench(tmp_path, settings={setting: "off"}) as b:
        root = b.start_thread()
        b.reply(root, DASHBOARD)
        b.reply(root, f"{monitor(8803)} {LOGS}")
        card = await b.card(root, "Add 1 insight to")
        assert list(boxes(card)) == ["Monitor · 8803"]
