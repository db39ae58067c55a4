"""Events that Slack drops when there are too many: whoever runs the bot, and its people, are told for an hour."""

from bot.messages import sentences
from bot.services.context import Context
from bot.store import heartbeats

TOLD_SECONDS = 3600.0


async def warning(context: Context) -> str:
    """A sentence, if any replica has heard of it lately; else empty."""
    async with context.store.read() as connection:
        pulse = await heartbeats.pulse(connection)
    return sentences.EVENTS_DROPPED if (pulse.dropped_ago or TOLD_SECONDS) < TOLD_SECONDS else ""
