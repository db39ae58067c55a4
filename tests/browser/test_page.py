"""What people do and see on the sandbox's page, in a real browser."""

import asyncio
import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import update

from bot.sandbox.sandbox import Sandbox
from bot.store import schema
from tests.browser.conftest import NewWindow, transaction
from tests.browser.window import Window
from tests.e2e.bench import age_unfinished_work

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed (extra: test)")
expect = playwright.expect

PUT = "PUT /api/v2/cases/{case_id}/insights"


async def test_of_two_links_the_ticked_one_is_added_and_the_other_left_out(window: Window):
    await window.paste("Monitor", "Error Tracking")
    await window.tick("Error Tracking issue").uncheck()
    await window.button("Add to CASEM-4523").click()
    await expect(window.insights).to_have_count(1)
    await expect(window.insights).to_contain_text("17131362")
    await expect(window.card).to_contain_text("Added to CASEM-4523 by Ana")
    await expect(window.card).to_contain_text("Left out by Ana")


async def test_a_click_while_datadog_is_down_waits_and_is_carried_out_when_it_is_up_again(
    window: Window, sandbox: Sandbox
):
    await window.paste("Monitor", "Incident")
    await expect(window.button("Add")).to_be_visible()
    await window.trouble("Down")
    await expect(window.page.locator("#trouble-toggle")).to_contain_text("Datadog: Down")
    await window.button("Add").click()
    await expect(window.card).to_contain_text("Adding 2 insights")
    at = schema.insights.c.confirmed_at
    async with transaction(sandbox) as tx:  # the card says that it waits ten seconds after the click
        await tx.execute(update(schema.insights).where(at.is_not(None)).values(confirmed_at=at - 10, sent_at=at - 60))
    await expect(window.card).to_contain_text("You need not do anything.")
    await expect(window.insights).to_have_count(0)
    await window.trouble("Works")
    await expect(window.insights).to_have_count(2)
    await expect(window.card).to_contain_text("Added to CASEM-4523 by Ana")


async def test_a_card_from_before_a_restart_works(window: Window):
    await window.paste("Monitor")
    await expect(window.button("Add")).to_be_visible()
    await window.to_the_bot("Restart")
    await expect(window.pill).to_have_text("Bot starting")
    await expect(window.pill).to_have_text("Bot connected")
    await window.button("Add").click()
    await expect(window.insights).to_have_count(1)


async def test_a_guest_is_refused_in_words_that_only_the_guest_sees(window: Window, sandbox: Sandbox):
    await window.paste("Monitor")
    await window.speak_as("Gil (guest)")
    await window.button("Add").click()
    await expect(window.private).to_contain_text("Only visible to Gil")
    await expect(window.private).to_contain_text("Only full members of Acme can change CASEM-4523.")
    assert sandbox.control.matching("datadog", PUT) == []


async def test_of_two_people_who_click_at_once_the_second_is_told(new_window: NewWindow, sandbox: Sandbox):
    ana, ben = await new_window("Ana"), await new_window("Ben")
    await ana.paste("Monitor")
    await expect(ben.button("Add")).to_be_visible()
    # Both still look at the same card, as two people do who click within the same second.
    sandbox.control.rule("slack", "chat.update", hold="before", times=1)
    await asyncio.gather(ana.button("Add").click(), ben.button("Add").click())
    await expect(ana.private).to_contain_text(re.compile("(Ana|Ben) already (added|pressed Add for) this"))
    sandbox.control.release()
    for window in (ana, ben):
        await expect(window.insights).to_have_count(1)
        await expect(window.card).to_contain_text("Added to CASEM-4523 by")
    assert len(sandbox.control.matching("datadog", PUT)) == 1


async def test_a_reload_shows_the_same_with_the_ticks_as_they_were(window: Window):
    await window.paste("Monitor", "Error Tracking")
    await window.tick("Monitor").uncheck()
    before = await window.page.locator("#messages").inner_text()
    await window.page.reload()
    await expect(window.tick("Error Tracking issue")).to_be_checked()
    await expect(window.tick("Monitor")).not_to_be_checked()
    assert await window.page.locator("#messages").inner_text() == before


