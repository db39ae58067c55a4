"""Real slack_bolt over the real Socket Mode protocol, against the sandbox's Slack."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp

from bot.sandbox.control import Json
from bot.sandbox.slack.server import SlackServer
from sandbox.slack.conftest import HERE, MANIFEST, Listen, button, checkboxes, connected


@pytest.fixture
async def bodies(slack: SlackServer, app: AsyncApp, listen: Listen) -> AsyncIterator[list[Json]]:
    """The bodies of all message events that the connected app gets."""
    received = listen(app.event("message"))
    async with connected(slack, app):
        yield received


def envelopes(slack: SlackServer, kind: str = "events_api") -> list[Json]:
    return [call.arguments for call in slack.control.matching("slack", f"socket:{kind}")]


# Events


async def test_a_typed_message_arrives_as_slack_sends_it(slack, bodies):
    message = slack.message(HERE, "U0ANA", "look: https://app.datadoghq.com/monitors/1?a=1&b=2 & co")
    await slack.control.until(lambda: bodies)
    body, event = bodies[0], bodies[0]["event"]
    assert event["text"] == "look: <https://app.datadoghq.com/monitors/1?a=1&amp;b=2> &amp; co"
    link = {"type": "link", "url": "https://app.datadoghq.com/monitors/1?a=1&b=2"}
    assert event["blocks"][0]["elements"][0]["elements"][1] == link
    ts = message["ts"]
    about = {"type": "message", "user": "U0ANA", "ts": ts, "event_ts": ts, "channel": HERE}
    assert {**event, **about, "channel_type": "channel", "team": "T0ACME"} == event
    assert (body["type"], body["team_id"], body["api_app_id"]) == ("event_callback", "T0ACME", "A0CASES")
    assert body["authorizations"][0]["user_id"] == "U0CASES"
    assert body["is_ext_shared_channel"] is False


async def test_a_reply_names_its_thread_and_parent(slack, bodies):
    root = slack.message(HERE, "U0ANA", "root")
    slack.message(HERE, "U0BEN", "reply", thread_ts=root["ts"])
    await slack.control.until(lambda: len(bodies) == 2)
    event = bodies[1]["event"]
    assert (event["thread_ts"], event["parent_user_id"]) == (root["ts"], "U0ANA")


async def test_an_unacknowledged_event_comes_again_with_the_same_id(slack, app):
    ids: list[str] = []

    async def fail_once(body: Json) -> None:
        ids.append(body["event_id"])
        if len(ids) == 1:
            raise ValueError("the store is down")

    app.event("message")(fail_once)
    async with connected(slack, app):
        slack.message(HERE, "U0ANA", "once more")
        await slack.control.until(lambda: len(ids) == 2 and not slack.transport.undelivered)
    first, second = envelopes(slack)
    assert ids[0] == ids[1]
    assert (first["retry_attempt"], first["retry_reason"]) == (0, "")
    assert (second["retry_attempt"], second["retry_reason"]) == (1, "timeout")
    assert first["envelope_id"] != second["envelope_id"]


async def test_an_event_nobody_acknowledges_is_given_up_after_the_last_retry(slack, app):
    slack.socket.ack_seconds = 0.05
    async with connected(slack, app):  # no listener: Bolt does not acknowledge
        slack.message(HERE, "U0ANA", "anybody?")
        await slack.control.until(lambda: not slack.transport.undelivered)
    assert [envelope["retry_attempt"] for envelope in envelopes(slack)] == [0, 1, 2]
    assert [event.kind for event in slack.control.events].count("event_lost") == 1


async def test_our_own_post_comes_back_as_an_event(slack, client):
    metadata = {"event_type": "card", "event_payload": {"card": "7"}}
    posted = await client.chat_postMessage(channel=HERE, text="Add 2 insights?", metadata=metadata)
    event = slack.events.sent[0]["event"]
    assert (event["bot_id"], event["app_id"], event["user"]) == ("B0CASES", "A0CASES", "U0CASES")
    assert (event["ts"], event["metadata"]) == (posted["ts"], metadata)
    assert event["bot_profile"]["name"] == "Case Insights"


async def test_a_mention_arrives_as_message_and_as_app_mention(slack):
    message = slack.message(HERE, "U0ANA", "@Case Insights status")
    assert message["text"] == "<@U0CASES> status"
    assert [payload["event"]["type"] for payload in slack.events.sent] == ["message", "app_mention"]


async def test_every_event_is_repeated_with_ids_of_its_own_when_the_switch_is_on(slack, bodies):
    slack.repeat_events = 2
    slack.message(HERE, "U0ANA", "thrice")
    await slack.control.until(lambda: len(bodies) == 3)
    assert len({body["event_id"] for body in bodies}) == 3
    assert len({body["event"]["ts"] for body in bodies}) == 1


async def test_a_message_can_be_delivered_again_with_new_or_the_same_ids(slack, bodies):
    message = slack.message(HERE, "U0ANA", "again")
    await slack.control.until(lambda: bodies)
    assert slack.redeliver(message["ts"], copies=10) == 10
    await slack.control.until(lambda: len(bodies) == 11)
    assert len({body["event_id"] for body in bodies}) == 11
    assert slack.redeliver(bodies[0]["event_id"], new_ids=False) == 1
    await slack.control.until(lambda: len(bodies) == 12)
    assert bodies[11]["event_id"] == bodies[0]["event_id"]


async def test_any_event_can_be_sent_as_given(slack, bodies):
    odd: Json = {"type": "message", "subtype": "message_changed", "channel": "C0NOWHERE", "message": None}
    answer = slack.event(odd)
    await slack.control.until(lambda: bodies)
    assert (bodies[0]["event"], bodies[0]["event_id"]) == (odd, answer["event_id"])


# Websockets


async def test_events_wait_for_a_websocket_and_survive_a_cut(slack, app, listen):
    bodies = listen(app.event("message"))
    slack.message(HERE, "U0ANA", "before you came")
    assert slack.transport.undelivered == 1
    async with connected(slack, app) as handler:
        await slack.control.until(lambda: bodies)
        assert slack.drop_socket() == 1
        await slack.control.until(lambda: not slack.socket.connections)
        slack.message(HERE, "U0ANA", "while you were away")
        await handler.client.connect_to_new_endpoint(force=True)
        await slack.control.until(lambda: len(bodies) == 2, what="the event")
    assert [body["event"]["text"] for body in bodies] == ["before you came", "while you were away"]


async def test_a_refreshed_websocket_is_followed_by_a_new_one(slack, app):
    async with connected(slack, app):
        opened = len(slack.control.matching("slack", "apps.connections.open"))
        assert await slack.refresh() == 1
        await slack.control.until(
            lambda: len(slack.control.matching("slack", "apps.connections.open")) > opened and slack.socket.connections
        )


async def test_several_websockets_share_the_events(slack, app, listen):
    listen(app.event("message"))
    async with connected(slack, app), connected(slack, app):
        for number in range(4):
            slack.message(HERE, "U0ANA", f"{number}")
        await slack.control.until(lambda: not slack.transport.undelivered)
        assert len(slack.socket.connections) == 2
    assert len(envelopes(slack)) == 4


# Clicks


async def test_a_click_is_acknowledged_and_carries_slacks_payload(slack, app, client, listen):
    toggles, clicks = listen(app.action("select")), listen(app.action("add"))
    root = slack.message(HERE, "U0ANA", "root", deliver=False)
    blocks = [checkboxes("1", "2"), button()]
    card = await client.chat_postMessage(channel=HERE, thread_ts=root["ts"], text="card", blocks=blocks)
    async with connected(slack, app):
        ticked = await slack.tick(HERE, card["ts"], "U0ANA", "select", values=["2"])
        clicked = await slack.click(HERE, card["ts"], "add", "U0ANA")
        await slack.click(HERE, card["ts"], "add", "U0BEN")
    assert ticked["acknowledged"]
    assert clicked["acknowledged"]
    assert clicked["seconds"] < 0.3
    action = toggles[0]["actions"][0]
    assert (action["type"], [option["value"] for option in action["selected_options"]]) == ("checkboxes", ["2"])
    ana, ben = clicks
    assert ana["user"] == {"id": "U0ANA", "username": "ana", "name": "ana", "team_id": "T0ACME"}
    message = {"type": "message", "message_ts": card["ts"], "channel_id": HERE, "thread_ts": root["ts"]}
    assert ana["container"] == {**message, "is_ephemeral": False}
    assert (ana["actions"][0]["action_id"], ana["actions"][0]["value"]) == ("add", "7:1")
    assert ana["message"]["ts"] == card["ts"]
    assert ticks(ana) == ["2"]
    assert ticks(ben) == ["1", "2"]  # Ana's un-ticking is hers alone


def ticks(body: Json, block_id: str = "group") -> list[str]:
    selected = body["state"]["values"][block_id]["select"]["selected_options"]
    return [option["value"] for option in selected]


async def test_ticks_stay_while_block_and_action_stay_and_are_forgotten_otherwise(slack, app, client, listen, card):
    clicks = listen(app.action("add"))
    listen(app.action("select"))
    async with connected(slack, app):
        await slack.tick(HERE, card, "U0ANA", "select", values=["2"])
        joined = [checkboxes("1", "2"), checkboxes("3", block_id="later"), button()]
        await client.chat_update(channel=HERE, ts=card, text="card", blocks=joined)
        await slack.click(HERE, card, "add", "U0ANA")
        await client.chat_update(channel=HERE, ts=card, text="card", blocks=[button()])
        await client.chat_update(channel=HERE, ts=card, text="card", blocks=[checkboxes("1", "2"), button()])
        await slack.click(HERE, card, "add", "U0ANA")
    assert (ticks(clicks[0]), ticks(clicks[0], "later")) == (["2"], ["3"])
    assert ticks(clicks[1]) == ["1", "2"]


async def test_a_late_click_presses_what_the_message_showed_before(slack, app, client, listen, card):
    clicks = listen(app.action("add"))
    await client.chat_update(channel=HERE, ts=card, text="added")
    async with connected(slack, app):
        await slack.click(HERE, card, "add", "U0BEN", late=True)
    assert (clicks[0]["actions"][0]["value"], clicks[0]["message"]["text"]) == ("7:1", "added")


async def test_a_click_without_an_acknowledgement_is_not_sent_again(slack, app, card):
    nobody = await slack.click(HERE, card, "add", "U0ANA")
    async with connected(slack, app):
        unheard = await slack.click(HERE, card, "add", "U0ANA")
    assert (nobody["acknowledged"], unheard["acknowledged"]) == (False, False)
    assert unheard["seconds"] >= 0.29
    assert len(envelopes(slack, "interactive")) == 1


async def test_an_overflow_menu_sends_the_option_chosen(slack, app, client, listen):
    bodies = listen(app.action("more"))
    options = [{"text": {"type": "plain_text", "text": value}, "value": value} for value in ("auto", "off")]
    menu = {"type": "overflow", "action_id": "more", "options": options}
    card = await client.chat_postMessage(channel=HERE, text="card", blocks=[{"type": "actions", "elements": [menu]}])
    async with connected(slack, app):
        await slack.click(HERE, card["ts"], "more", "U0ANA", option="off")
    assert [body["actions"][0]["selected_option"]["value"] for body in bodies] == ["off"]


async def test_an_answer_through_the_response_url_is_private_and_in_no_history(slack, app, client):
    async def refuse(ack: Any, respond: Any, body: Json) -> None:
        await ack()
        thread = body["container"]["thread_ts"]
        await respond(text="Only full members.", replace_original=False, thread_ts=thread)

    app.action("add")(refuse)
    root = slack.message(HERE, "U0ANA", "root", deliver=False)
    card = await client.chat_postMessage(channel=HERE, thread_ts=root["ts"], text="card", blocks=[button()])
    async with connected(slack, app):
        await slack.click(HERE, card["ts"], "add", "U0GUEST")
        await slack.control.until(lambda: slack.private, what="a private answer")
    (private,) = slack.private
    assert (private["user"], private["channel"], private["thread_ts"]) == ("U0GUEST", HERE, root["ts"])
    assert (private["text"], private["via"]) == ("Only full members.", "response_url")
    assert [message["ts"] for message in slack.thread(HERE, root["ts"])] == [root["ts"], card["ts"]]


# An app in a process of its own

APP = """
import asyncio, sys
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

