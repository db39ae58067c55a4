"""Reactions with the operator's emoji: set, and taken off."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.listeners.payloads import installation_of, is_shared
from bot.services.context import Context
from bot.services.reactions import Reactions
from bot.services.responder import Responder

Json = dict[str, Any]


def register(app: AsyncApp, context: Context, responder: Responder, emoji: str) -> None:
    """Listen for reactions with this emoji (its name)."""
    reactions = Reactions(context, responder, emoji)

    @app.event("reaction_added")
    async def on_added(event: Json, body: Json) -> None:
        await reactions.added(installation_of(body), event, shared=is_shared(body))

    @app.event("reaction_removed")
    async def on_removed(event: Json, body: Json) -> None:
        await reactions.removed(installation_of(body), event)

    _ = on_added, on_removed