async def test_two_windows_show_the_same_and_each_has_its_own_ticks(new_window: NewWindow):
    ana, ben = await new_window("Ana"), await new_window("Ben")
    await ana.paste("Monitor", "Error Tracking")
    await expect(ben.button("Add")).to_be_visible()
    await ana.tick("Monitor").uncheck()
    await expect(ben.tick("Monitor")).to_be_checked()
    await ben.trouble("Slow")
    await expect(ana.page.locator("#trouble-toggle")).to_have_text("Datadog: Slow")
    await ben.trouble("Works")
    await ana.button("Add").click()
    await expect(ben.insights).to_have_count(1)
    await expect(ben.insights).to_contain_text("ERROR_TRACKING")


async def test_what_was_clicked_before_the_bot_was_killed_is_carried_out_after_it_starts(
    window: Window, sandbox: Sandbox
):
    await window.paste("Monitor")
    await window.trouble("Down")
    await window.button("Add").click()
    await expect(window.card).to_contain_text("Adding 1 insight")
    await window.to_the_bot("Kill")
    await expect(window.pill).to_have_text("Bot stopped")
    async with transaction(sandbox) as tx:
        await age_unfinished_work(tx)
    await window.trouble("Works")
    await window.to_the_bot("Start")
    await expect(window.pill).to_have_text("Bot connected")
    await expect(window.insights).to_have_count(1)


async def test_a_click_that_nobody_answers_is_said_to_have_failed(window: Window):
    await window.paste("Monitor")
    await expect(window.button("Add")).to_be_visible()
    await window.to_the_bot("Kill")
    await window.button("Add").click()
    await expect(window.page.get_by_role("alert")).to_contain_text("Case Insights did not answer in time.")
    await window.to_the_bot("Start")
    await expect(window.pill).to_have_text("Bot connected")
    await window.button("Add").click()
    await expect(window.insights).to_have_count(1)


async def test_a_link_that_is_not_datadogs_gets_no_card(window: Window, sandbox: Sandbox):
    await window.paste("Look-alike")
    await expect(window.page.locator(".message")).to_have_count(5)
    await sandbox.control.quiet()
    await expect(window.page.locator(".card")).to_have_count(0)


async def test_what_is_edited_is_marked_and_the_card_follows(window: Window):
    await window.paste("Monitor")
    await expect(window.button("Add")).to_be_visible()
    await window.page.get_by_label("More for the message of Ana").last.click()
    await window.page.get_by_role("button", name="Edit message").click()
    await window.page.get_by_role("textbox", name="Edit the message").fill("Never mind.")
    await window.page.get_by_role("textbox", name="Edit the message").press("Enter")
    await expect(window.page.locator(".edited")).to_have_text("(edited)")
    await expect(window.card).to_contain_text("The links left their messages.")


async def test_starting_over_brings_the_first_scene_back(window: Window):
    await window.paste("Monitor")
    await window.button("Add").click()
    await expect(window.insights).to_have_count(1)
    await window.page.get_by_role("button", name="Start over").click()
    await expect(window.insights).to_have_count(0)
    await expect(window.pill).to_have_text("Bot connected")
    await expect(window.page.locator(".message")).to_have_count(4)
    await window.paste("Monitor")
    await window.button("Add").click()
    await expect(window.insights).to_have_count(1)


async def test_the_whole_way_goes_by_keyboard(window: Window):
    keyboard = window.page.keyboard
    await window.composer.focus()
    await keyboard.type("It is ")
    await keyboard.press("Shift+Enter")
    await keyboard.type("https://app.datadoghq.com/monitors/33442485")
    await keyboard.press("Enter")
    await expect(window.button("Add")).to_be_visible()
    await window.tick("Monitor").focus()
    for _ in range(4):
        await keyboard.press("Tab")
        if "Add to" in await window.page.evaluate("document.activeElement.textContent"):
            break
    await keyboard.press("Enter")
    await expect(window.insights).to_have_count(1)


async def test_changes_are_told_to_those_who_hear_the_page(window: Window):
    told = window.page.locator("#announce")
    await window.paste("Monitor")
    await expect(told).to_contain_text("Case Insights: Add 1 insight to CASEM-4523")
    await window.button("Add").click()
    await expect(told).to_contain_text("An insight is on CASEM-4523 now.")


