"""The sandbox's Datadog, running, with one case; somebody to call it, and Datadog's official client."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ApiException

from bot.sandbox.datadog.server import DatadogServer

KEYS = {"DD-API-KEY": "sandbox-api-key", "DD-APPLICATION-KEY": "sandbox-app-key"}


@pytest.fixture
async def datadog() -> AsyncIterator[DatadogServer]:
    async with DatadogServer() as server:
        server.add_case("CASEM-4523", "Memory leak investigation on API")
        yield server


@pytest.fixture
async def caller(datadog: DatadogServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=datadog.url, headers=KEYS, timeout=5) as client:
        yield client


def configuration(datadog: DatadogServer, api_key: str = "sandbox-api-key") -> Configuration:
    made = Configuration(api_key={"apiKeyAuth": api_key, "appKeyAuth": "sandbox-app-key"}, host=datadog.url)
    # Without this each server of an operation's own list goes before `host`.
    made.server_index = None
    made.request_timeout = 5
    return made


@pytest.fixture
def official(datadog: DatadogServer) -> Iterator[ApiClient]:
    with ApiClient(configuration(datadog)) as client:
        yield client


async def refused(call: Callable[..., Any], *arguments: Any) -> tuple[int, list]:
    with pytest.raises(ApiException) as raised:
        await asyncio.to_thread(call, *arguments)
    return raised.value.status, raised.value.body["errors"]
