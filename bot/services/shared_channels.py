"""Channels that are shared with other organisations, or that the bot is not in: what it may show, say and watch."""

from bot.messages import replies
from bot.model import Thread
from bot.services.context import Context
from bot.store import shared_channels

ANSWER_WITHIN = 0.5
"""Seconds that Slack gets to say what a channel is, while somebody waits for an answer."""


async def is_shared(context: Context, place: Thread) -> bool:
    """Whether other organisations are in this channel: Slack's answer, else what its events said before.

    The answer is stored, because cards depend on it.
    """
    answer = await (await context.slack(place.workspace)).is_shared(place.channel, within=ANSWER_WITHIN)
    if answer is None:
        async with context.store.read() as connection:
            return await shared_channels.is_shared(connection, place)
    await shared_channels.remember(context.store, place, shared=answer)
    return answer


async def is_silent(context: Context, place: Thread) -> bool:
    """Whether the bot may post nothing in it: other organisations read it, and the operator wants it so."""
    return not context.shared and await is_shared(context, place)


async def unwatched(context: Context, place: Thread) -> str:
    """Why nothing is watched there, a sentence; empty where the bot watches, or Slack does not say otherwise."""
    if await is_silent(context, place):
        return replies.UNWATCHED
    is_in = await (await context.slack(place.workspace)).is_in(place.channel, within=ANSWER_WITHIN)
    return replies.NOT_READ_HERE if is_in is False else ""
