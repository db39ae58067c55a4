"""On the page: the modal, the shortcut in the ⋯ menu, slash commands, mentions, and Home."""

import re

import pytest
from sqlalchemy import update

from bot.sandbox.example_data import INCIDENTS
from bot.sandbox.sandbox import Sandbox
from bot.store import schema
from tests.browser.conftest import transaction
from tests.browser.window import Window

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed (extra: test)")
expect = playwright.expect

DRAFT = "https://app.datadoghq.com/apm/recommendations"
ID = re.compile(": id$")


async def test_change_shows_a_links_fields_and_keeps_what_was_typed_and_ticked(window: Window, sandbox: Sandbox):
    await window.say(f"https://app.datadoghq.com/monitors/1 https://app.datadoghq.com/monitors/2 {DRAFT}")
    await window.choose_in_menu("Add to case")
    modal = window.page.get_by_role("dialog", name="Add to case")
    await expect(modal.get_by_label("Case", exact=True)).to_have_value(re.compile("CASEM-4523"))
    await modal.get_by_label(re.compile("1 .*: id$")).fill("rec-77")
    await modal.get_by_role("checkbox", name=re.compile("^3 ")).uncheck()
    await modal.get_by_role("button", name=re.compile("^Change… 2 ")).click()
    await modal.get_by_label(re.compile("2 .*: id$")).fill("22")
    await expect(modal.get_by_role("checkbox", name=re.compile("^3 "))).not_to_be_checked()
    await modal.get_by_role("button", name="Add", exact=True).click()
    await window.card.get_by_text("Added to CASEM-4523 by Ana").wait_for()
    added = {insight.resource_id for insight in sandbox.datadog.cases["CASEM-4523"].insights}
    assert added == {"22", "rec-77"}


async def test_the_shortcut_opens_a_modal_in_which_a_draft_is_completed(window: Window, sandbox: Sandbox):
    await window.say(f"look at {DRAFT}")
    await window.choose_in_menu("Add to case")
    modal = window.page.get_by_role("dialog", name="Add to case")
    await expect(modal.get_by_label("Case", exact=True)).to_have_value(re.compile("CASEM-4523"))
    await modal.get_by_role("button", name="Add").click()
    await modal.get_by_text("Give the id, or untick this link.").wait_for()
    await modal.get_by_label(ID).fill("rec-77")
    await modal.get_by_role("button", name="Add").click()
    await window.card.get_by_text("Added to CASEM-4523 by Ana").wait_for()
    added = [insight.resource_id for insight in sandbox.datadog.cases["CASEM-4523"].insights]
    assert added == ["rec-77"]


async def test_edit_opens_with_what_the_card_offers_and_escape_closes_it(window: Window):
    await window.paste("Monitor")
    await window.button("Edit…").click()
    modal = window.page.get_by_role("dialog", name="Add to case")
    await modal.get_by_role("button", name="Change…").click()
    await expect(modal.get_by_label(ID)).to_have_value(re.compile(r"\d+"))
    await window.page.keyboard.press("Escape")
    await modal.wait_for(state="hidden")


async def test_a_mention_is_answered_in_private_and_a_slash_command_is_refused_in_a_thread(window: Window):
    await window.say("@Case Insights status")
    await window.private.get_by_text("This thread is tied to CASEM-4523").wait_for()
    await window.say("/insight status")
    await window.page.locator("#toast", has_text="is not supported in threads").wait_for()


async def test_a_reaction_from_the_menu_adds_and_is_shown_until_it_is_taken_off(window: Window, sandbox: Sandbox):
    await window.say("https://app.datadoghq.com/monitors/4713")
    await window.choose_in_menu("React with :card_index:")
    await window.card.get_by_text("Added to CASEM-4523 by Ana").wait_for()
    chip = window.page.get_by_role("button", name=":card_index: 1")
    await expect(chip).to_have_attribute("aria-pressed", "true")
    await expect(chip).to_have_attribute("title", "Ana")
    await chip.click()
    await expect(chip).to_have_count(0)
    assert [insight.resource_id for insight in sandbox.datadog.cases["CASEM-4523"].insights] == ["4713"]


