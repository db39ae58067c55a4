"""A link in a thread becomes an insight on the case: once, when it is wanted, and never otherwise."""

import re

import pytest

from bot.sandbox.datadog.cases import CaseInsight
from tests.e2e.bench import CASE_LINK, CHANNEL, KEY, PUT, Bench, boxes, monitor, options


async def test_one_click_puts_exactly_the_insights_of_the_thread_on_the_case(b: Bench) -> None:
    root = b.start_thread()
    issue = "2841440d-e780-4fe2-96cd-6a8c1d194da5"
    b.reply(root, f"{monitor(9)} and https://app.datadoghq.com/error-tracking/issue/{issue}")
    card = await b.card(root, "Add 2 insights to CASEM-4523, Memory leak investigation on API?")

    await b.click(card, "insights.add", "U0BEN")
    await b.card(root, "Added to CASEM-4523 by Ben")
    await b.handled()

    expected = [
        {"type": "MONITOR", "resource_id": "9", "ref": "/monitors/9"},
        {"type": "ERROR_TRACKING", "resource_id": issue, "ref": f"/error-tracking/issue/{issue}"},
    ]
    [put] = b.calls(PUT)
    assert put.arguments == {"data": {"type": "case", "attributes": {"insights": expected}}}
    assert b.on_case == [(each["type"], each["resource_id"], each["ref"]) for each in expected]
    assert len(b.cards(root)) == 1


async def test_a_message_delivered_eleven_times_makes_one_card(b: Bench) -> None:
    """K6."""
    root = b.start_thread()
    ts = b.reply(root, monitor(9))
    b.slack.redeliver(ts, copies=10, new_ids=True)
    await b.card(root, "Add 1 insight")
    await b.handled()
    assert len(b.cards(root)) == 1
    assert len(options(b.cards(root)[0])) == 1


async def test_dismiss_puts_nothing_on_the_case_and_is_remembered(b: Bench) -> None:
    root, card = await b.offer(9)
    await b.click(card, "insights.dismiss")
    await b.card(root, "Dismissed by Ana")
    b.reply(root, f"again {monitor(9)}")
    await b.handled()
    assert len(b.cards(root)) == 1
    assert b.calls(PUT) == []
    assert b.on_case == []


async def test_dismissing_what_is_left_says_nothing_of_what_was_decided_before(b: Bench) -> None:
    root, _ = await b.added(1)
    b.reply(root, monitor(2))
    await b.click(await b.card(root, "Add 1 insight"), "insights.dismiss")
    await b.control.until(lambda: "Add 1 insight" not in b.cards(root)[-1]["text"], what="the dismissal")
    await b.handled()
    assert b.private("U0ANA") == []


async def test_what_is_not_ticked_is_left_out(b: Bench) -> None:
    root, card = await b.offer(1, 2, 3)
    await b.tick(card, "U0BEN", 1, 3)
    await b.click(card, "insights.add", "U0BEN")
    await b.card(root, "Left out by Ben")
    assert [insight[1] for insight in b.on_case] == ["1", "3"]


async def test_two_people_click_at_once_and_the_second_is_told_who_was_first(b: Bench) -> None:
    """K7."""
    root, card = await b.offer(1)
    b.control.rule("datadog", PUT, hold="before", times=1)
    await b.click(card, "insights.add", "U0ANA")
    await b.held(PUT)
    await b.click(card, "insights.add", "U0BEN", late=True)
    assert (await b.answer_to("U0BEN")).startswith("Ana already pressed Add for this at ")
    b.control.release()
    await b.card(root, "Added to CASEM-4523 by Ana")
    await b.handled()
    assert len(b.calls(PUT)) == 1
    assert b.private("U0ANA") == []


async def test_of_overlapping_choices_each_insight_is_added_once(b: Bench) -> None:
    _, card = await b.offer(1, 2, 3)
    await b.tick(card, "U0ANA", 1, 2)
    await b.tick(card, "U0BEN", 2, 3)
    b.control.rule("datadog", PUT, hold="before", times=1)
    await b.click(card, "insights.add", "U0ANA")
    await b.held(PUT)
    await b.click(card, "insights.add", "U0BEN", late=True)
    assert re.search("Ana.*Monitor 2|Monitor 2.*Ana", await b.answer_to("U0BEN"), re.DOTALL)
    b.control.release()
    await b.control.until(lambda: len(b.on_case) == 3, what="three insights")
    await b.handled()
    assert sorted(insight[1] for insight in b.on_case) == ["1", "2", "3"]


