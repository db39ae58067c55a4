"""The few calls we make to Datadog, and how they fail.

Facts: docs.datadoghq.com/api/latest/case-management and datadog-api-client 2.62. Error bodies come as strings or
objects on any endpoint, a 429 even as HTML; so nothing here relies on the shape of a refusal.
"""

import asyncio
import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from bot import metrics
from bot.config.credentials import Credentials

RESET_CAP = 3600.0
"""No rate limit is believed for longer than an hour."""
EPOCH_FROM = 1_000_000_000
"""X-RateLimit-Reset is seconds until the reset; larger values have been seen as an epoch."""


@dataclass(frozen=True, slots=True)
class Triple:
    """An insight as Datadog keeps it: its three fields, as strings."""

    type: str
    resource_id: str
    ref: str


@dataclass(frozen=True, slots=True)
class DatadogCase:
    """A case as Datadog tells of it. `insights` is None where the answer did not list them."""

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
    """How Datadog answered: the status, its words where it refused, and its clock (epoch s) if it told the time."""

    status: int
    words: str
    at: float | None


class DatadogTransient(Exception):
    """Not now: time-out, broken connection, 408, 429, 5xx. `after`: seconds that Datadog asks for, if it does.

    `sent`: the request may have been carried out nevertheless.
    """

    def __init__(
        self, why: TransientReason, status: int | None, *, after: float | None = None, sent: bool = True
    ) -> None:
        super().__init__(f"Datadog: {why.value} ({status})")
        self.why, self.status, self.after, self.sent = why, status, after, sent


class DatadogPermanent(Exception):
    """Datadog will not do it: 4xx. `words` are its own."""

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


class _Case(BaseModel):
    data: _Data


class _Cases(BaseModel):
    data: list[_Data]


class Datadog:
    """One organisation's API. One connection pool; every request ends within `timeout` seconds.

    `renewed` reads the credentials again where they came from, once they are refused; None: they cannot be read.
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
        """The case with this UUID or key; raises Refused (404: there is none) or Later."""
        return _case(await self._call("GET", f"/api/v2/cases/{case}"))

    async def search(self, text: str, *, within: float) -> list[DatadogCase]:
        """Up to 20 cases whose title or description has these words; raises Refused, or Later after so many seconds."""
        words = " ".join(re.findall(r"[\w.-]+", text))
        query = urlencode({"filter": words, "page[size]": 20})
        answer = await self.read(f"/api/v2/cases?{query}", within=within)
        try:
            return [_told(each) for each in _Cases.model_validate_json(answer).data]
        except ValidationError as error:
            raise DatadogTransient(TransientReason.SILENT, 200) from error

    async def add(self, case_id: str, insights: Sequence[Triple]) -> DatadogCase:
        """Put 1 to 100 insights on a case; the answer is the whole case."""
        return _case(await self._call("PUT", f"/api/v2/cases/{case_id}/insights", _body(insights)))

    async def remove(self, case_id: str, insights: Sequence[Triple]) -> DatadogCase:
        """Take insights off a case, named by exactly the fields they were put with."""
        return _case(await self._call("DELETE", f"/api/v2/cases/{case_id}/insights", _body(insights)))

    async def comment(self, case_id: str, text: str) -> None:
        """Say something on a case. Datadog keeps every call's: one whose answer got lost must not be repeated."""
        body = {"data": {"type": "case", "attributes": {"comment": text}}}
        await self._call("POST", f"/api/v2/cases/{case_id}/comment", body)

    async def read(self, path: str, *, within: float) -> bytes:
        """What a path answers; raises Refused, or Later after so many seconds."""
        try:
            async with asyncio.timeout(within):
                return (await self._call("GET", path, within=within)).content
        except TimeoutError as error:
            raise DatadogTransient(TransientReason.SILENT, None) from error

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None, *, within: float) -> Answer:
        """How Datadog answers, refusals included; raises Later only where it does not answer in so many seconds."""
        try:
            async with asyncio.timeout(within):
                answer = await self._send(method, path, body, within)
        except TimeoutError as error:
            raise DatadogTransient(TransientReason.SILENT, None) from error
        return Answer(answer.status_code, "" if answer.is_success else _words(answer), _date(answer))

    async def keys_are_valid(self) -> bool:
        """Whether Datadog accepts both keys; raises Later when it does not say."""
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
        answer = await self._send(method, path, body, within)
        if answer.status_code in (401, 403) and await self._renew(used):  # it was refused, so it can be sent again
            answer = await self._send(method, path, body, within)
        if answer.status_code == 429:
            raise DatadogTransient(TransientReason.RATE_LIMITED, 429, after=_reset(answer), sent=False)
        if answer.status_code == 408 or answer.status_code >= 500 or answer.is_redirect:
            raise DatadogTransient(TransientReason.SILENT, answer.status_code, after=_reset(answer))
        if answer.status_code >= 400:
            raise DatadogPermanent(answer.status_code, _words(answer))
        return answer

    async def _renew(self, refused: Credentials) -> bool:
        """Whether there are others now than those that were refused."""
        if self._credentials == refused:
            self._credentials = await asyncio.to_thread(self._renewed) or refused
        return self._credentials != refused

    async def _send(self, method: str, path: str, body: dict[str, Any] | None, within: float | None) -> httpx.Response:
        asked = self._client.build_request(
            method, path, json=body, headers=self._credentials.headers(), timeout=within or self._client.timeout
        )
        try:
            return await self._client.send(asked)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise DatadogTransient(TransientReason.SILENT, None, sent=False) from error
        except httpx.HTTPError as error:
            raise DatadogTransient(TransientReason.SILENT, None) from error


