"""What is done after an acknowledgement, and lost with the process: sentences, never decisions."""

import asyncio
import base64
import secrets
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger(__name__)


class Background:
    """Work that nobody waits for."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[None]] = set()

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this now, beside everything else; the process waits for it for a moment when it stops."""
        task = asyncio.create_task(_logged(work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def drain(self, within: float) -> None:
        """Wait for what is under way, seconds."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=within)


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception as error:  # nobody waits for it, so nobody else would say so
        log.exception("background.failed", reference=new_reference(), error=type(error).__name__)


def new_reference() -> str:
    """What a person can tell whoever runs the bot, who finds it in the log."""
    return base64.b32encode(secrets.token_bytes(4)).decode()[:6]
