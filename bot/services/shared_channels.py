"""Channels that are shared with other organisations: what the bot may show and say there."""

from bot.model import Thread
from bot.services.context import Reach
from bot.store import channels

TOLD_WITHIN = 0.5
"""Seconds that Slack gets to say what a channel is, while somebody waits for an answer."""


async def is_shared(reach: Reach, place: Thread) -> bool:
    """Slack's word where the app may ask, else what its events said of this channel. It is remembered for cards."""
    told = await (await reach.slack(place.workspace)).is_shared(place.channel, within=TOLD_WITHIN)
    if told is None:
        async with reach.store.read() as connection:
            return await channels.is_shared(connection, place)
    if told:
        await channels.remember_shared(reach.store, place)
    return told


async def is_silent(reach: Reach, place: Thread) -> bool:
    """Whether nothing may be said in the open here: other organisations read it, and the operator wants it so."""
    return not reach.shared and await is_shared(reach, place)
