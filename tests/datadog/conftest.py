"""The sandbox's Datadog with one case, and the bot's client for it."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from bot.config.credentials import Keys
from bot.datadog.client import Datadog
from bot.sandbox.datadog.server import DatadogServer

KEY = "CASEM-4523"
GOOD = Keys(SecretStr("sandbox-api-key"), SecretStr("sandbox-app-key"))


@pytest.fixture
async def server() -> AsyncIterator[DatadogServer]:
    async with DatadogServer() as server:
        server.add_case(KEY, "Memory leak investigation on API")
        yield server


@pytest.fixture
async def datadog(server: DatadogServer) -> AsyncIterator[Datadog]:
    client = Datadog(server.url, GOOD, timeout=5)
    yield client
    await client.close()
