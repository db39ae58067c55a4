"""HTTP mode: `POST /slack/events`, where Slack sends events, interactions, commands and option requests alike.

The law: no body is used before its signature is verified, and neither bodies nor headers reach a log.
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import asyncio
import hmac
import re
import time
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest

from bot.logs import Seldom
from bot.slack import payloads
from bot.slack.json import Json
from bot.slack.transport import LastEvent

BODY_SECONDS = 3.0
"""Slack waits no longer for the whole answer."""
CLOCKS_DIFFER_SECONDS = 300.0
FORM = "application/x-www-form-urlencoded"
TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)

log = structlog.get_logger(__name__)


class BadRequest(Exception):
    """Why a request is refused, and the status of the answer."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class HttpMode:
    """`stop_listening` returns when every request in progress has its answer."""

    def __init__(
        self, bolt: AsyncApp, signing_secret: str, last_event: LastEvent, stop_listening: Callable[[], Awaitable[None]]
    ) -> None:
        self._bolt = bolt
        self._secret = signing_secret.encode()
        self._last_event = last_event
        self._stop_listening = stop_listening
        self._refused = Seldom(log.warning, "http.refused")

    async def run(self) -> None:
        """Nothing to do: requests come by themselves."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        await self._stop_listening()

    @property
    def age(self) -> float:
        return 0.0

    def reasons(self) -> list[str]:
        """None: whether Slack finds the address cannot be told from here."""
        return []

    async def answer(self, request: web.Request) -> web.Response:
        """Bolt's answer; 400, 401, 408 or 413 for a request that is not Slack's."""
        try:
            payload = _payload(request, await self._genuine(request))
        except BadRequest as refused:
            self._refused.note(status=refused.status, why=str(refused))
            return web.json_response({"error": str(refused)}, status=refused.status)
        self._last_event.hear(payload)
        if payloads.is_notice(payload):
            return web.json_response({})
        # Only so does Bolt take what was read before; else the mode changes nothing: signatures are judged here.
        bolt_request = AsyncBoltRequest(body=payload, query=request.query_string, mode="socket_mode")
        response = await self._bolt.async_dispatch(bolt_request)
        if not response.body:  # as nearly always
            return web.Response(status=response.status)
        return await to_aiohttp_response(response)

    async def _genuine(self, request: web.Request) -> str:
        """The body, if Slack signed it within the last minutes; raises BadRequest."""
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise BadRequest(400, "compressed, as Slack sends nothing")
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not (TIMESTAMP.fullmatch(timestamp) and SIGNATURE.fullmatch(signature)):
            raise BadRequest(401, "not signed")
        if abs(time.time() - int(timestamp)) > CLOCKS_DIFFER_SECONDS:
            raise BadRequest(401, "signed too long ago")
        body = await _read(request)
        expected = hmac.digest(self._secret, b"v0:%b:%b" % (timestamp.encode(), body), "sha256").hex()
        if not hmac.compare_digest(f"v0={expected}", signature):
            raise BadRequest(401, "not signed by Slack")
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            raise BadRequest(400, "not UTF-8") from error


async def _read(request: web.Request) -> bytes:
    """As much as the server allows; raises BadRequest."""
    try:
        if request.content.is_eof():  # it came with its headers, as it nearly always does
            return await request.read()
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise BadRequest(413, "too large") from error
    except TimeoutError as error:
        raise BadRequest(408, "too slow") from error
    except (web.RequestPayloadError, HttpProcessingError, ConnectionError) as error:
        raise BadRequest(400, "not complete") from error


def _payload(request: web.Request, text: str) -> Json:
    """What Slack sends, as the one reader of payloads reads it; raises BadRequest for anything else."""
    try:
        payload = payloads.read(payloads.parse(text, form=request.content_type == FORM))
    except (ValueError, RecursionError):
        payload = None
    if payload is None:
        raise BadRequest(400, "not what Slack sends")
    return payload