def _body(insights: Sequence[Triple]) -> dict[str, Any]:
    rows = [{"type": each.type, "resource_id": each.resource_id, "ref": each.ref} for each in insights]
    return {"data": {"type": "case", "attributes": {"insights": rows}}}


def _case(answer: httpx.Response) -> DatadogCase:
    """The case in an answer; one that cannot be read tells nothing, so it counts as no answer."""
    try:
        data = _Case.model_validate_json(answer.content).data
    except ValidationError as error:
        raise DatadogTransient(TransientReason.SILENT, answer.status_code) from error
    return _told(data)


def _told(data: _Data) -> DatadogCase:
    told = data.attributes
    closed = told.status_group == "SG_CLOSED" if told.status_group else told.status == "CLOSED"
    insights = None
    if told.insights is not None:
        insights = tuple(Triple(each.type, each.resource_id, each.ref) for each in told.insights)
    return DatadogCase(data.id.lower(), told.key or data.id, told.title, closed, told.archived_at is not None, insights)


def _reset(answer: httpx.Response) -> float | None:
    """Seconds until Datadog wants to be asked again, if it says: X-RateLimit-Reset, else Retry-After."""
    for name in ("x-ratelimit-reset", "retry-after"):
        try:
            said = float(answer.headers[name])
        except (KeyError, ValueError):
            continue
        if not math.isfinite(said):
            continue
        if said >= EPOCH_FROM:
            said -= _server_time(answer)
        return min(max(said, 0.0), RESET_CAP)
    return None


def _server_time(answer: httpx.Response) -> float:
    """When the answer was made, epoch s: by its Date header, else by our clock."""
    at = _date(answer)
    return time.time() if at is None else at


def _date(answer: httpx.Response) -> float | None:
    try:
        return parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None


def _words(answer: httpx.Response) -> str:
    """Datadog's own words, from whatever shape its errors have."""
    try:
        errors: Any = answer.json().get("errors", [])
    except (ValueError, AttributeError):
        return f"HTTP {answer.status_code}"
    found = [_error_words(each) for each in errors] if isinstance(errors, list) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return "; ".join(word for word in found if word) or f"HTTP {answer.status_code}"


def _error_words(error: Any) -> str:
    if isinstance(error, str):
        return error
    if isinstance(error, dict):
        named: dict[str, Any] = error  # pyright: ignore[reportUnknownVariableType]
        return str(named.get("detail") or named.get("title") or named.get("code") or "")
    return ""
