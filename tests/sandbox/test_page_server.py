"""How the page is served: to this machine alone, allowed to talk to the two servers beside it and to nothing else."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from click.testing import CliRunner

from bot.__main__ import main
from bot.sandbox.interactive import InteractiveSandbox, interactive_sandbox
from bot.sandbox.page import server
from bot.slack.manifest import app_manifest


@pytest.fixture(scope="module")
async def page() -> AsyncIterator[InteractiveSandbox]:
    async with interactive_sandbox(app_manifest(reaction=True)) as interactive:
        yield interactive


@pytest.fixture
async def client(page: InteractiveSandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=page.url, timeout=20) as client:
        yield client


async def test_the_page_may_reach_itself_and_the_two_servers_and_nothing_else(client, page):
    policy = (await client.get("/")).headers["Content-Security-Policy"]
    allowed = {source for rule in policy.split("; ") for source in rule.split()[1:]}
    servers = {page.sandbox.slack.url.removesuffix("/api/"), page.sandbox.datadog.url}
    assert allowed == {"'none'", "'self'", *servers}


async def test_every_file_of_the_page_is_served_and_asks_for_no_other_host(client):
    files = [path for path in server.PAGE.rglob("*") if path.is_file()]
    assert files
    for path in files:
        answer = await client.get(f"/{path.relative_to(server.PAGE).as_posix()}")
        assert answer.status_code == 200
        outside = [word for word in ('src="http', "url(", "@import", "import(", 'from "http') if word in answer.text]
        assert outside == [], path


PLACES = ("page: /", "page: /_sandbox/servers", "slack: /_sandbox/snapshot", "slack: /api/auth.test", "slack: /link/")
PLACES += ("slack: /oauth/v2/authorize", "datadog: /_sandbox/calls", "datadog: /api/v2/cases", "datadog: /nonsense")


@pytest.mark.parametrize("place", PLACES)
async def test_no_web_site_reaches_any_port_by_a_name_or_from_an_origin_of_its_own(client, page, place):
    """By a name: DNS rebinding makes the browser send the site's own."""
    sandbox, (server, path) = page.sandbox, place.split(": ")
    base = {"page": page.url, "slack": sandbox.slack.url.removesuffix("/api/"), "datadog": sandbox.datadog.url}[server]
    url, port = base.rstrip("/") + path, httpx.URL(base).port
    wrong = ["evil.example", f"evil.example:{port}", f"127.0.0.1.evil.example:{port}", f"10.0.0.1:{port}", f"@:{port}"]
    for host in (*wrong, "127.0.0.1", "localhost:1", f"127.0.0.2:{port}", ""):
        refused = await client.get(url, headers={"Host": host})
        assert (refused.status_code, "this machine" in refused.text) == (403, True), host
    for origin in ("https://evil.example", "http://127.0.0.1.evil.example", f"http://evil.example:{port}", "null", ""):
        for method in ("GET", "POST"):
            refused = await client.request(method, url, headers={"Origin": origin})
            assert (refused.status_code, "on this machine" in refused.text) == (403, True), origin
    for host in (f"127.0.0.1:{port}", f"LocalHost:{port}"):
        assert "this machine" not in (await client.get(url, headers={"Host": host})).text


async def test_a_page_of_another_origin_cannot_kill_the_bot(client, page):
    answer = await client.post("/_sandbox/bot", json={"do": "kill"}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert page.sandbox.bot.runs


async def test_the_bot_is_killed_and_started_and_both_are_told(client, page):
    before = page.sandbox.control.last_event
    assert (await client.post("/_sandbox/bot", json={"do": "kill"})).json() == {"state": "stopped"}
    assert not page.sandbox.bot.runs
    assert (await client.post("/_sandbox/bot", json={"do": "start"})).json() == {"state": "running"}
    told = [event.data["state"] for event in page.sandbox.control.events if event.kind == "bot" and event.id > before]
    assert told == ["stopped", "starting", "running"]


async def test_what_the_stage_cannot_do_is_refused_in_words(client):
    answer = await client.post("/_sandbox/bot", json={"do": "sing"})
    assert answer.status_code == 400
    assert answer.json() == {"error": "do must be one of start, restart, kill, start_over."}


async def test_a_reset_brings_the_scene_back(client, page):
    slack = page.sandbox.slack.url.removesuffix("/api/")
    page.sandbox.datadog.cases.clear()
    assert (await client.post(f"{slack}/_sandbox/reset")).json() == {"ok": True}
    state = (await client.get(f"{slack}/_sandbox/state")).json()
    said = {channel["name"]: len(channel["messages"]) for channel in state["channels"]}
    assert (said["incidents"], said["general"]) == (2, 1)
    assert page.sandbox.datadog.cases["CASEM-4523"].title == "Memory leak investigation on API"


async def test_a_taken_port_is_one_sentence_that_names_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        # In a thread of its own: the command's `asyncio.run` would take this thread's event loop away.
        result = await asyncio.to_thread(CliRunner().invoke, main, ["sandbox", "--no-open", "--port", str(port)])
    assert result.exit_code == 2
    assert result.stderr == f"case-insights: port {port} is taken by another program; choose a free one with --port\n"
