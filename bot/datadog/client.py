"""The few calls we make to Datadog, and how they fail.

Facts: docs.datadoghq.com/api/latest/case-management and datadog-api-client 2.62. Error bodies come as strings or
objects on any endpoint, a 429 even as HTML; so nothing here relies on the shape of a refusal.
"""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, cast
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from bot import metrics, retry_after
from bot.config.credentials import Credentials


@dataclass(frozen=True, slots=True)
class Triple:
    """An insight as Datadog keeps it: its three fields, as strings."""

    type: str
    resource_id: str
    ref: str


@dataclass(frozen=True, slots=True)
class DatadogCase:
    """A case. `insights`: None where the answer did not list them."""

    id: str
    key: str
    title: str
    closed: bool
    archived: bool
    insights: tuple[Triple, ...] | None


class TransientReason(StrEnum):
    """Why Datadog did not do it now."""

    SILENT = "silent"
    RATE_LIMITED = "rate_limited"


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of an answer, Datadog's words where it refused, and its clock (epoch s; None: it did not say)."""

    status: int
    words: str
    at: float | None


class DatadogTransient(Exception):
    """Not now: time-out, broken connection, 408, 429, 5xx. `after`: seconds that Datadog asks us to wait, if it does.

    `sent`: the request may have been carried out all the same.
    """

    def __init__(
        self, why: TransientReason, status: int | None, *, after: float | None = None, sent: bool = True
    ) -> None:
        super().__init__(f"Datadog: {why.value} ({status})")
        self.why, self.status, self.after, self.sent = why, status, after, sent


