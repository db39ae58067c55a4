"""Answers that only one person sees."""

import structlog

from bot.model import Thread
from bot.services.context import Context
from bot.slack.client import SlackPermanent, SlackTransient

log = structlog.get_logger(__name__)


async def whisper(context: Context, thread: Thread, user: str, text: str) -> None:
    """Tell one person what came of their request; not repeated when it fails, because the request is done anyway."""
    try:
        await (await context.slack(thread.workspace)).whisper(thread, user, text)
    except (SlackTransient, SlackPermanent) as error:
        log.warning("answer.lost", user=user, why=str(error))
