"""The sandbox's Datadog, running, with one case and somebody to call it."""

from collections.abc import AsyncIterator

import httpx
import pytest

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
