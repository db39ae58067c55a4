"""The sandbox's Slack with a small app installed, and slack_sdk and slack_bolt as its clients."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.control import Json
from bot.sandbox.slack.server import SlackServer

MANIFEST: Json = {
    "display_information": {"name": "Case Insights"},
    "features": {
        "bot_user": {"display_name": "Case Insights", "always_online": True},
        "shortcuts": [{"name": "Add to case", "type": "message", "callback_id": "add_to_case", "description": "…"}],
        "slash_commands": [{"command": "/insight", "description": "…", "should_escape": True}],
    },
    "oauth_config": {
        "scopes": {
            "bot": ["commands", "chat:write", "channels:history", "groups:history", "app_mentions:read", "users:read"],
            "bot_optional": ["usergroups:read", "channels:read", "groups:read"],
        }
    },
    "settings": {
        "event_subscriptions": {"bot_events": ["message.channels", "message.groups", "app_mention", "app_home_opened"]},
        "interactivity": {"is_enabled": True},
        "socket_mode_enabled": True,
    },
}
HERE = "C0INCIDENTS"
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


def checkboxes(*values: str, block_id: str = "group") -> Json:
    """An actions block of checkboxes, all ticked, as the bot's card has them."""
    options = [{"text": plain(f"Monitor {one}"), "value": one} for one in values]
    element = {"type": "checkboxes", "action_id": "select", "options": options, "initial_options": options}
    return {"type": "actions", "block_id": block_id, "elements": [element]}


def button(action_id: str = "add", value: str = "7:1") -> Json:
    element = {"type": "button", "action_id": action_id, "value": value, "text": plain("Add")}
    return {"type": "actions", "block_id": "buttons", "elements": [element]}


Listen = Callable[..., list[Json]]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def client_of(url: str, token: str | None = None) -> AsyncWebClient:
    return AsyncWebClient(token=token, base_url=url, retry_handlers=[])


async def refusal(call: Awaitable[Any]) -> Any:
    """Slack's answer to a call that it refuses."""
    with pytest.raises(SlackApiError) as refused:
        await call
    return refused.value.response


async def error_of(call: Awaitable[Any]) -> str:
    return (await refusal(call))["error"]


@asynccontextmanager
async def app_over_http(handler: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[Json]:
    """An app of this handler, listening; the manifest that sends everything to it, with Socket Mode off."""
    app = web.Application()
    app.router.add_post("/slack/events", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    (command,) = MANIFEST["features"]["slash_commands"]
    try:
        yield {
            **MANIFEST,
            "features": {**MANIFEST["features"], "slash_commands": [{**command, "url": url}]},
            "settings": {
                "event_subscriptions": {**MANIFEST["settings"]["event_subscriptions"], "request_url": url},
                "interactivity": {"is_enabled": True, "request_url": url, "message_menu_options_url": url},
                "socket_mode_enabled": False,
            },
        }
    finally:
        await runner.cleanup()


@asynccontextmanager
async def connected(slack: SlackServer, app: AsyncApp) -> AsyncIterator[AsyncSocketModeHandler]:
    """The app with one more open websocket; slack_sdk itself asks for its URL."""
    before = len(slack.socket.connections)
    handler = AsyncSocketModeHandler(app, "xapp-sandbox")
    await handler.connect_async()
    await slack.control.until(lambda: len(slack.socket.connections) > before, what="a websocket")
    try:
        yield handler
    finally:
        await handler.close_async()


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer(MANIFEST, ack_seconds=0.3, retry_delays=(0.02, 0.05)) as server:
        yield server


@pytest.fixture
def client(slack: SlackServer) -> AsyncWebClient:
    return client_of(slack.url, "xoxb-sandbox")


@pytest.fixture
async def card(client: AsyncWebClient) -> str:
    """The ts of a message of ours with checkboxes and a button."""
    posted = await client.chat_postMessage(channel=HERE, text="card", blocks=[checkboxes("1", "2"), button()])
    return str(posted["ts"])


@pytest.fixture
def app(client: AsyncWebClient) -> AsyncApp:
    return AsyncApp(client=client, process_before_response=True)


@pytest.fixture
def listen(slack: SlackServer) -> Listen:
    """Give it `app.action("add")` or the like and an acknowledgement: the bodies that the listener gets."""

    def register(decorate: Callable[..., Any], *text: str, **payload: Any) -> list[Json]:
        bodies: list[Json] = []

        async def take(ack: Any, body: Json) -> None:
            bodies.append(body)
            await ack(*text, **payload)
            slack.control.changed()

        decorate(take)
        return bodies

    return register
