"""The sandbox's page in a real Chromium: a test fails on a console error or a request beyond this machine."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from bot.sandbox.interactive import InteractiveSandbox, interactive_sandbox
from bot.sandbox.sandbox import Sandbox
from bot.slack.manifest import app_manifest
from bot.store import Store
from bot.store.transaction import Transaction
from tests.browser.window import Window
from tests.e2e.bench import forget, handled

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_MS = 30_000
LOOK = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
"""Of each window by default. Without animations, which no test looks at."""

NewWindow = Callable[..., Awaitable[Window]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker("browser")


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Any]:
    api = pytest.importorskip("playwright.async_api", reason="playwright is not installed (extra: test)")
    chromium = next((path for name in CHROMIUMS if (path := shutil.which(name))), None)
    if chromium is None:
        pytest.skip(f"no Chromium found: none of {', '.join(CHROMIUMS)} is on the PATH")
    api.expect.set_options(timeout=PATIENCE_MS)
    # Chromium's own sandbox does not start as root, which is what containers run as.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with api.async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield running
        await running.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def interactive() -> AsyncIterator[InteractiveSandbox]:
    async with interactive_sandbox(app_manifest(reaction=True)) as running:
        yield running


@pytest.fixture
async def sandbox(interactive: InteractiveSandbox) -> Sandbox:
    """The sandbox as it opens, whatever the last test did to it."""
    sandbox, control = interactive.sandbox, interactive.sandbox.control
    control.clear_rules()
    control.release()
    await interactive.supervisor.do("start")
    await handled(sandbox.slack, sandbox.bot)
    control.reset()
    async with transaction(sandbox) as tx:
        await forget(tx)
    return sandbox


@contextlib.asynccontextmanager
async def transaction(sandbox: Sandbox) -> AsyncIterator[Transaction]:
    """A transaction in the bot's database."""
    store = Store(sandbox.bot.env["DATABASE_URL"])
    async with store.write(patience=5.0) as tx:
        yield tx
    await store.close()


@pytest.fixture
def watch() -> Iterator[Callable[[Any], None]]:
    """Give it a page: errors on it fail the test at its end."""
    wrong: list[str] = []
    listeners = {
        "console": lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None,
        "pageerror": lambda error: wrong.append(str(error)),
        "request": lambda request: None if _is_here(request.url) else wrong.append(f"asked {request.url}"),
    }
    pages: list[Any] = []

    def listen(page: Any) -> None:
        pages.append(page)
        for event, listener in listeners.items():
            page.on(event, listener)

    yield listen
    for page in pages:
        for event, listener in listeners.items():
            page.remove_listener(event, listener)
    assert wrong == []


@pytest.fixture
async def new_window(
    browser: Any, sandbox: Sandbox, interactive: InteractiveSandbox, watch: Callable[[Any], None]
) -> AsyncIterator[NewWindow]:
    """Opens the page in a browser of its own."""
    contexts: list[Any] = []

    async def open_one(person: str | None = None, **context: Any) -> Window:
        contexts.append(await browser.new_context(**{**LOOK, **context}))
        return await _opened(await contexts[-1].new_page(), interactive.url, watch, person)

    yield open_one
    for context in contexts:
        await context.close()


@pytest.fixture(scope="session")
async def shared_page(browser: Any) -> AsyncIterator[Any]:
    """For tests with one window: a new browser context for each would be a new process for each."""
    context = await browser.new_context(**LOOK)
    yield await context.new_page()
    await context.close()


@pytest.fixture
async def window(
    shared_page: Any, sandbox: Sandbox, interactive: InteractiveSandbox, watch: Callable[[Any], None]
) -> AsyncIterator[Window]:
    """A window that remembers nothing of the last test."""
    yield await _opened(shared_page, interactive.url, watch)
    await shared_page.evaluate("sessionStorage.clear()")
    await shared_page.goto("about:blank")


async def _opened(page: Any, url: str, watch: Callable[[Any], None], person: str | None = None) -> Window:
    watch(page)
    await page.goto(url)
    await page.locator(".message").first.wait_for()
    window = Window(page)
    if person:
        await window.speak_as(person)
    return window


def _is_here(url: str) -> bool:
    return urlsplit(url).hostname == "127.0.0.1"