async def test_twenty_insights_stand_on_one_card_and_every_one_can_be_ticked(b: Bench) -> None:
    root, card = await b.offer(*range(1, 21))
    assert [len(group) for group in boxes(card).values()] == [10, 10]
    await b.tick(card, "U0BEN", 20)
    await b.click(card, "insights.add", "U0BEN")
    await b.card(root, "and 15 more: 15 left out")
    assert [insight[1] for insight in b.on_case] == ["20"]


async def test_thirty_links_at_once_keep_slacks_limits(b: Bench) -> None:
    """K13."""
    root = b.start_thread()
    b.reply(root, " ".join(monitor(number) for number in range(1, 31)))
    await b.control.until(lambda: sum(len(options(card)) for card in b.cards(root)) == 30, what="30 checkboxes")
    await b.handled()
    assert sorted(len(options(card)) for card in b.cards(root)) == [10, 20]
    for card in b.cards(root):
        await b.click(card, "insights.add", "U0BEN")
    await b.control.until(lambda: len(b.on_case) == 30, what="30 insights")
    await b.handled()
    assert len(set(b.on_case)) == len(b.on_case) == 30


async def test_the_roots_own_links_are_offered_too(b: Bench) -> None:
    root = b.start_thread(f"{CASE_LINK} because of {monitor(9)}")
    await b.card(root, "Add 1 insight to CASEM-4523")


async def test_a_thread_that_names_no_case_is_left_alone(b: Bench) -> None:
    root = b.slack.message(CHANNEL, "U0ANA", "Lunch?")["ts"]
    b.reply(root, f"only if {monitor(9)} is quiet")
    await b.control.until(lambda: b.calls("conversations.replies"), what="the root to be looked up")
    b.reply(root, monitor(10))
    await b.handled()
    assert len(b.calls("conversations.replies")) == 1
    assert b.calls("chat.postMessage") == []
    assert [call for call in b.control.calls if call.service == "datadog"] == []


async def test_the_url_counts_and_never_the_label(b: Bench) -> None:
    """K14."""
    root = b.start_thread()
    link = "<https://app.datadoghq.com/monitors/1?q=a&amp;group=b|https://app.datadoghq.com/monitors/666>"
    b.reply(root, link, raw=True)
    card = await b.card(root, "Add 1 insight")
    await b.click(card, "insights.add")
    await b.card(root, "Added to CASEM-4523")
    assert b.on_case == [("MONITOR", "1", "/monitors/1?q=a&group=b")]


DASHBOARD = "https://app.datadoghq.com/dashboard/{}/api?fullscreen_widget=21"


@pytest.mark.parametrize(
    "links",
    [
        f"{monitor(1)} {monitor(2)} {monitor(1)}?group=host%3Aa",
        f"{DASHBOARD.format('abc-def-ghi')} {DASHBOARD.format('jkl-mno-pqr')}",
    ],
    ids=["two monitors, one of them twice", "widget 21 of two dashboards"],
)
async def test_each_resource_is_one_insight(b: Bench, links: str) -> None:
    """K1, K23."""
    root = b.start_thread()
    b.reply(root, links)
    assert len(options(await b.card(root, "Add 2 insights"))) == 2


async def test_what_is_on_the_case_already_is_not_offered(b: Bench) -> None:
    b.datadog.cases.change(b.datadog.cases[KEY], insights=[CaseInsight("MONITOR", "77", "/monitors/77")])
    root = b.start_thread()
    b.reply(root, f"{monitor(77)} {monitor(78)}")
    card = await b.card(root, "Add 1 insight")
    assert "78" in options(card)[0]["text"]["text"]


async def test_undo_takes_off_exactly_what_was_added_and_it_is_not_offered_again(b: Bench) -> None:
    root, added = await b.added(9)
    await b.click(added, "insights.undo", "U0BEN")
    await b.card(root, "Removed from CASEM-4523 by Ben")
    assert b.on_case == []
    b.reply(root, monitor(9))
    await b.handled()
    assert len(b.cards(root)) == 1
