"""Starts, restarts, kills and resets the bot for the page, and publishes each change of its state."""

import asyncio
import secrets
from typing import Any

from bot.sandbox.control import ControlError
from bot.sandbox.sandbox import BotFailed, Sandbox

Json = dict[str, Any]


class Supervisor:
    """Controls the bot of a running sandbox. Publishes "bot" events: `{"state": running|starting|stopped}`.

    `id` is new each time the sandbox starts, so an old page notices that it belongs to another run.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.id = secrets.token_hex(6)
        self.sandbox = sandbox
        self._state = "running"
        self._lock = asyncio.Lock()
        self._watch = asyncio.create_task(self._watch_for_exit())

    @property
    def bot_state(self) -> Json:
        return {"state": self._state}

    async def do(self, action: str) -> None:
        """`start`, `restart` or `kill` the bot, or `start_over`: forget everything and start again.

        Raises KeyError for anything else, ControlError when the bot does not start.
        """
        actions = {
            "start": self._start,
            "restart": self._restart,
            "kill": self._kill,
            "start_over": self._start_over,
        }
        run = actions[action]
        async with self._lock:
            await run()

    async def close(self) -> None:
        self._watch.cancel()
        await asyncio.gather(self._watch, return_exceptions=True)

    async def _start(self) -> None:
        if self.sandbox.bot.runs:
            return
        self._set_state("starting")
        try:
            await self.sandbox.start_bot()
        except (BotFailed, TimeoutError) as error:
            await self.sandbox.bot.kill()
            self._set_state("stopped")
            raise ControlError(f"The bot did not start: {error}") from error
        self._set_state("running")
        self._watch = asyncio.create_task(self._watch_for_exit())

    async def _restart(self) -> None:
        await self.close()
        self._set_state("starting")
        await self.sandbox.bot.stop()
        await self._start()

    async def _start_over(self) -> None:
        # The bot's database goes too: it would know cases that no longer exist.
        await self._kill()
        self.sandbox.reset()
        await self._start()

    async def _kill(self) -> None:
        await self.close()
        await self.sandbox.bot.kill()
        self._set_state("stopped")

    async def _watch_for_exit(self) -> None:
        await self.sandbox.bot.wait()
        self._set_state("stopped")

    def _set_state(self, state: str) -> None:
        self._state = state
        self.sandbox.control.publish("bot", self.bot_state)
