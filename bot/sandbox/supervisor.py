"""The bot's life as the page steers it: started, restarted, killed, or ended by itself; both windows hear of it."""

import asyncio
import secrets
from typing import Any

from bot.sandbox.control import ControlError
from bot.sandbox.stage import BotFailed, Stage

Json = dict[str, Any]


class Keeper:
    """Keeps the bot of a running stage. Each change is told as "bot": `{"state": running|starting|stopped}`."""

    def __init__(self, stage: Stage) -> None:
        self.id = secrets.token_hex(6)
        self._stage = stage
        self._state = "running"
        self._one_at_a_time = asyncio.Lock()
        self._watch = asyncio.create_task(self._watch_the_end())

    @property
    def slack_url(self) -> str:
        return self._stage.slack.url

    @property
    def datadog_url(self) -> str:
        return self._stage.datadog.url

    @property
    def bot_state(self) -> Json:
        return {"state": self._state}

    async def do(self, deed: str) -> None:
        """`start`, `restart`, `kill` or `over`: start everything over, as if nobody had been here.

        Raises KeyError for anything else, ControlError when the bot does not start.
        """
        deeds = {"start": self._start, "restart": self._restart, "kill": self._kill, "over": self._start_over}
        act = deeds[deed]
        async with self._one_at_a_time:
            await act()

    async def close(self) -> None:
        self._watch.cancel()
        await asyncio.gather(self._watch, return_exceptions=True)

    async def _start(self) -> None:
        if self._stage.bot.runs:
            return
        self._become("starting")
        try:
            await self._stage.start_bot()
        except (BotFailed, TimeoutError) as error:
            await self._stage.bot.kill()
            self._become("stopped")
            raise ControlError(f"The bot did not start: {error}") from error
        self._become("running")
        self._watch = asyncio.create_task(self._watch_the_end())

    async def _restart(self) -> None:
        await self.close()
        self._become("starting")
        await self._stage.bot.stop()
        await self._start()

    async def _start_over(self) -> None:
        # With what it remembers, the bot would know cases that are not there any more.
        await self._kill()
        self._stage.forget()
        await self._start()

    async def _kill(self) -> None:
        await self.close()
        await self._stage.bot.kill()
        self._become("stopped")

    async def _watch_the_end(self) -> None:
        await self._stage.bot.wait()
        self._become("stopped")

    def _become(self, state: str) -> None:
        self._state = state
        self._stage.control.tell("bot", self.bot_state)
