"""The pictures in the documents, made from the page itself."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import NewWindow
from tests.browser.window import Window

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed (extra: test)")
expect = playwright.expect

pytestmark = pytest.mark.screenshot
LOOK = {"color_scheme": "light", "reduced_motion": "reduce", "locale": "en-GB"}
DOCS = Path(__file__).parents[2] / "docs"


async def test_home_with_what_is_tied_and_added(new_window: NewWindow):
    """The first one, while Home has nothing of the others."""
    window = await new_window(**LOOK)
    await window.page.locator("#sidebar").get_by_role("button", name="incidents").click()
    await window.say("/insight tie CASEM-4523")
    await window.page.locator("#messages").get_by_text("Ana tied this channel").wait_for()
    await window.page.get_by_role("button", name=re.compile("^Opened CASEM-4523")).click()
    await window.paste("Monitor", "Error Tracking")
    await window.button("Add").click()
    await expect(window.card).to_contain_text("Added to CASEM-4523")
    await window.page.get_by_role("button", name="App Home").click()
    home = window.page.get_by_role("dialog", name="Case Insights, Home")
    await home.get_by_text("Monitor High memory on api").first.wait_for()
    await taken(window, home, "home")
    await home.get_by_role("button", name="Untie").first.click()  # for the next test
    await expect(home.get_by_role("button", name="Untie")).to_have_count(1)


async def test_the_readme_s_picture(new_window: NewWindow):
    window = await new_window(**LOOK)
    await window.composer.fill("This fired just now, and this is the error behind it: ")
    await window.composer.press("End")
    await window.paste("Monitor", "Error Tracking")
    await window.button("Add").click()
    await expect(window.card).to_contain_text("Added to CASEM-4523")
    await window.speak_as("Ben")
    await window.composer.fill("It came with this change: ")
    await window.composer.press("End")
    await window.paste("Pull request")
    await expect(window.button("Add")).to_be_visible()
    await window.card.scroll_into_view_if_needed()
    await taken(window, window.page, "sandbox")


async def test_the_modal_with_a_draft_to_complete(new_window: NewWindow):
    window = await new_window(**LOOK)
    await window.say("This may be https://app.datadoghq.com/apm/recommendations?env=prod, I think")
    await window.choose_in_menu("Add to case")
    modal = window.page.get_by_role("dialog", name="Add to case")
    await expect(modal.get_by_label("Case", exact=True)).to_have_value(re.compile("CASEM-4523"))
    await modal.get_by_label(re.compile(": id$")).fill("b3f2c9d0")
    await taken(window, modal, "modal")


async def test_the_question_in_a_thread_without_a_case(new_window: NewWindow):
    window = await new_window(**LOOK)
    await window.page.get_by_role("button", name=re.compile("^Checkout in staging")).click()
    await window.say("It is the same leak: https://app.datadoghq.com/cases/CASEM-4523")
    await window.button("Tie to CASEM-4523").wait_for()
    await taken(window, window.page.locator("#messages"), "question")


async def taken(window: Window, shown: Any, name: str) -> None:
    """Save a picture of what is shown (a page or a locator)."""
    await window.page.mouse.move(0, 0)
    await window.composer.blur()
    DOCS.mkdir(exist_ok=True)
    await shown.screenshot(path=DOCS / f"{name}.png", animations="disabled")
