"""Behind a company's proxy that opens TLS: every call takes it, and what is wrong there is named."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bot.ops.doctor import as_text, examine
from tests.e2e.bench import PUT, Bench
from tests.e2e.company import Company


@pytest.fixture
async def company(own: Bench, tmp_path: Path) -> AsyncIterator[Company]:
    """The bench's bot reaches both servers through the proxy alone."""
    servers = {"slack.test": own.slack.url, "datadog.test": own.datadog.url}
    targets = {name: "{0.scheme}://{0.netloc}".format(urlsplit(url)) for name, url in servers.items()}
    async with Company(targets, tmp_path).open() as company:
        await own.kill()
        urls = {name: url.replace(targets[name], f"https://{name}") for name, url in servers.items()}
        own.bot.env |= {"SLACK_API_URL": urls["slack.test"], "DD_API_URL": urls["datadog.test"]}
        own.bot.env |= {"HTTPS_PROXY": company.proxy, "SSL_CERT_FILE": str(company.authority)}
        yield company


async def test_calls_websocket_and_private_answers_all_take_the_proxy(own: Bench, company: Company) -> None:
    await own.start()
    root, card = await own.offer(1)
    await own.tick(card, "U0ANA")
    await own.click(card, "insights.add")
    assert "Tick at least one" in await own.answer_to("U0ANA")
    await own.tick(card, "U0ANA", 1)
    await own.click(card, "insights.add")
    await own.card(root, "Added to CASEM-4523")
    assert own.calls(PUT)
    assert set(company.asked) == {"slack.test", "datadog.test"}


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ({"SSL_CERT_FILE": ""}, "its certificate is not trusted"),
        ({"HTTPS_PROXY": "http://127.0.0.1:1"}, "the connection was refused, by way of the proxy 127.0.0.1:1"),
        ({"HTTPS_PROXY": ""}, "its name cannot be resolved"),
    ],
    ids=["certificate", "proxy", "name"],
)
async def test_what_is_wrong_with_the_way_is_named(
    own: Bench, company: Company, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str], cause: str
) -> None:
    settings = {**own.bot.env, **wrong}
    for name in ("HTTPS_PROXY", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, settings.pop(name))
    told = as_text(await examine(settings, within=20.0))
    assert re.search(rf"slack-token .*{re.escape(cause)}", told), told
    assert re.search(rf"datadog-keys .*{re.escape(cause)}", told), told