async def test_home_shows_how_to_and_what_was_added(window: Window):
    await window.page.get_by_role("button", name="App Home").click()
    home = window.page.get_by_role("dialog", name="Case Insights, Home")
    await home.get_by_text("/insight why").wait_for()
    await home.get_by_role("button", name="Close").click()
    await home.wait_for(state="hidden")


async def test_edit_adds_what_was_changed_in_it(window: Window, sandbox: Sandbox):
    await window.say("https://app.datadoghq.com/monitors/4711?from_ts=1")
    await window.button("Edit…").click()
    modal = window.page.get_by_role("dialog", name="Add to case")
    await modal.get_by_role("button", name="Change…").click()
    await modal.get_by_label(re.compile(": ref$")).fill("/monitors/4711")
    await modal.get_by_role("button", name="Add").click()
    await window.card.get_by_text("Added to CASEM-4523 by Ana").wait_for()
    [added] = sandbox.datadog.cases["CASEM-4523"].insights
    assert (added.resource_id, added.ref) == ("4711", "/monitors/4711")


@pytest.mark.parametrize(
    ("channel", "user", "person"),
    [("incidents", "U0GUEST", "Gil (guest)"), ("acme-and-other", "U0STRANGER", "Stan (other organisation)")],
)
async def test_a_guest_and_a_stranger_are_refused_in_the_modal(
    window: Window, sandbox: Sandbox, channel: str, user: str, person: str
):
    await window.page.locator("#sidebar").get_by_role("button", name=channel).click()
    await window.speak_as(person)
    await window.say("look https://app.datadoghq.com/monitors/77")
    await window.choose_in_menu("Add to case")
    await window.page.get_by_role("dialog").get_by_text("Only full members of Acme").wait_for()
    assert "Only full members of Acme" in str(sandbox.slack.modal(user))
    assert sandbox.slack.modal("U0ANA") is None
    assert sandbox.datadog.cases["CASEM-4523"].insights == []


async def test_a_thread_without_a_case_is_tied_by_the_question_that_a_link_brings(window: Window):
    await window.page.get_by_role("button", name=re.compile("^Checkout in staging")).click()
    await window.say("This may be https://app.datadoghq.com/cases/CASEM-4523")
    await window.card.get_by_text("Tie this thread to CASEM-4523").wait_for()
    await window.button("Tie to CASEM-4523").click()
    await window.card.get_by_text("Tied to CASEM-4523 by Ana").wait_for()
    await window.paste("Monitor")
    await window.button("Add to CASEM-4523").wait_for()


async def test_a_scan_reads_what_was_said_before_the_bot_came(window: Window, sandbox: Sandbox):
    slack = sandbox.slack
    said = slack.thread(INCIDENTS, window.page.url.rpartition("/")[2])
    old = {**said[-1], "ts": f"{float(said[-1]['ts']) + 1:.6f}", "text": "https://app.datadoghq.com/monitors/88"}
    slack.conversations.add(slack.workspace.channels[INCIDENTS], {**old, "blocks": []}, deliver=False)
    await window.say("@Case Insights scan")
    await window.private.get_by_text("1 new link").wait_for()
    await window.tick("Monitor").wait_for()