async def main(url, hangs):
    client = AsyncWebClient(token="xoxb-sandbox", base_url=url)
    app = AsyncApp(client=client, process_before_response=True)

    @app.event("message")
    async def hear(event):
        if hangs:
            await client.chat_postMessage(channel="C0GENERAL", text="heard")
            await asyncio.sleep(60)

    await AsyncSocketModeHandler(app, "xapp-sandbox").start_async()

asyncio.run(main(sys.argv[1], sys.argv[2] == "hangs"))
"""


@asynccontextmanager
async def app_process(slack: SlackServer, how: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", APP, slack.url, how)
    try:
        await slack.control.until(lambda: slack.socket.connections, timeout=30, what="the app")
        yield
    finally:
        process.kill()
        await process.wait()
        await slack.control.until(lambda: not slack.socket.connections, what="the websocket's end")


async def test_a_killed_app_gets_the_event_again_after_its_restart():
    async with SlackServer(MANIFEST, ack_seconds=1.0, retry_delays=(60.0, 60.0)) as slack:
        async with app_process(slack, "hangs"):
            slack.message(HERE, "U0ANA", "hello")
            posted = await slack.control.until(lambda: slack.control.matching("slack", "chat.postMessage"))
        async with app_process(slack, "answers"):
            await slack.control.until(lambda: not slack.transport.undelivered, timeout=30, what="acknowledgements")
        payloads = [envelope["payload"] for envelope in envelopes(slack)]
    ids = [payload["event_id"] for payload in payloads if payload["event"]["channel"] == HERE]
    assert len(posted) == 1
    assert (len(ids), len(set(ids))) == (2, 1)
