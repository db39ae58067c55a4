"""One browser window, and what the person in front of it does."""

import re
from typing import Any


class Window:
    """A window on the sandbox's page. Its attributes are Playwright's locators, which wait by themselves."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.composer = page.get_by_role("textbox", name="Message", exact=True)
        self.card = page.locator(".card").last
        self.insights = page.locator(".insight")
        self.private = page.locator(".private")
        self.pill = page.locator("#bot-pill")

    async def speak_as(self, person: str) -> None:
        await self.page.get_by_label("Speaking as").select_option(label=person)

    async def say(self, text: str) -> None:
        await self.composer.fill(text)
        await self.composer.press("Enter")

    async def choose_in_menu(self, name: str) -> None:
        """Choose this in the ⋯ menu of the newest message."""
        message = self.page.locator(".message", has=self.page.locator(".message-menu")).last
        await message.hover()
        await message.locator("summary").click()
        await message.get_by_role("button", name=name).click()

    async def paste(self, *samples: str) -> None:
        """Press these samples, and send them as one message."""
        samples_shown = self.page.locator("#samples")
        for sample in samples:
            button = samples_shown.get_by_role("button", name=sample, exact=True)
            if await button.count() == 0:
                await samples_shown.locator("summary").click()
            await button.click()
        await self.composer.press("Enter")

    def tick(self, name: str) -> Any:
        return self.card.get_by_role("checkbox", name=re.compile(f"^{name}"))

    def button(self, name: str) -> Any:
        return self.card.get_by_role("button", name=re.compile(f"^{name}"))

    async def trouble(self, name: str) -> None:
        """Open the tray if it is shut, and choose one of its switches."""
        await self._open_tray()
        await self.page.locator(".switch").filter(has=self.page.get_by_text(name, exact=True)).locator("input").click()

    async def to_the_bot(self, action: str) -> None:
        await self._open_tray()
        await self.page.locator("#trouble").get_by_role("button", name=action, exact=True).click()

    async def _open_tray(self) -> None:
        toggle = self.page.locator("#trouble-toggle")
        if await toggle.get_attribute("aria-expanded") == "false":
            await toggle.click()
