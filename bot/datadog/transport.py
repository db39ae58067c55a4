"""How a call to Datadog is made: one pool of connections, time limits, circuit breakers, and keys that are renewed."""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import structlog

from bot import metrics
from bot.breaker import CircuitBreaker
from bot.config import network
from bot.config.credentials import Credentials
from bot.datadog.errors import (
    DatadogPermanent,
    DatadogTransient,
    TransientReason,
    date_of,
    retry_after_of,
    words_of,
)

PROBE_SECONDS = 60.0
"""How often refused credentials are tried again."""
CONNECTIONS = 64
"""More than jobs, titles and searches together have places for: nobody waits for another's, or opens one per call."""
PAUSE_SECONDS = 5.0
"""After a 429 that does not say until when."""
LARGEST_BODY = 8 * 1024 * 1024
"""Bytes, unpacked: what is larger is not read. A dashboard has some hundred thousand."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of an answer, Datadog's words where it refused, and its clock (epoch s; None: it did not say)."""

    status: int
    words: str
    at: float | None
    content: bytes


class DatadogTransport:
    """One organisation's API. One connection pool; every request ends within `timeout` seconds.

    `renewed`: reads the credentials again from their source when Datadog refuses them; None: they cannot be read.
    `probe`: seconds after which refused credentials are tried again; `clock`: monotonic. Cases, searches and titles
    have a circuit breaker each: when one is silent, the others may answer.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        timeout: float,
        renewed: Callable[[], Credentials | None] = lambda: None,
        probe: float = PROBE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credentials = credentials
        self._renewed = renewed
        self._probe = probe
        self._validating, self._validated_at, self._valid = asyncio.Lock(), -math.inf, True
        self.keys_accepted_once = False
        self.silence = ""
        """Why the last call got no answer, in words; empty: it got one."""
        self._clock, self._timeout = clock, timeout
        self.cases, self._searches, self.titles = (CircuitBreaker(clock) for _ in range(3))
        self._client = httpx.AsyncClient(
            base_url=url,
            verify=network.certificates(),
            proxy=network.proxy_for(url),
            trust_env=False,
            timeout=timeout,
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            headers={"Accept": "application/json", "User-Agent": "case-insights"},
            follow_redirects=False,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None, *, within: float) -> Answer:
        """How Datadog answers, refusals included; raises DatadogTransient if it does not within this many seconds."""
        response = await self._send(method, path, body, within)
        words = "" if response.is_success else words_of(response)
        return Answer(response.status_code, words, date_of(response), response.content)

    async def check_keys(self) -> None:
        """Ask whether Datadog accepts the keys; `keys_refused` tells. Raises DatadogTransient when it does not say."""
        await self._validate(self._clock())

    @property
    def keys_refused(self) -> bool:
        """Whether Datadog refused them last, whichever call found it out."""
        return not self._valid

    async def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        within: float | None = None,
        breaker: CircuitBreaker | None = None,
    ) -> httpx.Response:
        """A call that its circuit breaker lets through; what comes of it may open that."""
        breaker = breaker or self.cases
        wait = breaker.admit()
        if wait:
            raise DatadogTransient(TransientReason(breaker.reason), None, after=wait, sent=False, tried=False)
        began = self._clock()
        try:
            response = await self._counted(method, path, body, within)
        except DatadogTransient as error:
            if error.status is None:
                breaker.silent(error.why)
            else:
                breaker.answered()
            if error.why is TransientReason.RATE_LIMITED:
                breaker.open(PAUSE_SECONDS if error.after is None else error.after, error.why)
            raise
        except DatadogPermanent as refused:
            breaker.answered()
            if refused.status in (401, 403):
                await self._check_keys(refused.status, began)
            raise
        breaker.answered()
        self._accepted()
        return response

    async def _check_keys(self, status: int, began: float) -> None:
        """Raises DatadogTransient where the keys themselves are refused: then nothing is called for a while."""
        try:
            await self._validate(began)
        except DatadogTransient as error:
            raise error.about(sent=False) from error
        if not self._valid:
            raise DatadogTransient(TransientReason.CREDENTIALS, status, after=self._probe, sent=False)

    async def _validate(self, began: float) -> None:
        """Ask about the keys, unless another call has asked since `began`: of many that were refused at once, one."""
        async with self._validating:
            if self._validated_at >= began:
                return
            try:
                await self._counted("GET", "/api/v2/validate_keys", None, None)
            except DatadogPermanent as refused:
                if self._valid:
                    log.error(
                        "datadog.credentials_refused",
                        url=str(self._client.base_url),
                        status=refused.status,
                        next="case-insights doctor says which key is wrong, or that the site is",
                    )
                self._valid = False
                for breaker in (self.cases, self._searches, self.titles):
                    breaker.open(self._probe, TransientReason.CREDENTIALS)
            else:
                self._accepted()
            self._validated_at = self._clock()

    def _accepted(self) -> None:
        if not self._valid:
            log.info("datadog.credentials_accepted", url=str(self._client.base_url))
        self._valid = self.keys_accepted_once = True

    async def _counted(
        self, method: str, path: str, body: dict[str, Any] | None, within: float | None
    ) -> httpx.Response:
        kind = path.split("/")[3].partition("?")[0]  # cases, monitor, validate_keys …: what follows /api/v2
        with metrics.counted("datadog", f"{method} {kind}", DatadogTransient):
            return await self._answer(method, path, body, within)

    async def _answer(
        self, method: str, path: str, body: dict[str, Any] | None, within: float | None
    ) -> httpx.Response:
        used = self._credentials
        response = await self._send(method, path, body, within)
        if response.status_code in (401, 403) and await self._renew(used):  # refused, so it can be sent again
            response = await self._send(method, path, body, within)
        status = response.status_code
        if status == 429:
            raise DatadogTransient(TransientReason.RATE_LIMITED, 429, after=retry_after_of(response), sent=False)
        if status == 408 or status >= 500 or response.is_redirect:
            raise DatadogTransient(TransientReason.SILENT, status, after=retry_after_of(response))
        if status >= 400:
            raise DatadogPermanent(status, words_of(response))
        return response

    async def _renew(self, refused: Credentials) -> bool:
        """Whether the credentials are now others than the refused ones."""
        if self._credentials == refused:
            self._credentials = await asyncio.to_thread(self._renewed) or refused
        return self._credentials != refused

    async def _send(self, method: str, path: str, body: dict[str, Any] | None, within: float | None) -> httpx.Response:
        request = self._client.build_request(
            method, path, json=body, headers=self._credentials.headers(), timeout=within or self._client.timeout
        )
        try:
            async with asyncio.timeout(within):
                response = await _with_body(await self._client.send(request, stream=True), self._timeout)
        except (TimeoutError, httpx.HTTPError) as error:
            sent = not isinstance(
                error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
            )
            self.silence = network.cause_of(error, str(self._client.base_url))
            raise DatadogTransient(TransientReason.SILENT, None, sent=sent) from error
        self.silence = ""
        return response


async def _with_body(response: httpx.Response, seconds: float) -> httpx.Response:
    """The answer with its body, unpacked. The status says what was done: only a read fails for want of its body."""
    content = bytearray()
    try:
        async with contextlib.aclosing(response), asyncio.timeout(seconds):
            async for part in response.aiter_bytes():
                content += part
                if len(content) > LARGEST_BODY:
                    content.clear()
                    break
    except (httpx.HTTPError, TimeoutError):
        if response.is_success and response.request.method == "GET":
            raise
    headers = [(name, value) for name, value in response.headers.multi_items() if name != "content-encoding"]
    return httpx.Response(response.status_code, headers=headers, content=bytes(content))
