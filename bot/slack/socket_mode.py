"""Socket Mode, watched: there is always a websocket on which Slack answers, and the next opens before one closes.

slack_sdk's client speaks the protocol, but reconnects badly: it closes the old websocket before it asks for a new one,
uses a ticket twice that Slack takes once, and retries forever when Socket Mode was switched off. So a `Websocket`
never reconnects; it says that it has ended, and `SocketMode` opens another.
https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import contextlib
import json
import logging
import random
import time
from typing import Any, cast

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackClientError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.config import network
from bot.slack import payloads
from bot.slack.errors import DEAD_TOKEN
from bot.slack.json import Json, as_object
from bot.slack.transport import LastEvent

PING_SECONDS = 3.0
"""How often a websocket is pinged; it has failed after one and a half times as long without an answer."""
SILENT_SECONDS = 10.0
"""After this long without a frame from Slack the bot is not ready, even while it opens another websocket."""
OPEN_SECONDS = 8.0
"""From the ticket to Slack's hello."""
CLOSE_SECONDS = 2.0
SHORT_SECONDS = 10.0
"""A websocket that ends sooner counts as a failure."""
LONGEST_PAUSE = 30.0
DRAIN_SECONDS = 3.0
"""Slack waits this long for an acknowledgement."""

BROKEN = "broken"

TOKEN = (
    "make an app-level token (xapp-…) with connections:write on your Slack app's page, Basic Information, "  # noqa: S105
    "and set SLACK_APP_TOKEN."
)
OFF = (
    "Socket Mode is off: turn it on, on your Slack app's page, Socket Mode; or set SLACK_SIGNING_SECRET and run --http."
)
REFUSALS = {
    **dict.fromkeys((*DEAD_TOKEN, "missing_scope", "not_allowed_token_type"), TOKEN),
    **dict.fromkeys(("socket_mode_not_enabled", "link_disabled"), OFF),
}
"""Errors that asking again does not change: of `apps.connections.open`, the last one of a disconnect frame."""

log = structlog.get_logger(__name__)
_silent = logging.getLogger("slack_sdk.socket_mode")
# It logs tracebacks and addresses with tickets; what happened is logged here.
_silent.setLevel(logging.CRITICAL)


class SocketModeEnd(Exception):
    """Slack refuses a websocket for good, with one of `REFUSALS`; the message has the next step."""

    def __init__(self, word: str) -> None:
        super().__init__(f"Slack opens no websocket ({word}): {REFUSALS[word]}")


class Websocket(SocketModeClient):
    """One websocket, from its ticket to its end. `ended`: why, once it has."""

    def __init__(self, app_token: str, web_client: AsyncWebClient) -> None:
        super().__init__(app_token, logger=_silent, web_client=web_client, ping_interval=PING_SECONDS)
        loop = asyncio.get_running_loop()
        self.hello: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()
        self.opened_at = time.monotonic()
        self._heard_at = self.opened_at

    @property
    def silent_for(self) -> float:
        """Seconds since the last frame, or since the last ping that was answered was sent."""
        frame = time.monotonic() - self._heard_at
        answered = self.last_ping_pong_time
        return frame if answered is None else min(frame, max(0.0, time.time() - answered))

    @property
    def is_broken(self) -> bool:
        """Whether it ended without a word from Slack."""
        return self.ended.done() and self.ended.result() == BROKEN

    async def enqueue_message(self, message: str) -> None:
        """Called for every frame that is no ping or pong, in order.

        slack_sdk reads them from a queue, where Slack's last frame would come after the close that follows it.
        """
        self._heard_at = time.monotonic()
        if '"envelope_id"' in message:
            with contextlib.suppress(ValueError, RecursionError):  # nothing can be done with what is no JSON
                await super().enqueue_message(payloads.whole(message))
            return
        frame: Json = json.loads(message) if message.startswith("{") else {}
        match frame.get("type"):
            case "hello" if not self.hello.done():
                self.hello.set_result(None)
            case "disconnect":
                self._end(str(frame.get("reason")))
            case _:
                return

    async def connect_to_new_endpoint(self, force: bool = False) -> None:
        """slack_sdk calls this when the websocket closed, or when its pings are not answered."""
        self._end(BROKEN)

    async def close_connection(self) -> None:
        """Close the websocket, even one that does not answer."""
        self.closed = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.disconnect()
        await self.close()

    def _end(self, reason: str) -> None:
        if not self.ended.done():
            self.ended.set_result(reason)


