"""Real slack_bolt behind aiohttp, which the sandbox's Slack reaches over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.control import ControlError, Json
from bot.sandbox.slack.server import SlackServer
from sandbox.slack.conftest import HERE, SECRET, app_over_http, button, error_of

Handler = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def listening(answer: Handler) -> AsyncIterator[SlackServer]:
    """A Slack whose app is this handler."""
    options: Json = {"ack_seconds": 0.3, "retry_delays": (0.02, 0.05), "signing_secret": SECRET}
    async with app_over_http(answer) as manifest, SlackServer(manifest, **options) as slack:
        yield slack


@asynccontextmanager
async def bolted() -> AsyncIterator[tuple[SlackServer, AsyncApp]]:
    """A Slack and its app, which is Bolt and judges signatures as it does anywhere."""
    client = AsyncWebClient(token="xoxb-sandbox", retry_handlers=[])
    app = AsyncApp(client=client, signing_secret=SECRET, process_before_response=True)

    async def answer(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    async with listening(answer) as slack:
        client.base_url = slack.url
        await slack.verify_request_url()
        yield slack, app


async def clicked(slack: SlackServer, app: AsyncApp) -> bool:
    """Whether the app acknowledges Ana's click on the button of a new card."""
    card = await app.client.chat_postMessage(channel=HERE, text="card", blocks=[button()])
    return (await slack.click(HERE, card["ts"], "add", "U0ANA"))["acknowledged"]


def tries(slack: SlackServer) -> list[Json]:
    return [call.arguments["headers"] for call in slack.control.matching("slack", "http:events_api")]


async def test_bolt_takes_the_signature_of_every_kind_of_request():
    heard: list[str] = []

    async def take(ack: Any, body: Json) -> None:
        heard.append(body.get("event", body).get("text") or body["actions"][0]["action_id"])
        await ack(*(["done"] if "command" in body else []))

    async with bolted() as (slack, app):
        for listener in (app.event("message"), app.action("add"), app.command("/insight")):
            listener(take)
        slack.message(HERE, "U0ANA", "hello & welcome")
        await slack.control.until(lambda: heard and not slack.transport.undelivered)
        assert await clicked(slack, app)
        assert (await slack.command(HERE, "U0ANA", "/insight", "tie X-1"))["acknowledged"]
        assert [message["text"] for message in slack.private] == ["done"]
    assert heard[0] == "hello &amp; welcome"
    assert heard[-2:] == ["add", "tie X-1"]


async def test_events_wait_until_the_request_url_has_answered_the_challenge():
    async def forbid(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    async with listening(forbid) as slack:
        slack.message(HERE, "U0ANA", "too early")
        with pytest.raises(ControlError, match="challenge"):
            await slack.verify_request_url()
        assert tries(slack) == []
        assert slack.transport.undelivered == 1


@pytest.mark.parametrize(
    ("response", "reasons"),
    [
        ({"status": 500}, ["http_error"] * 2),
        ({"status": 404}, ["http_error"] * 2),
        ({"closes": True}, ["connection_failed"] * 2),
        ({"seconds": 5}, ["http_timeout"] * 2),
        ({"status": 500, "headers": {"x-slack-no-retry": "1"}}, []),
    ],
    ids=["500", "404", "closed", "too slow", "refuses repetitions"],
)
async def test_an_event_that_fails_comes_again_with_its_number_and_the_reason(response, reasons):
    async def fail(request: web.Request) -> web.Response:
        await asyncio.sleep(response.get("seconds", 0))
        if "closes" in response:
            request.transport.close()
        return web.Response(status=response.get("status", 200), headers=response.get("headers"))

    async with listening(fail) as slack:
        slack.http.verified, slack.http.ack_seconds = True, 0.1 if "seconds" in response else 5.0
        slack.message(HERE, "U0ANA", "anybody?")
        await slack.control.until(lambda: not slack.transport.undelivered)
        again = [{"x-slack-retry-num": str(n), "x-slack-retry-reason": why} for n, why in enumerate(reasons, 1)]
        assert tries(slack) == [{}, *again]
        assert [event.kind for event in slack.control.events].count("event_lost") == 1


async def test_a_click_that_the_app_does_not_take_is_not_sent_again():
    async with bolted() as (slack, app):
        assert not await clicked(slack, app), "Bolt answers 404"
        assert len(slack.control.matching("slack", "http:interactive")) == 1


async def test_with_socket_mode_off_no_websocket_is_to_be_had():
    async with bolted() as (_, app):
        assert await error_of(app.client.apps_connections_open(app_token="xapp-sandbox")) == "socket_mode_not_enabled"