async def test_always_add_here_adds_at_once_and_undo_takes_it_back(window: Window, sandbox: Sandbox):
    await window.paste("Monitor")
    await window.card.get_by_label("More").click()
    await window.card.get_by_role("button", name="Always add in this thread").click()
    await window.page.locator("#messages").get_by_text("Ana chose “Always add” for this thread").wait_for()
    await window.page.locator(".card").first.get_by_role("button", name="Dismiss").click()
    await window.page.locator(".card").first.get_by_text("Dismissed by Ana").wait_for()
    await window.paste("Error Tracking")
    await window.card.get_by_text("Added to CASEM-4523 by Ana").wait_for()
    assert [insight.type for insight in sandbox.datadog.cases["CASEM-4523"].insights] == ["ERROR_TRACKING"]
    asked = window.page.get_by_role("dialog", name="Take 1 insight off CASEM-4523?")
    await window.button("Undo").click()
    await expect(asked.get_by_text("That is 1 that Ana added.")).to_be_visible()
    await asked.get_by_role("button", name="Keep").click()
    await expect(window.button("Undo")).to_be_focused()
    await window.button("Undo").click()
    await asked.get_by_role("button", name="Remove").click()
    await window.card.get_by_text("Removed from CASEM-4523 by Ana").wait_for()
    assert sandbox.datadog.cases["CASEM-4523"].insights == []
    await window.button("Add back").click()
    await window.card.get_by_text("Added to CASEM-4523 by Ana").wait_for()
    assert [insight.type for insight in sandbox.datadog.cases["CASEM-4523"].insights] == ["ERROR_TRACKING"]


async def test_a_settled_card_is_a_list_that_folds_and_gives_each_line_back(window: Window, sandbox: Sandbox):
    await window.say(" ".join(f"https://app.datadoghq.com/monitors/{9100 + number}" for number in range(7)))
    await window.button("Dismiss").click()
    await window.card.get_by_text("Dismissed by Ana").wait_for()
    await expect(window.card.get_by_role("link", name=re.compile("^Monitor 91"))).to_have_count(5)
    await expect(window.card.get_by_text("and 2 more")).to_be_visible()
    await window.button("Show").click()
    await window.private.get_by_role("button", name="Add back Monitor 9106").click()
    await window.card.get_by_text("Added to CASEM-4523 by Ana").wait_for()
    assert [insight.resource_id for insight in sandbox.datadog.cases["CASEM-4523"].insights] == ["9106"]


async def test_a_choice_for_the_whole_channel_asks_first(window: Window):
    await window.paste("Monitor")
    await window.card.get_by_label("More").click()
    await window.card.get_by_role("button", name="Off in this channel").click()
    asked = window.page.get_by_role("dialog")
    await asked.get_by_role("button", name="Cancel").click()
    await expect(asked).to_have_count(0)
    await window.card.get_by_label("More").click()
    await window.card.get_by_role("button", name="Off in this channel").click()
    await asked.get_by_role("button", name="Turn off").click()
    await window.page.get_by_role("button", name="Back to #incidents").click()
    await window.page.locator("#messages").get_by_text(re.compile("Ana turned watching off.* this channel")).wait_for()


async def test_an_old_card_is_taken_over_by_a_new_one_below(window: Window, sandbox: Sandbox):
    await window.paste("Monitor")
    await window.tick("Monitor").wait_for()
    async with transaction(sandbox) as tx:  # as if it had been there for a quarter of an hour
        await tx.execute(update(schema.cards).values(first_link_at=schema.cards.c.first_link_at - 900.0))
    await window.paste("Error Tracking")
    await window.page.locator(".card").first.get_by_text("Continued below.").wait_for()
    await window.tick("Error Tracking").wait_for()
    await window.tick("Monitor").wait_for()