async def test_on_a_phone_the_panes_are_tabs(new_window: NewWindow):
    phone = await new_window(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    await phone.paste("Monitor")
    await phone.button("Add").tap()
    await expect(phone.card).to_contain_text("Added to CASEM-4523")
    await expect(phone.insights).to_be_hidden()
    await phone.page.get_by_role("tab", name="Case").tap()
    await expect(phone.insights).to_be_visible()
    assert await phone.page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_a_time_on_a_card_is_in_the_reader_s_own_zone(new_window: NewWindow, sandbox: Sandbox):
    tokyo = await new_window(timezone_id="Asia/Tokyo", locale="en-GB")
    await tokyo.paste("Monitor")
    await tokyo.button("Add").click()
    await expect(tokyo.card).to_contain_text("Added to CASEM-4523")
    roots = sandbox.slack.state()["channels"][0]["messages"]
    seconds = next(found for root in roots for found in _seconds(root))
    added_at = datetime.fromtimestamp(int(seconds), timezone(timedelta(hours=9)))
    await expect(tokyo.card.locator("time")).to_have_text(f"{added_at:%-d %b %Y %H:%M}")


def _seconds(root: dict[str, Any]) -> list[str]:
    """The epoch seconds of the date tokens in a thread's cards."""
    cards = [each for each in root["replies"] if each.get("metadata")]
    return [second for card in cards for second in re.findall(r"<!date\^(\d+)", card["text"])]


async def test_marks_of_a_title_show_as_they_are_and_slack_makes_nothing_of_them(window: Window, sandbox: Sandbox):
    title = "*critical* _it_ `x` :tada: @here #general https://evil.example a@evil.example"
    sandbox.datadog.cases["CASEM-4523"].title = title
    await window.say("see https://app.datadoghq.com/cases/CASEM-4523")
    await window.paste("Monitor")
    heading = window.card.locator("strong")
    await expect(heading).to_have_text(f"Add 1 insight to CASEM-4523, {title}?")
    await expect(heading.locator("*")).to_have_count(0)


async def test_the_page_reads_mrkdwn_as_slack_does(window: Window):
    js = """async (text) => {
        const { mrkdwn } = await import("/js/mrkdwn.js");
        return [false, true].map((verbatim) => {
            const line = document.createElement("p");
            line.append(...mrkdwn(text, {}, verbatim));
            return line.innerHTML;
        });
    }"""
    for text, by_itself, verbatim in [
        ("*a <!date^0^{_}|*b*> c*", "<strong>a *b* c</strong>", "<strong>a *b* c</strong>"),
        ("&gt; quoted", "<blockquote>quoted</blockquote>", "<blockquote>quoted</blockquote>"),
        (":tada: :nonesuch:", "🎉 :nonesuch:", "🎉 :nonesuch:"),
        ("snake_case_name", "snake_case_name", "snake_case_name"),
        ("@here", '<span class="mention">@here</span>', "@here"),
        ("#general", '<span class="mention">#general</span>', "#general"),
        (
            "a@b.example",
            '<a href="mailto:a@b.example" rel="noreferrer noopener" target="_blank">a@b.example</a>',
            "a@b.example",
        ),
    ]:
        assert await window.page.evaluate(js, text) == [by_itself, verbatim]


async def test_a_created_case_and_its_comments_are_shown_as_they_change(window: Window, sandbox: Sandbox):
    cases = sandbox.datadog.cases
    created = cases.add("CASEM-4524", "Disk full on db1", description="From a thread\nby Ana")
    comment = cases.comment(created, "Evidence:\n- Monitor 1")
    case = window.page.locator("#case")
    await case.get_by_label("Case", exact=True).select_option("CASEM-4524")
    await expect(case.locator(".case-head")).to_contain_text("Disk full on db1")
    await expect(case.locator("#comments li")).to_have_text("Evidence:\n- Monitor 1", use_inner_text=True)
    cases.change_comment(created, comment, "Evidence: none")
    await expect(case.locator("#comments li")).to_have_text("Evidence: none")
    cases.change_comment(created, comment, None)
    await expect(case.locator("#comments li")).to_have_text("None.")
