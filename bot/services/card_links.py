"""Links to cards: a card that people are told of is one that they can open.

The links raise nothing: what they are told about is done by then.
"""

import asyncio
import time
from collections.abc import Collection

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.messages.replies import card_link, thread_link
from bot.model import Card, Thread
from bot.services.context import Context
from bot.slack.errors import SlackPermanent, SlackTransient
from bot.store import cards, open_cards

LOOK_EVERY = 0.1

UNANSWERED = (SQLAlchemyError, SlackPermanent, SlackTransient)

log = structlog.get_logger(__name__)


async def address(context: Context, card: Card | None) -> str:
    """A card's address; empty while it has none. Raises as `workspaces.at` does."""
    if card is None or card.ts is None:
        return ""
    return card.thread.permalink((await context.myself(card.thread.workspace)).url, card.ts)


async def of_card(context: Context, card_id: str) -> str:
    """A link to a card, or to the one that took over from it; empty where it is not in Slack."""
    try:
        async with context.store.read() as connection:
            card = await cards.get(connection, card_id)
            while card is not None and card.continued_in and (new := await cards.get(connection, card.continued_in)):
                card = new
        return card_link(await address(context, card))
    except UNANSWERED as error:
        log.info("card.no_link", why=str(error))
        return ""


async def showing(context: Context, place: Thread, insights: Collection[int]) -> str:
    """A link to the newest card that shows one of these insights; where it is not posted in time, to its thread."""
    until = time.monotonic() + context.card_within
    try:
        while True:
            async with context.store.read() as connection:
                card = await open_cards.showing(connection, place, insights)
            if card is None or card.ts is not None or time.monotonic() > until:
                break
            await asyncio.sleep(LOOK_EVERY)
        if found := await address(context, card):
            return card_link(found)
        return thread_link(place.permalink((await context.myself(place.workspace)).url, place.ts)) if place.ts else ""
    except UNANSWERED as error:
        log.info("card.no_link", why=str(error))
        return ""
