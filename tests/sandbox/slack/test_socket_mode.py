"""Real slack_bolt over the real Socket Mode protocol, against the sandbox's Slack."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.server import SlackServer
from sandbox.slack.conftest import HERE, button, checkboxes, connected

Json = dict[str, Any]


@pytest.fixture
async def last_event(slack: SlackServer, app: AsyncApp) -> AsyncIterator[list[Json]]:
    """The bodies of all message events that the app, connected, has heard."""
    bodies: list[Json] = []

    async def hear(body: Json) -> None:
        bodies.append(body)
        slack.control.changed()

    app.event("message")(hear)
    async with connected(slack, app):
        yield bodies


def envelopes(slack: SlackServer, kind: str = "events_api") -> list[Json]:
    return [call.arguments for call in slack.control.matching("slack", f"socket:{kind}")]


async def test_a_typed_message_arrives_as_slack_sends_it(slack: SlackServer, last_event: list[Json]) -> None:
    said = slack.message(HERE, "U0ANA", "look: https://app.datadoghq.com/monitors/1?a=1&b=2 & co")
    await slack.control.until(lambda: last_event)
    body = last_event[0]
    event = body["event"]
    link = event["blocks"][0]["elements"][0]["elements"][1]
    assert event["text"] == "look: <https://app.datadoghq.com/monitors/1?a=1&amp;b=2> &amp; co"
    assert link == {"type": "link", "url": "https://app.datadoghq.com/monitors/1?a=1&b=2"}
    assert (event["type"], event["user"], event["ts"], event["event_ts"], event["channel"]) == (
        "message", "U0ANA", said["ts"], said["ts"], HERE,
    )  # fmt: skip
    assert (event["channel_type"], event["team"]) == ("channel", "T0ACME")
    assert (body["type"], body["team_id"], body["api_app_id"]) == ("event_callback", "T0ACME", "A0CASES")
    assert body["authorizations"][0]["user_id"] == "U0CASES"
    assert body["is_ext_shared_channel"] is False


async def test_a_reply_names_its_thread_and_parent(slack: SlackServer, last_event: list[Json]) -> None:
    root = slack.message(HERE, "U0ANA", "root")
    slack.message(HERE, "U0BEN", "reply", thread_ts=root["ts"])
    await slack.control.until(lambda: len(last_event) == 2)
    event = last_event[1]["event"]
    assert (event["thread_ts"], event["parent_user_id"]) == (root["ts"], "U0ANA")


async def test_an_unacknowledged_event_comes_again_with_the_same_id(slack: SlackServer, app: AsyncApp) -> None:
    last_event: list[str] = []

    async def fail_once(body: Json) -> None:
        last_event.append(body["event_id"])
        if len(last_event) == 1:
            raise ValueError("the store is down")

    app.event("message")(fail_once)
    async with connected(slack, app):
        slack.message(HERE, "U0ANA", "once more")
        await slack.control.until(lambda: len(last_event) == 2 and not slack.transport.undelivered)
    first, second = envelopes(slack)
    assert last_event[0] == last_event[1]
    assert (first["retry_attempt"], first["retry_reason"]) == (0, "")
    assert (second["retry_attempt"], second["retry_reason"]) == (1, "timeout")
    assert first["envelope_id"] != second["envelope_id"]


async def test_an_event_nobody_acknowledges_is_given_up_after_the_last_retry(slack: SlackServer, app: AsyncApp) -> None:
    slack.socket.ack_seconds = 0.05
    async with connected(slack, app):  # no listener: Bolt does not acknowledge
        slack.message(HERE, "U0ANA", "anybody?")
        await slack.control.until(lambda: not slack.transport.undelivered)
    assert [one["retry_attempt"] for one in envelopes(slack)] == [0, 1, 2]
    assert [event.kind for event in slack.control.events].count("event_lost") == 1


async def test_an_event_waits_for_the_app_to_connect(slack: SlackServer, app: AsyncApp) -> None:
    last_event = asyncio.Event()

    async def hear(body: Json) -> None:
        last_event.set()

    app.event("message")(hear)
    slack.message(HERE, "U0ANA", "is the bot there?")
    assert slack.transport.undelivered == 1
    async with connected(slack, app):
        await asyncio.wait_for(last_event.wait(), 5)


async def test_our_own_post_comes_back_as_an_event(slack: SlackServer, client: AsyncWebClient) -> None:
    metadata = {"event_type": "card", "event_payload": {"card": "7"}}
    posted = await client.chat_postMessage(channel=HERE, text="Add 2 insights?", metadata=metadata)
    event = slack.events.sent[0]["event"]
    assert (event["bot_id"], event["app_id"], event["user"]) == ("B0CASES", "A0CASES", "U0CASES")
    assert (event["ts"], event["metadata"]) == (posted["ts"], metadata)
    assert event["bot_profile"]["name"] == "Case Insights"


async def test_a_click_is_acknowledged_and_carries_slacks_payload(
    slack: SlackServer, app: AsyncApp, client: AsyncWebClient
) -> None:
    clicks: list[Json] = []

    async def add(ack: Any, body: Json) -> None:
        clicks.append(body)
        await ack()

    app.action("add")(add)
    app.action("select")(add)
    root = slack.message(HERE, "U0ANA", "root", deliver=False)
    card = await client.chat_postMessage(
        channel=HERE, thread_ts=root["ts"], text="card", blocks=[checkboxes("1", "2"), button()]
    )
    async with connected(slack, app):
        ticked = await slack.tick(HERE, card["ts"], "U0ANA", "select", values=["2"])
        clicked = await slack.click(HERE, card["ts"], "add", "U0ANA")
        await slack.click(HERE, card["ts"], "add", "U0BEN")
    assert ticked["acknowledged"]
    assert clicked["acknowledged"]
    assert clicked["seconds"] < 0.3
    toggle, ana, ben = clicks
    assert toggle["actions"][0]["type"] == "checkboxes"
    assert [option["value"] for option in toggle["actions"][0]["selected_options"]] == ["2"]
    assert ana["user"] == {"id": "U0ANA", "username": "ana", "name": "ana", "team_id": "T0ACME"}
    assert ana["container"] == {
        "type": "message",
        "message_ts": card["ts"],
        "channel_id": HERE,
        "thread_ts": root["ts"],
        "is_ephemeral": False,
    }
    assert (ana["actions"][0]["action_id"], ana["actions"][0]["value"]) == ("add", "7:1")
    assert ana["message"]["ts"] == card["ts"]
    assert ticks(ana) == ["2"]
    assert ticks(ben) == ["1", "2"]  # Ana's un-ticking is hers alone


def ticks(body: Json, block_id: str = "group") -> list[str]:
    selected = body["state"]["values"][block_id]["select"]["selected_options"]
    return [option["value"] for option in selected]


async def test_ticks_stay_while_block_and_action_stay_and_are_forgotten_otherwise(
    slack: SlackServer, app: AsyncApp, client: AsyncWebClient
) -> None:
    clicks: list[Json] = []

    async def take(ack: Any, body: Json) -> None:
        clicks.append(body)
        await ack()

    app.action("add")(take)
    app.action("select")(take)
    card = await client.chat_postMessage(channel=HERE, text="card", blocks=[checkboxes("1", "2"), button()])
    ts = card["ts"]
    async with connected(slack, app):
        await slack.tick(HERE, ts, "U0ANA", "select", values=["2"])
        joined = [checkboxes("1", "2"), checkboxes("3", block_id="later"), button()]
        await client.chat_update(channel=HERE, ts=ts, text="card", blocks=joined)
        await slack.click(HERE, ts, "add", "U0ANA")
        await client.chat_update(channel=HERE, ts=ts, text="card", blocks=[button()])
        await client.chat_update(channel=HERE, ts=ts, text="card", blocks=[checkboxes("1", "2"), button()])
        await slack.click(HERE, ts, "add", "U0ANA")
    assert (ticks(clicks[1]), ticks(clicks[1], "later")) == (["2"], ["3"])
    assert ticks(clicks[2]) == ["1", "2"]


async def test_a_late_click_presses_what_the_message_showed_before(
    slack: SlackServer, app: AsyncApp, client: AsyncWebClient
) -> None:
    clicks: list[Json] = []

    async def take(ack: Any, body: Json) -> None:
        clicks.append(body)
        await ack()

    app.action("add")(take)
    card = await client.chat_postMessage(channel=HERE, text="card", blocks=[button()])
    await client.chat_update(channel=HERE, ts=card["ts"], text="added")
    async with connected(slack, app):
        await slack.click(HERE, card["ts"], "add", "U0BEN", late=True)
    assert (clicks[0]["actions"][0]["value"], clicks[0]["message"]["text"]) == ("7:1", "added")


async def test_a_click_without_an_acknowledgement_is_not_sent_again(
    slack: SlackServer, app: AsyncApp, client: AsyncWebClient
) -> None:
    card = await client.chat_postMessage(channel=HERE, text="card", blocks=[button()])
    nobody = await slack.click(HERE, card["ts"], "add", "U0ANA")
    async with connected(slack, app):
        unheard = await slack.click(HERE, card["ts"], "add", "U0ANA")
    assert (nobody["acknowledged"], unheard["acknowledged"]) == (False, False)
    assert unheard["seconds"] >= 0.29
    assert len(envelopes(slack, "interactive")) == 1


async def test_an_overflow_menu_sends_the_option_chosen(
    slack: SlackServer, app: AsyncApp, client: AsyncWebClient
) -> None:
    chosen: list[str] = []

    async def take(ack: Any, action: Json) -> None:
        chosen.append(action["selected_option"]["value"])
        await ack()

    app.action("more")(take)
    options = [{"text": {"type": "plain_text", "text": one}, "value": one} for one in ("auto", "off")]
    menu = {"type": "overflow", "action_id": "more", "options": options}
    card = await client.chat_postMessage(channel=HERE, text="card", blocks=[{"type": "actions", "elements": [menu]}])
    async with connected(slack, app):
        await slack.click(HERE, card["ts"], "more", "U0ANA", option="off")
    assert chosen == ["off"]


async def test_an_answer_through_the_response_url_is_private_and_in_no_history(
    slack: SlackServer, app: AsyncApp, client: AsyncWebClient
) -> None:
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
    assert [one["ts"] for one in slack.thread(HERE, root["ts"])] == [root["ts"], card["ts"]]


async def test_a_mention_arrives_as_message_and_as_app_mention(slack: SlackServer) -> None:
    said = slack.message(HERE, "U0ANA", "@Case Insights status")
    kinds = [payload["event"]["type"] for payload in slack.events.sent]
    assert said["text"] == "<@U0CASES> status"
    assert kinds == ["message", "app_mention"]


async def test_every_event_is_repeated_with_ids_of_its_own_when_the_switch_is_on(
    slack: SlackServer, last_event: list[Json]
) -> None:
    slack.repeat_events = 2
    slack.message(HERE, "U0ANA", "thrice")
    await slack.control.until(lambda: len(last_event) == 3)
    assert len({body["event_id"] for body in last_event}) == 3
    assert len({body["event"]["ts"] for body in last_event}) == 1


async def test_a_message_can_be_delivered_again_with_new_or_the_same_ids(
    slack: SlackServer, last_event: list[Json]
) -> None:
    said = slack.message(HERE, "U0ANA", "again")
    await slack.control.until(lambda: last_event)
    assert slack.redeliver(said["ts"], copies=10) == 10
    await slack.control.until(lambda: len(last_event) == 11)
    assert len({body["event_id"] for body in last_event}) == 11
    assert slack.redeliver(last_event[0]["event_id"], new_ids=False) == 1
    await slack.control.until(lambda: len(last_event) == 12)
    assert last_event[11]["event_id"] == last_event[0]["event_id"]


async def test_the_app_reconnects_after_a_cut_and_gets_what_was_said_meanwhile(
    slack: SlackServer, app: AsyncApp
) -> None:
    last_event: list[Json] = []

    async def hear(body: Json) -> None:
        last_event.append(body)
        slack.control.changed()

    app.event("message")(hear)
    async with connected(slack, app) as handler:
        assert slack.drop_socket() == 1
        await slack.control.until(lambda: not slack.socket.connections)
        slack.message(HERE, "U0ANA", "while you were away")
        await handler.client.connect_to_new_endpoint(force=True)
        await slack.control.until(lambda: last_event, what="the event")
    assert last_event[0]["event"]["text"] == "while you were away"


async def test_a_refreshed_websocket_is_followed_by_a_new_one(slack: SlackServer, app: AsyncApp) -> None:
    async with connected(slack, app):
        opened = len(slack.control.matching("slack", "apps.connections.open"))
        assert await slack.refresh() == 1
        await slack.control.until(
            lambda: len(slack.control.matching("slack", "apps.connections.open")) > opened and slack.socket.connections
        )


async def test_several_websockets_share_the_events(slack: SlackServer, app: AsyncApp) -> None:
    async def hear() -> None:
        return

    app.event("message")(hear)
    async with connected(slack, app), connected(slack, app):
        for number in range(4):
            slack.message(HERE, "U0ANA", f"{number}")
        await slack.control.until(lambda: not slack.transport.undelivered)
        assert len(slack.socket.connections) == 2
    assert len(envelopes(slack)) == 4
