"""The app's other doors on the page: the modal, the ⋯ menu's shortcut, a slash command, a mention, Home."""

import re
from typing import Any

from bot.sandbox.open_house import OpenHouse
from tests.browser.conftest import NewWindow
from tests.browser.window import Window

DRAFT = "https://app.datadoghq.com/apm/recommendations"


async def say(window: Window, text: str) -> None:
    await window.composer.fill(text)
    await window.composer.press("Enter")


async def choose_in_menu(window: Window, name: str) -> None:
    message = window.page.locator(".message", has=window.page.locator(".message-menu")).last
    await message.hover()
    await message.locator("summary").click()
    await message.get_by_role("button", name=name).click()


async def test_the_shortcut_opens_a_modal_in_which_a_draft_is_completed(window: Window, house: OpenHouse):
    await say(window, f"look at {DRAFT}")
    await choose_in_menu(window, "Add to case")
    modal = window.page.get_by_role("dialog", name="Add to case")
    await expect_value(modal.get_by_label("Case", exact=True), re.compile("CASEM-4523"))
    await modal.get_by_role("button", name="Add").click()
    await modal.get_by_text("Give the id, or untick this link.").wait_for()
    await modal.get_by_label("Id", exact=True).fill("rec-77")
    await modal.get_by_role("button", name="Add").click()
    await window.card.get_by_text("Added to CASEM-4523 by Ana").wait_for()
    added = [insight.resource_id for insight in house.stage.datadog.cases["CASEM-4523"].insights]
    assert added == ["rec-77"]


async def test_edit_opens_with_what_the_card_offers_and_escape_closes_it(window: Window):
    await window.paste("Monitor")
    await window.button("Edit…").click()
    modal = window.page.get_by_role("dialog", name="Add to case")
    await expect_value(modal.get_by_label("Id", exact=True), re.compile(r"\d+"))
    await window.page.keyboard.press("Escape")
    await modal.wait_for(state="hidden")


async def test_a_mention_is_answered_in_private_and_a_slash_command_is_refused_in_a_thread(window: Window):
    await say(window, "@Case Insights status")
    await window.private.get_by_text("This thread is tied to CASEM-4523").wait_for()
    await say(window, "/insight status")
    await window.page.locator("#toast", has_text="is not supported in threads").wait_for()


async def test_home_shows_how_to_and_what_was_added(window: Window):
    await window.page.get_by_role("button", name="App Home").click()
    home = window.page.get_by_role("dialog", name="Case Insights, Home")
    await home.get_by_text("/insight why").wait_for()
    await home.get_by_role("button", name="Close").click()
    await home.wait_for(state="hidden")


async def test_a_stranger_is_refused_in_the_modal(new_window: NewWindow, house: OpenHouse):
    gil = await new_window("Gil (guest)")
    await say(gil, "look https://app.datadoghq.com/monitors/77")
    await choose_in_menu(gil, "Add to case")
    await gil.page.get_by_role("dialog").get_by_text("Only full members of Acme").wait_for()
    assert house.stage.datadog.cases["CASEM-4523"].insights == []


async def expect_value(field: Any, value: Any) -> None:
    from playwright.async_api import expect

    await expect(field).to_have_value(value)
