"""A case from a thread: four doors open one form, and what is submitted becomes one case, whatever gets lost."""

from typing import Any

import pytest

from bot.sandbox.datadog.cases import Case
from tests.e2e.bench import CASE_LINK, CHANNEL, KEY, Bench, monitor
from tests.e2e.test_commands import said_in
from tests.e2e.test_modal import shown, submit, until_shown

Json = dict[str, Any]

CREATE = "POST /api/v2/cases"
TITLE = "API answers slowly"


async def opened(b: Bench, ts: str, as_user: str = "U0ANA", channel: str = CHANNEL) -> Json:
    """Choose "Create case" in this message's menu; the form, filled in."""
    said = await b.slack.shortcut(channel, ts, as_user, "create_case")
    assert said["acknowledged"]
    return await until_shown(b, "project.known", as_user)


def made(b: Bench) -> list[Case]:
    """The cases that the bot created."""
    return [case for case in b.datadog.cases if case.key != KEY]


async def said(b: Bench, root: str, words: str) -> None:
    await b.control.until(lambda: words in str(b.slack.thread(CHANNEL, root)), what=words)


async def test_the_shortcut_creates_a_case_ties_the_thread_and_offers_its_links(b: Bench) -> None:
    root = b.start_thread(f"*{TITLE}*, see <{monitor(8101)}|the monitor>")
    b.reply(root, monitor(8102))
    await b.handled()
    view = await opened(b, root)
    values = {"priority": {"priority": "P2"}, "title": {"title": TITLE}}
    assert (await submit(b, view, values))["errors"] == {}
    await said(b, root, f"CASEM-4524>, {TITLE}, and tied this thread to it.")
    [case] = made(b)
    assert (case.title, case.priority) == (TITLE, "P2")
    assert case.description.startswith(f"https://acme.slack.com/archives/{CHANNEL}/p{root.replace('.', '')}\n\n")
    await b.card(root, "Add 2 insights to CASEM-4524")
    assert b.private("U0ANA") == [f"Creating “{TITLE}”. You hear here, or from the bot alone, what becomes of it."]
