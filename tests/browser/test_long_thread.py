"""A real thread on the page: sixty messages by five people, bursts of links, names that come late, a box un-ticked."""

from typing import Any

import pytest

from bot.sandbox.example_data import CASE_LINK, INCIDENTS
from bot.sandbox.sandbox import Sandbox
from tests.browser.conftest import NewWindow

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed (extra: test)")
expect = playwright.expect

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PEOPLE = ("U0ANA", "U0BEN", "U0CEM", "U0DEE", "U0EVA")
WATCH = """() => {
  window.seen = { cards: [], ticks: [] };
  const note = (list, value) => list.at(-1) === value || list.push(value);
  new MutationObserver(() => {
    note(seen.cards, document.querySelectorAll(".message .card").length);
    const first = document.querySelector(".card input[type=checkbox]");
    if (first) note(seen.ticks, first.checked);
  }).observe(document.querySelector("#messages"), { childList: true, subtree: true });
}"""
"""Notes at every change how many cards there are, and whether the first box is ticked."""


def sixty_messages(sandbox: Sandbox) -> str:
    """A thread about the case, as long as that of a real incident; its root."""
    slack = sandbox.slack
    for person in PEOPLE[2:]:
        name = person.removeprefix("U0").title()
        slack.add_user(id=person, name=name.lower(), real_name=name)
        slack.join(INCIDENTS, person)
    root = slack.message(INCIDENTS, PEOPLE[0], f"{CASE_LINK}: memory grows")["ts"]
    for number in range(59):
        said = f"{number}: api-{number % 7} is at {60 + number % 40} %, " + "and rising " * (number % 9)
        slack.message(INCIDENTS, PEOPLE[number % 5], said, thread_ts=root)
    return root


@pytest.mark.parametrize("look", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_in_a_long_thread_a_burst_is_one_card_that_rings_once_and_keeps_its_ticks(
    new_window: NewWindow, sandbox: Sandbox, look: dict[str, Any]
):
    control, root, burst = sandbox.control, sixty_messages(sandbox), range(8800, 8804)
    monitors = sandbox.datadog.resources.by_kind["monitor"]
    for number in burst:
        monitors[str(number)] = {**monitors["17131362"], "id": number, "name": f"Memory of api-{number}"}
    window = await new_window(**look)
    page = window.page
    await page.goto(f"{page.url.partition('#')[0]}#{INCIDENTS}/{root}")
    await page.get_by_text("58: api").wait_for()
    control.rule("datadog", "GET /api/v1/monitor/{resource_id}", delay=2.0, times=len(burst))
    await page.evaluate(WATCH)
    before = len(control.calls)
    for number, person in zip(burst, PEOPLE, strict=False):
        sandbox.slack.message(INCIDENTS, person, f"https://app.datadoghq.com/monitors/{number}", thread_ts=root)
    await window.tick("Monitor").first.uncheck()  # before the other links join, and before the names come
    await expect(window.tick("Monitor")).to_have_count(len(burst))
    await page.evaluate("() => { seen.ticks = []; }")
    sandbox.slack.message(INCIDENTS, PEOPLE[1], "https://app.datadoghq.com/incidents/12", thread_ts=root)
    await window.tick("Incident").wait_for()
    await expect(window.tick("Monitor · Memory of api-880")).to_have_count(len(burst))
    await control.quiet(1.0, timeout=20)
    seen = await page.evaluate("() => seen")
    assert seen["ticks"] == [False]
    assert seen["cards"][-1] == max(seen["cards"]) == 1, "one card, which never went away"
    assert [call.method for call in control.calls[before:]].count("chat.postMessage") == 1
    await expect(window.card.get_by_role("checkbox", checked=True)).to_have_count(len(burst))
