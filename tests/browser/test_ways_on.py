"""On the page: a way on from every end: a candidate id, a failure, a dismissal, a closed case, a message's own case."""

import re

import pytest

from bot.sandbox.example_data import CASE_KEY
from bot.sandbox.sandbox import Sandbox
from tests.browser.window import Window

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed (extra: test)")
expect = playwright.expect


def on_case(sandbox: Sandbox) -> list[str]:
    return [insight.resource_id for insight in sandbox.datadog.cases[CASE_KEY].insights]


async def test_a_candidate_for_an_id_is_added_once_a_person_ticks_it(window: Window, sandbox: Sandbox):
    await window.say("https://app.datadoghq.com/event/correlation/c0ffee-12")
    box = window.card.get_by_role("checkbox", name=re.compile("c0ffee-12 · is this its id?"))
    await expect(box).not_to_be_checked()
    await window.button("Add").click()
    await window.private.get_by_text("Tick at least one, or press Dismiss.").wait_for()
    await box.check()
    await window.button("Add").click()
    await window.card.get_by_text(f"Added to {CASE_KEY} by Ana").wait_for()
    assert on_case(sandbox) == ["c0ffee-12"]


@pytest.mark.parametrize("way", ["Edit…", "Dismiss"])
async def test_what_failed_is_changed_or_dismissed(window: Window, sandbox: Sandbox, way: str):
    sandbox.datadog.may_write = False
    await window.say("https://app.datadoghq.com/monitors/4712")
    await window.button("Add").click()
    await window.card.get_by_text("Not added for Ana").wait_for()
    sandbox.datadog.may_write = True
    await window.button(way).click()
    if way == "Edit…":
        modal = window.page.get_by_role("dialog", name="Add to case")
        await modal.get_by_role("button", name=re.compile("^Change…")).click()
        await modal.get_by_label(re.compile(": id$")).fill("4713")
        await modal.get_by_role("button", name="Add", exact=True).click()
        await window.card.get_by_text(f"Added to {CASE_KEY} by Ana").wait_for()
    await window.page.locator(".card").first.get_by_text("Dismissed by Ana").wait_for()
    assert on_case(sandbox) == (["4713"] if way == "Edit…" else [])
    await expect(window.page.locator(".card").get_by_role("button", name="Retry")).to_have_count(0)


async def test_who_pastes_again_what_was_dismissed_gets_it_back_in_private(window: Window, sandbox: Sandbox):
    await window.say("https://app.datadoghq.com/monitors/4714")
    await window.button("Dismiss").click()
    await window.card.get_by_text("Dismissed by Ana").wait_for()
    await window.speak_as("Ben")
    await window.say("see https://app.datadoghq.com/monitors/4714")
    await window.private.get_by_text("Ana dismissed Monitor 4714").wait_for()
    await window.private.get_by_role("button", name="Add back Monitor 4714").click()
    await window.card.get_by_text(f"Added to {CASE_KEY} by Ben").wait_for()
    assert on_case(sandbox) == ["4714"]


async def test_a_closed_case_says_so_and_asks_before_it_is_added_to(window: Window, sandbox: Sandbox):
    cases = sandbox.datadog.cases
    cases.change(cases[CASE_KEY], status="CLOSED")
    await window.say("https://app.datadoghq.com/monitors/4715")
    await window.card.get_by_text(f"Add 1 insight to {CASE_KEY} (closed)").wait_for()
    await window.button("Add").click()
    asked = window.page.get_by_role("dialog", name=f"{CASE_KEY} is closed")
    await asked.get_by_role("button", name="Do not add").click()
    await expect(asked).to_have_count(0)
    assert on_case(sandbox) == []
    await window.button("Add").click()
    await asked.get_by_role("button", name="Add", exact=True).click()
    await window.card.get_by_text(f"Added to {CASE_KEY} by Ana").wait_for()


async def test_the_form_takes_the_case_from_the_message_and_ties_in_the_open(window: Window, sandbox: Sandbox):
    await window.page.get_by_role("button", name=re.compile("^Checkout in staging")).click()
    await window.say(f"https://app.datadoghq.com/cases/{CASE_KEY} https://app.datadoghq.com/monitors/4716")
    await window.choose_in_menu("Add to case")
    modal = window.page.get_by_role("dialog", name="Add to case")
    await expect(modal.get_by_label("Case", exact=True)).to_have_value(re.compile(CASE_KEY))
    await modal.get_by_role("checkbox", name=re.compile("^Tie ")).check()
    await modal.get_by_role("button", name="Add", exact=True).click()
    await window.page.locator("#messages").get_by_text(f"Ana tied this thread to {CASE_KEY}.").wait_for()
    assert on_case(sandbox) == ["4716"]