class SocketMode:
    """Keeps one websocket open and passes its events to Bolt."""

    def __init__(self, bolt: AsyncApp, app_token: str, web_client: AsyncWebClient, last_event: LastEvent) -> None:
        self._bolt = bolt
        self._token = app_token
        self._web_client = web_client
        self._last_event = last_event
        self._websocket: Websocket | None = None
        self._note = "none was opened yet"
        self._closing = False
        self._in_progress: set[asyncio.Task[None]] = set()
        self._retiring: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled; raises SocketModeEnd."""
        failures = 0
        while True:
            old, self._websocket = self._websocket, await self._opened()
            if old is not None:
                self._retire(old)
            reason = await self._websocket.ended
            if reason in REFUSALS:
                raise SocketModeEnd(reason)
            log.info("socket.closed", reason=reason, after=round(self.age, 1))
            # Slack may want the first to end early; from the second on something is wrong.
            failures = failures + 1 if self.age < SHORT_SECONDS else 0
            if reason == "too_many_websockets":
                await self._websocket.close_connection()
            await _pause(failures - 2)

    async def close(self) -> None:
        """Take no more events, and finish those in progress: Slack sends the rest to another replica, or again."""
        self._closing = True
        if self._in_progress:
            await asyncio.wait(self._in_progress, timeout=DRAIN_SECONDS)
        if self._websocket is not None:
            self._retire(self._websocket)
        await asyncio.gather(*self._retiring)

    @property
    def age(self) -> float:
        return time.monotonic() - self._websocket.opened_at if self._websocket else 0.0

    def reasons(self) -> list[str]:
        if self._websocket is None:
            return [f"Slack has opened no websocket: {self._note}."]
        if self._websocket.is_broken:
            return [f"Slack's websocket broke and there is no other yet: {self._note}."]
        silent = self._websocket.silent_for
        if silent > SILENT_SECONDS:
            return [f"Slack's websocket has been silent for {silent:.0f} s: {self._note}."]
        return []

    async def _opened(self) -> Websocket:
        """A websocket on which Slack has said hello; tries as long as it takes, or raises SocketModeEnd."""
        failures = 0
        while True:
            websocket = Websocket(self._token, self._web_client)
            websocket.socket_mode_request_listeners.append(self._take)
            try:
                async with asyncio.timeout(OPEN_SECONDS):
                    websocket.wss_uri = await _new_address(websocket)
                    websocket.proxy = network.proxy_for(websocket.wss_uri)
                    await websocket.connect()
                    await websocket.hello
            except (SlackClientError, aiohttp.ClientError, TimeoutError, ValueError) as error:
                await websocket.close_connection()
                # In a word: an address with a ticket does not belong in a log.
                why = _word(error) or network.cause_of(error, self._web_client.base_url)
                self._note = f"apps.connections.open fails ({why})"
                if _is_final(error, first=self._websocket is None):
                    raise SocketModeEnd(_word(error)) from error
                log.warning("socket.not_opened", why=self._note)
                await _pause(failures)
                failures += 1
            except BaseException:
                await websocket.close_connection()
                raise
            else:
                log.info("socket.opened")
                self._note = "a new one is being opened"
                return websocket

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        """Handle one envelope. slack_sdk runs each in a task of its own."""
        task = asyncio.current_task()
        if self._closing or task is None:
            return
        self._in_progress.add(task)
        task.add_done_callback(self._in_progress.discard)
        payload = payloads.read(cast(Json, request.payload))  # pyright: ignore[reportUnknownMemberType]  a bare dict
        if payload is None:
            log.warning("socket.refused", why="not what Slack sends")
            return
        self._last_event.hear(payload)
        if payloads.is_notice(payload):
            await client.send_socket_mode_response(SocketModeResponse(request.envelope_id))
            return
        request.payload, started = payload, time.time()
        response = await run_async_bolt_app(self._bolt, request)
        try:
            await send_async_response(client, request, response, started)
        except ConnectionError:
            # Slack has closed the websocket, and takes the acknowledgement on the next one.
            if self._websocket is not None and self._websocket is not client:
                with contextlib.suppress(ConnectionError):
                    await send_async_response(self._websocket, request, response, started)

    def _retire(self, websocket: Websocket) -> None:
        """Close it once its events are answered."""
        task = asyncio.create_task(self._after_work(websocket))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _after_work(self, websocket: Websocket) -> None:
        if self._in_progress:
            await asyncio.wait(set(self._in_progress), timeout=DRAIN_SECONDS)
        await websocket.close_connection()


async def _new_address(websocket: Websocket) -> str:
    """An address with a new ticket. Unlike slack_sdk's own method, this fails when Slack asks us to wait."""
    client = websocket.web_client
    response: Any = await client.apps_connections_open(app_token=websocket.app_token)  # pyright: ignore[reportUnknownMemberType]
    return str(response["url"])


def _word(error: Exception) -> str:
    """Slack's own error word; "" where it gave none."""
    return str(as_object(getattr(getattr(error, "response", None), "data", None)).get("error") or "")


def _is_final(error: Exception, *, first: bool) -> bool:
    """Whether to give up. Slack may refuse by mistake a token that was good when the bot started."""
    return _word(error) in REFUSALS and (first or REFUSALS[_word(error)] == OFF)


async def _pause(failures: int) -> None:
    """1, 2, 4 … seconds, 30 at most, with jitter that keeps replicas apart; none below 0."""
    if failures >= 0:
        await asyncio.sleep(min(LONGEST_PAUSE, 2.0**failures) * random.uniform(0.8, 1.0))  # noqa: S311
