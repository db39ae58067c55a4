"""The picture in the README: the page itself, with a card in the thread and insights on the case."""

from pathlib import Path

import pytest

from tests.browser.conftest import NewWindow

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed (extra: test)")
expect = playwright.expect

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.screenshot
async def test_the_readme_s_picture(new_window: NewWindow):
    window = await new_window(color_scheme="light", reduced_motion="reduce", locale="en-GB")
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
    await window.page.mouse.move(0, 0)
    await window.composer.blur()
    DOCS.mkdir(exist_ok=True)
    await window.page.screenshot(path=DOCS / "sandbox.png", animations="disabled")
