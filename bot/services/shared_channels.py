"""Channels that are shared with other organisations: what the bot may show and say there."""

from bot.model import Thread
from bot.services.context import Context
from bot.store import channels

TOLD_WITHIN = 0.5
"""Seconds that Slack gets to say what a channel is, while somebody waits for an answer."""


async def is_shared(context: Context, place: Thread) -> bool:
    """Slack's word where the app may ask, else what its events said of this channel. It is remembered for cards."""
    told = await (await context.slack(place.workspace)).is_shared(place.channel, within=TOLD_WITHIN)
    if told is None:
        async with context.store.read() as connection:
            return await channels.is_shared(connection, place)
    if told:
        await channels.remember_shared(context.store, place)
    return told


async def is_silent(context: Context, place: Thread) -> bool:
    """Whether nothing may be said in the open here: other organisations read it, and the operator wants it so."""
    return not context.shared and await is_shared(context, place)
