"""HTTP mode: Slack signs what it has to say and POSTs it to the app's request URLs.

https://docs.slack.dev/apis/events-api#responding, https://docs.slack.dev/authentication/verifying-requests-from-slack,
https://docs.slack.dev/interactivity/handling-user-interaction. Each request is one journalled call of the service
"slack", named `http:events_api`, `http:interactive`, `http:options` or `http:slash_commands`; its arguments are
`{"url", "headers", "body"}`, with those headers that say that it is a repetition.
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
from bot.sandbox.slack.outbox import Acknowledgement, Outbox, Try

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
    """Where the manifest says that the app listens; "" where it says nothing."""

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
            commands={each["command"]: each.get("url", "") for each in commands},
        )


@dataclass(frozen=True, slots=True)
class _Said:
    """What the app answered within the time there was."""

    status: int
    headers: Mapping[str, str]
    type: str
    text: str


class HttpMode(Outbox):
    """Slack's end of the app's request URLs. Events go once the app has answered the challenge: see `verify`."""

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
        """What happens when a request URL is saved: the app must send back a challenge. Raises ControlError."""
        challenge = secrets.token_hex(20)
        body = {"token": "sandbox", "challenge": challenge, "type": "url_verification"}
        said, _ = await self._post("url_verification", self.urls.events, JSON, json.dumps(body).encode(), body)
        told = said.text.strip() if isinstance(said, _Said) and said.status == 200 else ""
        if isinstance(said, _Said) and said.type == JSON and told:
            told = json.loads(told).get("challenge")
        if told != challenge:
            raise ControlError("Your URL didn't respond with the value of the challenge parameter.")
        self.verified = True
        self.arrived()

    async def close(self) -> None:
        self.forget_deliveries()
        if self._session is not None:
            await self._session.close()

    async def attempt(self, payload: Json, this: Try) -> Acknowledgement:
        retry = {"x-slack-retry-num": str(this.number), "x-slack-retry-reason": this.reason} if this.number else {}
        body = json.dumps(payload).encode()
        said, seconds = await self._post("events_api", self.urls.events, JSON, body, payload, retry)
        if isinstance(said, str):
            return Acknowledgement(acknowledged=False, seconds=seconds, reason=said)
        good = 200 <= said.status < 300
        again = good or said.headers.get("x-slack-no-retry") != "1"
        return Acknowledgement(acknowledged=good, seconds=seconds, reason="http_error", again=again)

    async def ask(self, kind: str, payload: Json, *, accepts_response_payload: bool = False) -> Acknowledgement:
        """POST an interaction or a command; anything but a 200 that can be read is a failure to the person."""
        name, url = self._where(kind, payload)
        form = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
        said, seconds = await self._post(name, url, FORM, urlencode(form).encode(), payload)
        if isinstance(said, str) or said.status != 200:
            return Acknowledgement(acknowledged=False, seconds=seconds)
        try:
            answer = _answer(said, plain=kind == "slash_commands")
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
    ) -> tuple[_Said | str, float]:
        """What the app answered, or the word for what went wrong; and after how many seconds."""
        arguments: Json = {"url": url, "headers": more or {}, "body": payload}
        call = self.control.begin("slack", f"http:{name}", url, arguments)
        started = time.monotonic()
        said: _Said | str = "unknown_error"
        try:
            said = await self._answered(url, content_type, body, more or {})
        finally:
            status, text = (said.status, said.text) if isinstance(said, _Said) else (None, said)
            self.control.finish(call, status, text)
        return said, time.monotonic() - started

    async def _answered(self, url: str, content_type: str, body: bytes, more: dict[str, str]) -> _Said | str:
        if not url:
            return "unknown_error"  # nothing is configured: the person sees that the app did not respond
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
                return _Said(response.status, response.headers, response.content_type, await response.text())
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


def _answer(said: _Said, *, plain: bool) -> Any:
    """What an acknowledgement carries: nothing, an object, or (`plain`: to a command) text. Raises ValueError."""
    if not said.text:
        return None
    if plain and said.type != JSON:
        return said.text
    answer: object = json.loads(said.text)
    if not isinstance(answer, dict):
        raise ValueError("an acknowledgement is an object")  # noqa: TRY004  as with text that is no JSON at all
    return cast(Json, answer)
