"""What the bot tells of itself while it works: whether it can, what waits, and that a lost lease writes nothing."""

import asyncio
import re
import sqlite3

import httpx

from tests.e2e.bench import CHANNEL, PUT, Bench, monitor


async def fetch(b: Bench, path: str) -> httpx.Response:
    """From the bot itself: its log names the port."""
    addresses = re.findall(r"address=(http://[^/]+)/healthz", b.log)
    async with httpx.AsyncClient() as client:
        return await client.get(addresses[-1] + path)


async def ready(b: Bench, *, when: bool) -> list[str]:
    """The reasons of `/readyz`, asked in turns as an orchestrator does, once it says what is wanted."""
    async with asyncio.timeout(30):
        while True:
            response = await fetch(b, "/readyz")
            told = response.json()
            assert response.status_code == (200 if told["ready"] else 503)
            if told["ready"] is when:
                return told["reasons"]
            await asyncio.sleep(0.05)


async def measured(b: Bench) -> dict[str, float]:
    lines = (await fetch(b, "/metrics")).text.splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


async def test_a_bot_that_can_work_says_so(b: Bench) -> None:
    assert (await fetch(b, "/healthz")).json() == {"status": "ok"}
    ready = await fetch(b, "/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "reasons": [], "warnings": []})


async def test_keys_that_are_refused_later_are_a_warning_and_the_bot_still_hears_slack(b: Bench) -> None:
    root, card = await b.offer(1)
    b.datadog.keys_valid = False
    await b.click(card, "insights.add")
    async with asyncio.timeout(30):
        while True:
            told = (await fetch(b, "/readyz")).json()
            if told["warnings"]:  # once Datadog has been asked
                break
            await asyncio.sleep(0.05)
    assert told["ready"]
    assert told["warnings"][0].startswith("default: Datadog does not accept the bot's keys")

    b.datadog.keys_valid = True
    await b.card(root, "Added to CASEM-4523")
    await b.handled()
    assert (await fetch(b, "/readyz")).json() == {"ready": True, "reasons": [], "warnings": []}


async def test_a_bot_that_starts_with_refused_keys_is_not_ready_until_they_are_accepted(own: Bench) -> None:
    await own.kill()
    own.datadog.keys_valid = False
    await own.start()
    async with asyncio.timeout(30):
        while "has not been asked yet" in (reasons := await ready(own, when=False))[0]:
            pass  # it is being asked
    [reason] = reasons
    assert reason.startswith("default: Datadog does not accept the bot's keys: check them")


async def test_links_to_a_site_of_nobody_here_are_one_warning_and_no_reason_to_stop(b: Bench) -> None:
    before = b.log.count("links.other_site")
    b.slack.message(CHANNEL, "U0ANA", f"ours {monitor(1)} and theirs https://app.datadoghq.eu/monitors/1")
    for number in range(3):
        b.slack.message(CHANNEL, "U0ANA", f"https://us5.datadoghq.com/dashboard/abc-def-ghi?number={number}")
        await b.handled()
    ready = await fetch(b, "/readyz")
    [warning] = ready.json()["warnings"]
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert warning.startswith("Recent links lead to us5.datadoghq.com, but this bot works with datadoghq.com ")
    assert "DD_SITE" in warning
    assert b.log.count("links.other_site") == before + 1

    b.slack.home("U0ANA")
    home = await b.control.until(lambda: b.slack.views.homes.get("U0ANA"), what="a Home")
    assert warning in str(home.given).replace("\\", "")


async def test_metrics_count_what_waits_and_what_was_put_off(b: Bench) -> None:
    root, card = await b.offer(1)
    before = await measured(b)
    b.control.rule("datadog", PUT, status=500, times=1)
    b.control.rule("datadog", PUT, hold="before", times=1)
    await b.click(card, "insights.add")
    await b.held(PUT)
    during = await measured(b)
    b.control.release()
    await b.card(root, "Added to CASEM-4523")
    await b.handled()
    after = await measured(b)
    retried = 'case_insights_jobs_retried_total{kind="case"}'
    assert during[retried] == before.get(retried, 0.0) + 1
    assert during['case_insights_jobs{kind="case"}'] == 1
    assert during['case_insights_jobs_oldest_seconds{kind="case"}'] >= 0
    assert after['case_insights_jobs{kind="case"}'] == 0


async def test_whoever_lost_the_lease_writes_nothing_and_the_next_finds_what_was_put(b: Bench) -> None:
    root, card = await b.offer(1)
    lost = 'case_insights_leases_lost_total{kind="case"}'
    before = (await measured(b)).get(lost, 0.0)
    b.control.rule("datadog", PUT, hold="after", times=1)
    await b.click(card, "insights.add")
    await b.held(PUT)
    with sqlite3.connect(b.database) as connection:
        connection.execute("UPDATE jobs SET token = 'somebody else', due_at = 0 WHERE kind = 'case'")
    connection.close()
    b.control.release()
    await b.card(root, "Added to CASEM-4523 by Ana")
    await b.handled()
    assert (await measured(b))[lost] == before + 1
    assert len(b.calls(PUT)) == 1
    assert len(b.on_case) == 1
