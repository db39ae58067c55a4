"""Real slack_bolt behind aiohttp, which the sandbox's Slack reaches over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.control import ControlError
from bot.sandbox.slack.server import SlackServer
from sandbox.slack.conftest import HERE, MANIFEST, button

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.Response]]
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


def over_http(url: str) -> Json:
    (command,) = MANIFEST["features"]["slash_commands"]
    return {
        **MANIFEST,
        "features": {**MANIFEST["features"], "slash_commands": [{**command, "url": url}]},
        "settings": {
            "event_subscriptions": {**MANIFEST["settings"]["event_subscriptions"], "request_url": url},
            "interactivity": {"is_enabled": True, "request_url": url, "message_menu_options_url": url},
            "socket_mode_enabled": False,
        },
    }


@asynccontextmanager
async def listening(answer: Handler) -> AsyncIterator[SlackServer]:
    """A Slack whose app is this handler."""
    app = web.Application()
    app.router.add_post("/slack/events", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    manifest = over_http(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
    try:
        async with SlackServer(manifest, ack_seconds=0.3, retry_delays=(0.02, 0.05), signing_secret=SECRET) as slack:
            yield slack
    finally:
        await runner.cleanup()


@asynccontextmanager
async def bolted(register: Callable[[AsyncApp], None]) -> AsyncIterator[SlackServer]:
    """A Slack whose app is Bolt with these listeners, which judges signatures as it does anywhere."""
    apps: list[AsyncApp] = []

    async def answer(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await apps[0].async_dispatch(await to_bolt_request(request)))

    async with listening(answer) as slack:
        client = AsyncWebClient(token="xoxb-sandbox", base_url=slack.url, retry_handlers=[])
        apps.append(AsyncApp(client=client, signing_secret=SECRET, process_before_response=True))
        register(apps[0])
        await slack.verify_request_url()
        yield slack


def tries(slack: SlackServer) -> list[Json]:
    return [call.arguments["headers"] for call in slack.control.matching("slack", "http:events_api")]


async def test_bolt_takes_the_signature_of_every_kind_of_request() -> None:
    last_event: list[str] = []

    def register(app: AsyncApp) -> None:
        async def hear(body: Json) -> None:
            last_event.append(body["event"]["text"])

        async def press(ack: Any, body: Json) -> None:
            last_event.append(body["actions"][0]["action_id"])
            await ack()

        async def obey(ack: Any, command: Json) -> None:
            last_event.append(command["text"])
            await ack("done")

        app.event("message")(hear)
        app.action("add")(press)
        app.command("/insight")(obey)

    async with bolted(register) as slack:
        client = AsyncWebClient(token="xoxb-sandbox", base_url=slack.url)
        slack.message(HERE, "U0ANA", "hello & welcome")
        await slack.control.until(lambda: last_event and not slack.transport.undelivered)
        card = await client.chat_postMessage(channel=HERE, text="card", blocks=[button()])
        assert (await slack.click(HERE, card["ts"], "add", "U0ANA"))["acknowledged"]
        assert (await slack.command(HERE, "U0ANA", "/insight", "tie X-1"))["acknowledged"]
        assert [said["text"] for said in slack.private] == ["done"]
    assert last_event == ["hello &amp; welcome", "add", "tie X-1"]


async def test_events_wait_until_the_request_url_has_answered_the_challenge() -> None:
    async def forbid(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    async with listening(forbid) as slack:
        slack.message(HERE, "U0ANA", "too early")
        with pytest.raises(ControlError, match="challenge"):
            await slack.verify_request_url()
        assert tries(slack) == []
        assert slack.transport.undelivered == 1


@pytest.mark.parametrize(("status", "reason"), [(500, "http_error"), (404, "http_error"), (None, "connection_failed")])
async def test_an_event_that_fails_comes_again_with_its_number_and_the_reason(status: int | None, reason: str) -> None:
    async def fail(request: web.Request) -> web.Response:
        if status is None:
            assert request.transport is not None
            request.transport.close()
        return web.Response(status=status or 200)

    async with listening(fail) as slack:
        assert slack.http is not None
        slack.http.verified = True
        slack.message(HERE, "U0ANA", "anybody?")
        await slack.control.until(lambda: not slack.transport.undelivered)
        again = [{"x-slack-retry-num": n, "x-slack-retry-reason": reason} for n in ("1", "2")]
        assert tries(slack) == [{}, *again]
        assert [event.kind for event in slack.control.events].count("event_lost") == 1


async def test_an_app_may_refuse_repetitions() -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=500, headers={"x-slack-no-retry": "1"})

    async with listening(refuse) as slack:
        assert slack.http is not None
        slack.http.verified = True
        slack.message(HERE, "U0ANA", "never mind")
        await slack.control.until(lambda: not slack.transport.undelivered)
        assert tries(slack) == [{}]


async def test_a_click_that_the_app_does_not_take_is_not_sent_again() -> None:
    async with bolted(lambda _: None) as slack:
        client = AsyncWebClient(token="xoxb-sandbox", base_url=slack.url)
        card = await client.chat_postMessage(channel=HERE, text="card", blocks=[button()])
        assert not (await slack.click(HERE, card["ts"], "add", "U0ANA"))["acknowledged"], "Bolt answers 404"
        assert len(slack.control.matching("slack", "http:interactive")) == 1


async def test_an_app_that_is_too_slow_is_asked_again() -> None:
    async def dawdle(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async with listening(dawdle) as slack:
        assert slack.http is not None
        slack.http.verified, slack.http.ack_seconds = True, 0.05
        slack.message(HERE, "U0ANA", "hurry")
        await slack.control.until(lambda: not slack.transport.undelivered)
        assert [each.get("x-slack-retry-reason") for each in tries(slack)] == [None, "http_timeout", "http_timeout"]


async def test_with_socket_mode_off_no_websocket_is_to_be_had() -> None:
    async with bolted(lambda _: None) as slack:
        with pytest.raises(SlackApiError, match="socket_mode_not_enabled"):
            await AsyncWebClient(base_url=slack.url).apps_connections_open(app_token="xapp-sandbox")