class DatadogPermanent(Exception):
    """Datadog refuses: 4xx. `words`: its own."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"Datadog refused ({status}): {words}")
        self.status, self.words = status, words


class _Insight(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)
    type: str
    resource_id: str
    ref: str = ""


class _Attributes(BaseModel):
    """Nulls are omitted by Datadog, and recorded values exceed its enums: nothing is validated strictly."""

    model_config = ConfigDict(extra="ignore")
    key: str = ""
    title: str = ""
    status_group: str | None = None
    status: str | None = None
    archived_at: str | None = None
    insights: list[_Insight] | None = None


class _Data(BaseModel):
    id: str
    attributes: _Attributes


class _CaseBody(BaseModel):
    data: _Data


class _CasesBody(BaseModel):
    data: list[_Data]


class Datadog:
    """One organisation's API. One connection pool; every request ends within `timeout` seconds.

    `renewed`: reads the credentials again from their source when Datadog refuses them; None: they cannot be read.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        timeout: float,
        renewed: Callable[[], Credentials | None] = lambda: None,
    ) -> None:
        self._credentials = credentials
        self._renewed = renewed
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=timeout,
            headers={"Accept": "application/json", "User-Agent": "case-insights"},
            follow_redirects=False,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def case(self, case: str) -> DatadogCase:
        """The case with this UUID or key; raises DatadogPermanent (404: there is none)."""
        return _case(await self._call("GET", f"/api/v2/cases/{case}"))

    async def search(self, text: str, *, within: float) -> list[DatadogCase]:
        """Up to 20 cases with these words in title or description; raises DatadogTransient after `within` seconds."""
        words = " ".join(re.findall(r"[\w.-]+", text))
        query = urlencode({"filter": words, "page[size]": 20})
        body = await self.read(f"/api/v2/cases?{query}", within=within)
        try:
            return [_as_case(data) for data in _CasesBody.model_validate_json(body).data]
        except ValidationError as error:
            raise DatadogTransient(TransientReason.SILENT, 200) from error

    async def add(self, case_id: str, insights: Sequence[Triple]) -> DatadogCase:
        """Put 1 to 100 insights on a case; the whole case."""
        return _case(await self._call("PUT", f"/api/v2/cases/{case_id}/insights", _body(insights)))

    async def remove(self, case_id: str, insights: Sequence[Triple]) -> DatadogCase:
        """Take insights off a case; all three fields must be those they were added with."""
        return _case(await self._call("DELETE", f"/api/v2/cases/{case_id}/insights", _body(insights)))

    async def comment(self, case_id: str, text: str) -> None:
        """Comment on a case. Each call adds a comment: one whose answer was lost must not be repeated."""
        body = {"data": {"type": "case", "attributes": {"comment": text}}}
        await self._call("POST", f"/api/v2/cases/{case_id}/comment", body)

    async def read(self, path: str, *, within: float) -> bytes:
        """The body of an answer; raises DatadogTransient after `within` seconds."""
        try:
            async with asyncio.timeout(within):
                return (await self._call("GET", path, within=within)).content
        except TimeoutError as error:
            raise DatadogTransient(TransientReason.SILENT, None) from error

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None, *, within: float) -> Answer:
        """How Datadog answers, refusals included; raises DatadogTransient if it does not within this many seconds."""
        try:
            async with asyncio.timeout(within):
                response = await self._send(method, path, body, within)
        except TimeoutError as error:
            raise DatadogTransient(TransientReason.SILENT, None) from error
        return Answer(response.status_code, "" if response.is_success else _words(response), _date(response))

    async def keys_are_valid(self) -> bool:
        """Whether Datadog accepts both keys; raises DatadogTransient when it does not say."""
        try:
            await self._call("GET", "/api/v2/validate_keys")
        except DatadogPermanent:
            return False
        return True

    async def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, within: float | None = None
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
            raise DatadogTransient(TransientReason.RATE_LIMITED, 429, after=_retry_after(response), sent=False)
        if status == 408 or status >= 500 or response.is_redirect:
            raise DatadogTransient(TransientReason.SILENT, status, after=_retry_after(response))
        if status >= 400:
            raise DatadogPermanent(status, _words(response))
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
            return await self._client.send(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise DatadogTransient(TransientReason.SILENT, None, sent=False) from error
        except httpx.HTTPError as error:
            raise DatadogTransient(TransientReason.SILENT, None) from error


def _body(insights: Sequence[Triple]) -> dict[str, Any]:
    return {"data": {"type": "case", "attributes": {"insights": [asdict(insight) for insight in insights]}}}


def _case(response: httpx.Response) -> DatadogCase:
    """The case in an answer; an unreadable answer tells nothing, so it counts as none."""
    try:
        return _as_case(_CaseBody.model_validate_json(response.content).data)
    except ValidationError as error:
        raise DatadogTransient(TransientReason.SILENT, response.status_code) from error


def _as_case(data: _Data) -> DatadogCase:
    case = data.attributes
    closed = case.status_group == "SG_CLOSED" if case.status_group else case.status == "CLOSED"
    insights = None
    if case.insights is not None:
        insights = tuple(Triple(insight.type, insight.resource_id, insight.ref) for insight in case.insights)
    return DatadogCase(data.id.lower(), case.key or data.id, case.title, closed, case.archived_at is not None, insights)


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds. X-RateLimit-Reset is seconds until the reset, but has been seen as an epoch too."""
    now = _date(response) or time.time()
    waits = (
        retry_after.seconds(response.headers.get(name), epoch_now=now) for name in ("x-ratelimit-reset", "retry-after")
    )
    return next((wait for wait in waits if wait is not None), None)


def _date(response: httpx.Response) -> float | None:
    """When the answer was made, epoch s, by Datadog's clock."""
    try:
        return parsedate_to_datetime(response.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None


def _words(response: httpx.Response) -> str:
    """Datadog's own words, whatever the shape of its errors."""
    try:
        errors: Any = response.json().get("errors", [])
    except (ValueError, AttributeError):
        errors = None
    words = map(_error_words, cast(list[Any], errors if isinstance(errors, list) else []))
    return "; ".join(filter(None, words)) or f"HTTP {response.status_code}"


def _error_words(error: Any) -> str:
    if isinstance(error, dict):
        fields = cast(dict[str, Any], error)
        return str(fields.get("detail") or fields.get("title") or fields.get("code") or "")
    return error if isinstance(error, str) else ""
