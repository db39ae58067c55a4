"""The sandbox's Slack over HTTP, as the page and a test in another process steer it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.sandbox.control import Json
from bot.sandbox.slack.server import SlackServer
from sandbox.slack.conftest import HERE, button, checkboxes


@pytest.fixture
async def page(slack: SlackServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=slack.url.replace("/api/", "/_sandbox/"), timeout=5) as client:
        yield client


async def told(page: httpx.AsyncClient, verb: str, body: Json | None = None) -> Any:
    return (await page.post(verb, json=body or {})).json()


async def test_people_talk_edit_and_delete_over_http(slack, page):
    said = await told(page, "message", {"channel": HERE, "as_user": "U0ANA", "text": "hello"})
    edited = await told(page, "edit", {"channel": HERE, "ts": said["ts"], "text": "good day"})
    preview = [{"from_url": "https://example.org", "title": "Example"}]
    await told(page, "unfurl", {"channel": HERE, "ts": said["ts"], "attachments": preview})
    assert edited["text"] == "good day"
    assert await told(page, "delete", {"channel": HERE, "ts": said["ts"]}) == {"ok": True}
    subtypes = [payload["event"].get("subtype") for payload in slack.events.sent]
    assert subtypes == [None, "message_changed", "message_changed", "message_deleted"]
    published = [event.kind for event in slack.control.events]
    assert published == ["message", "message", "message", "message_deleted"]


async def test_the_state_shows_threads_ticks_and_private_messages(slack, page, client):
    root = slack.message(HERE, "U0ANA", "root")
    card = await client.chat_postMessage(
        channel=HERE, thread_ts=root["ts"], text="card", blocks=[checkboxes("1", "2"), button()]
    )
    await client.chat_postEphemeral(channel=HERE, user="U0BEN", text="only Ben")
    body = {"channel": HERE, "ts": card["ts"], "as_user": "U0ANA", "action_id": "select", "values": ["1"]}
    assert (await told(page, "tick", body))["acknowledged"] is False
    state = (await page.get("state")).json()
    incidents = next(channel for channel in state["channels"] if channel["id"] == HERE)
    (thread,) = incidents["messages"]
    (shown,) = thread["replies"]
    assert (thread["text"], thread["reply_count"], shown["ts"]) == ("root", 1, card["ts"])
    chosen = shown["ticks"]["U0ANA"]["group"]["select"]["selected_options"]
    assert [option["value"] for option in chosen] == ["1"]
    assert [one["text"] for one in state["private"]] == ["only Ben"]
    assert (state["connections"], state["workspace"]["name"]) == (0, "Acme")
    assert {person["real_name"] for person in state["people"]} >= {"Ana", "Ben", "Gil", "Stan", "Datadog"}


async def test_the_switches_work_over_http(slack, page):
    assert await told(page, "repeat_events", {"copies": 3}) == {"repeat_events": 3}
    said = slack.message(HERE, "U0ANA", "hello")
    assert slack.transport.undelivered == 4
    assert await told(page, "redeliver", {"event": said["ts"], "copies": 2}) == {"sent": 2}
    assert await told(page, "redeliver", {"event": "Ev0NONE"}) == {"sent": 0}
    assert await told(page, "drop_socket") == {"dropped": 0}
    assert await told(page, "refresh") == {"told": 0}
    sent = await told(page, "event", {"event": {"type": "message", "channel": HERE, "text": None}})
    assert slack.events.sent[-1]["event_id"] == sent["event_id"]


@pytest.mark.parametrize(
    ("verb", "body", "words"),
    [
        ("message", {"channel": HERE, "text": "hi"}, "as_user is missing"),
        ("message", {"channel": HERE, "as_user": "U0NOBODY", "text": "hi"}, "U0NOBODY is not in C0INCIDENTS"),
        ("message", {"channel": "C0NOWHERE", "as_user": "U0ANA", "text": "hi"}, "no channel C0NOWHERE"),
        ("edit", {"channel": HERE, "ts": "1.2", "text": "hi"}, "no message 1.2"),
        ("message", {"chanel": HERE}, "no field 'chanel'"),
        ("react", {"channel": HERE, "ts": "1.2", "as_user": "U0ANA", "name": "eyes"}, "no message 1.2"),
        ("event", {"event": {}}, "An event has a type"),
        ("massage", {}, "There is no POST /_sandbox/massage"),
    ],
)
async def test_a_request_that_makes_no_sense_is_answered_in_words(page, verb, body, words):
    assert words in (await told(page, verb, body))["error"]


async def test_a_reset_forgets_what_was_said(slack, page):
    slack.message(HERE, "U0ANA", "hello")
    await told(page, "reset")
    await slack.control.until(lambda: not slack.transport.undelivered)
    assert slack.conversations.top_level(HERE) == []
    assert slack.events.sent == []
