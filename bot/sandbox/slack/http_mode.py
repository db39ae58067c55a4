"""HTTP mode: Slack signs each payload and POSTs it to the app's request URLs.

https://docs.slack.dev/apis/events-api#responding, https://docs.slack.dev/authentication/verifying-requests-from-slack,
https://docs.slack.dev/interactivity/handling-user-interaction. Each request is one call in the journal, of the
service "slack", named `http:events_api`, `http:interactive`, `http:options` or `http:slash_commands`; its arguments are
`{"url", "headers", "body"}`, where `headers` are those of a repetition.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.control import Control, ControlError, Json
from bot.sandbox.slack.transport import Acknowledgement, Attempt, Transport

MOST_REDIRECTS = 2
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """`X-Slack-Signature` of a request."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class RequestUrls:
    """The request URLs in the manifest; "" for those it does not have."""

    events: str
    interactions: str
    options: str
    commands: dict[str, str]

    @classmethod
    def of(cls, manifest: Json) -> "RequestUrls":
        settings: Json = manifest.get("settings", {})
        interactivity: Json = settings.get("interactivity", {})
        commands: list[Json] = manifest.get("features", {}).get("slash_commands", [])
        return cls(
            events=settings.get("event_subscriptions", {}).get("request_url", ""),
            interactions=interactivity.get("request_url", ""),
            options=interactivity.get("message_menu_options_url", ""),
            commands={command["command"]: command.get("url", "") for command in commands},
        )


@dataclass(frozen=True, slots=True)
class _AppResponse:
    """What the app answered in time."""

    status: int
    headers: Mapping[str, str]
    type: str
    text: str


class HttpMode(Transport):
    """Sends to the app's request URLs. Events wait until the app has answered the challenge: see `verify`."""

    def __init__(
        self,
        manifest: Json,
        signing_secret: str,
        control: Control,
        ack_seconds: float,
        retry_delays: tuple[float, ...],
    ) -> None:
        super().__init__(control, ack_seconds, retry_delays)
        self.urls = RequestUrls.of(manifest)
        self.signing_secret = signing_secret
        self.verified = False
        self._session: aiohttp.ClientSession | None = None

    @property
    def reachable(self) -> bool:
        return self.verified

    async def verify(self) -> None:
        """Verify the request URL, as when it is saved: the app must return the challenge. Raises ControlError."""
        challenge = secrets.token_hex(20)
        body = {"token": "sandbox", "challenge": challenge, "type": "url_verification"}
        response, _ = await self._post("url_verification", self.urls.events, JSON, json.dumps(body).encode(), body)
        answer = response.text.strip() if isinstance(response, _AppResponse) and response.status == 200 else ""
        if isinstance(response, _AppResponse) and response.type == JSON and answer:
            answer = json.loads(answer).get("challenge")
        if answer != challenge:
            raise ControlError("Your URL didn't respond with the value of the challenge parameter.")
        self.verified = True
        self.connected()

    async def close(self) -> None:
        self.forget_deliveries()
        if self._session is not None:
            await self._session.close()

    async def send_event(self, payload: Json, attempt: Attempt) -> Acknowledgement:
        headers: dict[str, str] = {}
        if attempt.number:
            headers = {"x-slack-retry-num": str(attempt.number), "x-slack-retry-reason": attempt.reason}
        body = json.dumps(payload).encode()
        response, seconds = await self._post("events_api", self.urls.events, JSON, body, payload, headers)
        if isinstance(response, str):
            return Acknowledgement(acknowledged=False, seconds=seconds, reason=response)
        good = 200 <= response.status < 300
        retry = good or response.headers.get("x-slack-no-retry") != "1"
        return Acknowledgement(acknowledged=good, seconds=seconds, reason="http_error", retry=retry)

    async def send_interaction(
        self, kind: str, payload: Json, *, accepts_response_payload: bool = False
    ) -> Acknowledgement:
        """POST an interaction or a command; anything but a readable 200 is a failure."""
        name, url = self._where(kind, payload)
        form = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
        response, seconds = await self._post(name, url, FORM, urlencode(form).encode(), payload)
        if isinstance(response, str) or response.status != 200:
            return Acknowledgement(acknowledged=False, seconds=seconds)
        try:
            answer = _answer(response, plain=kind == "slash_commands")
        except ValueError:
            return Acknowledgement(acknowledged=False, seconds=seconds)
        return Acknowledgement(acknowledged=True, seconds=seconds, payload=answer if accepts_response_payload else None)

    def _where(self, kind: str, payload: Json) -> tuple[str, str]:
        """The name in the journal, and the URL."""
        if kind == "slash_commands":
            return kind, self.urls.commands.get(payload["command"], "")
        if payload["type"] == "block_suggestion":
            return "options", self.urls.options
        return kind, self.urls.interactions

    async def _post(
        self, name: str, url: str, content_type: str, body: bytes, payload: Json, more: dict[str, str] | None = None
    ) -> tuple[_AppResponse | str, float]:
        """The app's response, or Slack's name for the failure; and the seconds it took."""
        arguments: Json = {"url": url, "headers": more or {}, "body": payload}
        call = self.control.begin("slack", f"http:{name}", url, arguments)
        started = time.monotonic()
        response: _AppResponse | str = "unknown_error"
        try:
            response = await self._request(url, content_type, body, more or {})
        finally:
            status, text = (response.status, response.text) if isinstance(response, _AppResponse) else (None, response)
            self.control.finish(call, status, text)
        return response, time.monotonic() - started

    async def _request(self, url: str, content_type: str, body: bytes, more: dict[str, str]) -> _AppResponse | str:
        if not url:
            return "unknown_error"  # no URL is configured: the person sees that the app did not respond
        at = str(int(time.time()))
        headers = {
            "Content-Type": content_type,
            "User-Agent": AGENT,
            "X-Slack-Request-Timestamp": at,
            "X-Slack-Signature": signature(self.signing_secret, at, body),
            **more,
        }
        self._session = self._session or aiohttp.ClientSession()
        try:
            async with (
                asyncio.timeout(self.ack_seconds),
                self._session.post(url, data=body, headers=headers, max_redirects=MOST_REDIRECTS) as response,
            ):
                return _AppResponse(response.status, response.headers, response.content_type, await response.text())
        except TimeoutError:
            return "http_timeout"
        except aiohttp.TooManyRedirects:
            return "too_many_redirects"
        except aiohttp.ClientSSLError:
            return "ssl_error"
        except aiohttp.ClientConnectionError:
            return "connection_failed"
        except (aiohttp.ClientError, UnicodeDecodeError):
            return "unknown_error"


def _answer(response: _AppResponse, *, plain: bool) -> Any:
    """The payload of an acknowledgement: None, an object, or text for a command (`plain`). Raises ValueError."""
    if not response.text:
        return None
    if plain and response.type != JSON:
        return response.text
    answer: object = json.loads(response.text)
    if not isinstance(answer, dict):
        raise ValueError("an acknowledgement is an object")  # noqa: TRY004  as with text that is no JSON at all
    return cast(Json, answer)
