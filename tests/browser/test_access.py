"""The page by keyboard, by ear, enlarged and on a phone: WCAG 2.2, of which axe-core checks what a program can."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.links.loading import load
from bot.links.parse import parse
from bot.model import Draft, Insight, InsightType
from bot.sandbox.example_data import CASE_KEY
from bot.sandbox.sandbox import Sandbox
from tests.browser.conftest import NewWindow
from tests.browser.window import Window

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed (extra: test)")
axe = pytest.importorskip("axe_playwright_python.base", reason="axe-playwright-python is not installed (extra: test)")
expect = playwright.expect

AXE = Path(axe.AXE_FILE_PATH).read_text(encoding="utf-8")
FOCUSED = "document.activeElement.ariaLabel ?? document.activeElement.textContent"
OUT_OF_REACH = """() => {
    const { clientWidth } = document.documentElement;
    const cut = (length) => (node) => getComputedStyle(node)[`overflow${length[0]}`] !== "visible"
        && node[`scroll${length[1]}`] > node[`client${length[1]}`] + 1;
    const reached = [...document.querySelectorAll("body *")].filter(
        (node) => node.checkVisibility() && !node.closest(".hidden, .skip, pre, textarea, input, select, svg"));
    const wrong = reached.filter((node) => {
        const { left, right } = node.getBoundingClientRect();
        const clipped = getComputedStyle(node).overflowY === "hidden" && cut(["Y", "Height"])(node);
        return left < -1 || right > clientWidth + 1 || clipped || cut(["X", "Width"])(node);
    });
    return wrong.map((node) => node.cloneNode().outerHTML);
}"""
"""What lies beside the window, is cut off, or scrolls sideways."""


SIZES = ((640, 400), (844, 390), (320, 256))
"""1280x1024 and 1280x800 at 200 and 400 %, and phones (WCAG 1.4.4, 1.4.10)."""


async def in_reach(window: Window, *parts: Any) -> None:
    """These can be clicked, which Playwright tries at their middle, and nothing is cut off or beside the window."""
    for width, height in SIZES:
        await window.page.set_viewport_size({"width": width, "height": height})
        for part in parts:
            await part.click(trial=True)
        assert await window.page.evaluate(OUT_OF_REACH) == [], (width, height)


async def test_enlarged_and_on_a_phone_all_can_be_read_and_used(new_window: NewWindow):
    window = await new_window(viewport={"width": 320, "height": 256})
    page = window.page
    await window.paste("Monitor", "APM recommendation")
    await in_reach(
        window, window.composer, window.button("Add"), window.button("Edit"), window.card.get_by_label("More")
    )
    await window.card.get_by_label("More").click()
    await in_reach(window, window.card.get_by_role("button", name="Untie this thread"))
    await page.keyboard.press("Escape")
    await page.locator("#samples summary").click()
    await in_reach(window, page.get_by_role("button", name="Look-alike"))
    await page.keyboard.press("Escape")
    await window.button("Add").click()
    await page.get_by_role("tab", name="Case").click()
    await in_reach(window, window.insights, page.locator("#calls summary").last)
    await page.get_by_role("tab", name="Slack").click()
    await window.trouble("Works")
    await in_reach(window, *await page.locator("#trouble").get_by_role("button").all())
    await page.get_by_role("button", name="Channels").click()
    await in_reach(window, page.locator("#sidebar").get_by_role("button", name="lonely"))
    await page.keyboard.press("Escape")
    assert await page.evaluate(FOCUSED) == "Channels"
    await window.choose_in_menu("Add to case")
    dialog = page.get_by_role("dialog", name="Add to case")
    await in_reach(window, dialog.get_by_role("button", name="Add"), dialog.get_by_role("button", name="Cancel"))
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="App Home").click()
    await in_reach(window, page.get_by_role("dialog").get_by_role("button", name="Close"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_thread_form_home_and_trouble(new_window: NewWindow, scheme: str):
    window = await new_window(color_scheme=scheme)
    page = window.page

    async def check(shown: str) -> None:
        found = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        wrong = [(one["id"], node["target"]) for one in found["violations"] for node in one["nodes"]]
        assert wrong == [], shown
        assert len(found["passes"]) > 10

    await page.evaluate(AXE)
    await window.say("@Case Insights status")
    await window.private.first.wait_for()
    await window.paste("Monitor", "APM recommendation")
    await window.card.get_by_label("More").click()
    await check("thread")
    await page.keyboard.press("Escape")
    await window.button("Edit").click()
    await page.get_by_role("dialog", name="Add to case").wait_for()
    await check("form")
    await page.keyboard.press("Escape")
    await window.trouble("Slow")
    await check("trouble")
    await window.trouble("Works")
    await page.get_by_role("button", name="App Home").click()
    await page.get_by_role("dialog", name="Home").wait_for()
    await check("home")


async def test_escape_gives_the_focus_back_to_what_opened(window: Window):
    page, keyboard = window.page, window.page.keyboard
    await window.paste("Monitor")
    for opener, opened in [
        (window.card.get_by_label("More"), window.card.locator(".menu-list")),
        (window.button("Edit"), page.get_by_role("dialog", name="Add to case")),
        (page.get_by_role("button", name="App Home"), page.get_by_role("dialog", name="Home")),
        (page.locator("#trouble-toggle"), page.locator("#trouble")),
        (page.locator("#samples summary"), page.locator("#samples .menu-list")),
    ]:
        await opener.focus()
        await keyboard.press("Enter")
        await expect(opened).to_be_visible()
        await keyboard.press("Escape")
        await expect(opened).to_be_hidden()
        await expect(opener).to_be_focused()


async def test_escape_gives_the_focus_back_to_the_message_s_menu(window: Window):
    await window.say("see https://app.datadoghq.com/monitors/17131362")
    await window.button("Add").wait_for()
    for name, opened in [("Add to case", "dialog[open]"), ("Edit message", ".editor")]:
        await window.choose_in_menu(name)
        await window.page.locator(opened).wait_for()
        await window.page.keyboard.press("Escape")
        await expect(window.page.locator(opened)).to_have_count(0)
        await expect(window.page.locator(".message-menu summary").last).to_be_focused()


async def test_arrows_home_and_end_move_in_a_menu_and_enter_chooses(window: Window):
    page, keyboard = window.page, window.page.keyboard
    await page.locator("#samples summary").focus()
    for key, focused in [
        ("ArrowDown", "Security signal"),
        ("ArrowDown", "Security finding"),
        ("ArrowUp", "Security signal"),
        ("ArrowUp", "Look-alike"),
        ("ArrowDown", "Security signal"),
        ("End", "Look-alike"),
        ("Home", "Security signal"),
    ]:
        await keyboard.press(key)
        assert await page.evaluate(FOCUSED) == focused
    await keyboard.press("Enter")
    await expect(window.composer).to_be_focused()
    await expect(window.composer).to_have_value(re.compile("/security"))


async def test_what_is_spoken_is_text_in_the_order_in_which_it_happened(window: Window, sandbox: Sandbox):
    sandbox.datadog.cases[CASE_KEY].title = "Cache & *queue*"
    await window.say("*R&D* asks <is it so>")
    await window.paste("Monitor")
    await window.button("Add").click()
    log = window.page.get_by_role("log", name="What happened")
    await expect(log).to_contain_text(f"Added to {CASE_KEY} by Ana")
    spoken = await log.locator("p").all_text_contents()
    assert spoken[0] == "Ana: R&D asks <is it so>"
    assert spoken[1].startswith("Ana: https://app.datadoghq.com/monitors/")
    assert spoken[2].startswith(f"Case Insights: Add 1 insight to {CASE_KEY}, Cache & *queue*?")
    assert [line for line in spoken if re.search(r"<!|&\w+;|\*Add", line)] == []


async def test_a_direct_message_appears_at_once_for_its_person_alone(new_window: NewWindow, sandbox: Sandbox):
    ana, ben = await new_window("Ana"), await new_window("Ben")
    authorization = {"Authorization": f"Bearer {sandbox.bot.env['SLACK_BOT_TOKEN']}"}
    async with httpx.AsyncClient(base_url=sandbox.slack.url, headers=authorization) as slack:
        for words in ("The *first*", "The second"):
            answer = await slack.post("chat.postMessage", json={"channel": "U0ANA", "text": words})
            assert answer.json()["ok"]
    log = ana.page.get_by_role("log", name="What happened")
    await expect(log).to_contain_text(re.compile("Case Insights: The first.*Case Insights: The second"))
    entry = ana.page.locator("#sidebar").get_by_role("button", name="Case Insights 2 new")
    await entry.click()
    await expect(ana.page.locator(".message")).to_have_count(2)
    await expect(ana.page.get_by_role("heading", name="Case Insights", exact=True)).to_be_visible()
    await expect(ana.composer).to_be_disabled()
    await ben.page.reload()
    await ben.page.locator(".message").first.wait_for()
    await expect(ben.page.locator("#sidebar")).not_to_contain_text("Case Insights")
    await ana.speak_as("Ben")
    await expect(ana.page.locator(".place")).to_contain_text("Thread")


async def test_there_are_samples_of_all_types_and_of_a_draft(window: Window):
    samples = await window.page.evaluate("import('/js/samples.js').then((module) => module.SAMPLES)")
    routes = load()
    outcomes = [parse(sample["link"], routes) for sample in samples]
    read = [outcome for outcome in outcomes if isinstance(outcome, Insight | Draft)]
    assert {outcome.type for outcome in read} == set(InsightType), json.dumps(samples)
    assert any(isinstance(outcome, Draft) for outcome in read)


async def test_the_case_beside_a_thread_is_the_thread_s(window: Window, sandbox: Sandbox):
    sandbox.datadog.add_case("CASEM-7", "Checkout is slow")
    head = window.page.locator("#case-head h2")
    titles = ("Memory leak investigation on API", "Checkout is slow")
    await expect(head).to_have_text(titles[0])
    await window.page.get_by_role("button", name=re.compile("^Checkout in staging")).click()
    await expect(head).to_have_text("No case here yet")
    await window.say("@Case Insights tie CASEM-7")
    await expect(head).to_have_text(titles[1])
    await window.page.get_by_role("button", name=re.compile("^Opened CASEM-4523")).click()
    await expect(head).to_have_text(titles[0])
    await window.page.get_by_label("Case", exact=True).select_option("CASEM-7")
    await expect(head).to_have_text(titles[1])
    await window.page.locator("#sidebar").get_by_role("button", name="general").click()
    await expect(head).to_have_text("No case here yet")