async def test_a_link_far_below_its_card_gets_one_where_people_read_and_the_form_links_to_it(
    window: Window, sandbox: Sandbox
):
    await window.paste("Monitor")
    await window.tick("Monitor").wait_for()
    for number, person in enumerate(3 * ("Ben", "Ana")):
        await window.speak_as(person)
        await window.say(f"still looking, {number}")
    await window.paste("Error Tracking")
    await window.tick("Error Tracking").wait_for()
    await window.tick("Monitor").wait_for()
    newest = window.page.locator(".message").last
    await expect(newest.locator(".card")).to_be_in_viewport()
    link = window.page.locator(".card").first.get_by_role("link", name="Continued below")
    thread = sandbox.slack.thread(INCIDENTS, window.page.url.rpartition("/")[2])
    address = sandbox.slack.permalink(INCIDENTS, thread[-1]["ts"])
    await expect(link).to_have_attribute("href", address)
    await window.button("Edit…").click()
    await window.page.get_by_role("dialog").get_by_role("button", name="Add", exact=True).click()
    await expect(window.private.get_by_role("link", name="the card")).to_have_attribute("href", address)
    await window.card.get_by_text("Added to CASEM-4523 by Ana").wait_for()


async def test_a_slash_command_adds_the_links_of_a_message_by_its_address(window: Window, sandbox: Sandbox):
    await window.say("look https://app.datadoghq.com/monitors/99")
    await window.tick("Monitor").wait_for()
    thread = sandbox.slack.thread(INCIDENTS, window.page.url.rpartition("/")[2])
    ts = next(message["ts"] for message in thread if "monitors/99" in message["text"])
    await window.page.locator("#sidebar").get_by_role("button", name="incidents").click()
    await window.say(f"/insight add {sandbox.slack.permalink(INCIDENTS, ts)} to casem-4523")
    await window.private.get_by_text("Adding 1 insight to CASEM-4523").wait_for()
    await window.insights.get_by_text("99").first.wait_for()


async def test_a_dashboard_goes_into_the_cases_comment_beside_an_insight_and_comes_out_with_undo(window: Window):
    await window.say("https://app.datadoghq.com/monitors/4712 https://app.datadoghq.com/dashboard/abc-def-ghi/api")
    note = window.card.get_by_role("checkbox", name=re.compile("Dashboard · API overview, as a link in the case's"))
    await expect(note).to_be_checked()
    await window.button("Add to CASEM-4523").click()
    comment = window.page.locator("#comments li")
    await expect(comment).to_contain_text(
        "Dashboard `API overview`: <https://app.datadoghq.com/dashboard/abc-def-ghi/api>"
    )
    await window.card.get_by_text("in the case's comment").wait_for()
    await window.button("Undo").click()
    await window.page.get_by_role("button", name="Remove").click()
    await expect(comment).to_have_text("None.")


async def test_a_dashboard_alone_is_offered_unticked(window: Window):
    await window.paste("Dashboard")
    note = window.card.get_by_role("checkbox", name=re.compile("Dashboard · API overview, as a link"))
    await expect(note).not_to_be_checked()
    await window.button("Add to CASEM-4523").click()
    await window.private.get_by_text("Tick at least one").wait_for()


async def test_a_case_is_created_from_a_message_and_gets_its_threads_links(window: Window, sandbox: Sandbox):
    await window.page.locator("#sidebar").get_by_role("button", name=re.compile("^Checkout in staging")).click()
    await window.say("https://app.datadoghq.com/monitors/4712")
    await window.choose_in_menu("Create case")
    form = window.page.get_by_role("dialog", name="Create case")
    await expect(form.get_by_label("Type")).to_have_value(re.compile("0001$"))
    await form.get_by_label("Title").fill("Checkout is slow")
    await form.get_by_label("Priority").select_option(label="P3 (medium)")
    await form.get_by_role("button", name="Create", exact=True).click()
    await form.wait_for(state="hidden")
    said = "Ana created CASEM-4524, Checkout is slow, and tied this thread to it."
    await window.page.locator("#messages").get_by_text(said).wait_for()
    await window.button("Add to CASEM-4524").click()
    await window.insights.get_by_text("4712", exact=True).wait_for()
    head = window.page.locator("#case-head")
    await head.get_by_role("heading", name="Checkout is slow").wait_for()
    case = sandbox.datadog.cases["CASEM-4524"]
    assert (case.priority, [insight.resource_id for insight in case.insights]) == ("P3", ["4712"])
