"""The log: one JSON object a line, a line for each decision, and no secret whatever happens."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.bench import CASE_LINK, CHANNEL, KEY, PUT, Bench, bench, monitor

SECRET = "hunter2"
SETTINGS = {"CASE_INSIGHTS_LOG_FORMAT": "json", "CASE_INSIGHTS_LOG_LEVEL": "DEBUG"}
TOKENS = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "DD_API_KEY", "DD_APP_KEY")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def telling(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    async with bench(tmp_path_factory.mktemp("logs"), settings=SETTINGS) as built:
        yield built


def lines(b: Bench) -> list[dict[str, Any]]:
    return [json.loads(line) for line in b.log.splitlines()]


async def test_each_decision_on_a_sighting_is_one_line_with_its_reasons(telling: Bench) -> None:
    b = telling
    root, _ = await b.offer(1)
    b.reply(root, monitor(1), "U0BEN")
    await b.handled()
    told = [line for line in lines(b) if line["event"] == "sighting.decided" and line["thread"] == root]
    assert [(line["type"], line["id"], line["route"], line["decision"]) for line in told] == [
        ("MONITOR", "1", "monitor", "offer"),
        ("MONITOR", "1", "monitor", "on_card"),
    ]
    assert {(line["outcome"], line["tie"], line["level"]) for line in told} == {("insight", "root", "info")}


async def test_no_token_no_text_and_no_query_reaches_the_log(telling: Bench) -> None:
    """Secrets in every input of a whole scenario, with everything failing once, at the level that tells most."""
    b = telling
    b.slack.workspace.users["U0BEN"].real_name = f"Ben {SECRET}"
    b.control.rule("datadog", PUT, status=500, body={"errors": [SECRET]}, times=1)
    b.control.rule("slack", "chat.postMessage", status=500, body=SECRET, times=1)
    b.control.rule("slack", "users.info", body={"ok": False, "error": "fatal_error", "detail": SECRET}, times=1)
    root = b.start_thread(f"{SECRET} {CASE_LINK}")
    link = f"{monitor(7)}?token={SECRET}#{SECRET}"
    ts = b.reply(root, f"{SECRET} {link} https://app.datadoghq.com/apm/recommendations?q={SECRET}", "U0BEN")
    card = await b.card(root, "Add 1 insight")
    await b.click(card, "insights.add", "U0BEN")
    await b.card(root, f"Added to {KEY}")
    await b.slack.command(CHANNEL, "U0ANA", "/insight", f"explain {link}")
    await b.slack.command(CHANNEL, "U0ANA", "/insight", f"{SECRET} nonsense")
    b.slack.mention(CHANNEL, "U0ANA", f"add {link} {SECRET}", thread_ts=root)
    await b.slack.shortcut(CHANNEL, ts, "U0ANA", "add_to_case")
    view = await b.control.until(lambda: b.slack.modal("U0ANA"), what="a modal")
    await b.slack.submit(view["id"], "U0ANA", {"key": {"key": SECRET}})
    b.control.rule("datadog", "POST /api/v2/cases", status=400, body={"errors": [SECRET]}, times=1)
    await b.slack.shortcut(CHANNEL, ts, "U0ANA", "create_case")
    view = await b.control.until(
        lambda: "project.known" in str(shown := b.slack.modal("U0ANA")) and shown, what="a form"
    )
    await b.slack.submit(view["id"], "U0ANA", {"title": {"title": SECRET}, "description": {"description": SECRET}})
    with b.locked_database():
        await b.slack.click(CHANNEL, card["ts"], "insights.undo", "U0BEN")
    await b.handled()
    b.control.rule("datadog", PUT, status=403, body={"errors": [{"detail": "no access"}]}, times=1)
    b.reply(root, monitor(8))
    await b.click(await b.card(root, "Add 1 insight"), "insights.add")
    await b.card(root, "Datadog refused (403)")
    await b.bot.stop()
    await b.bot.start()
    assert SECRET not in b.log
    for name in TOKENS:
        assert b.bot.env[name] not in b.log
    assert all(isinstance(line["event"], str) for line in lines(b))
