"""The menu of a card: what counts for a whole channel is asked for in a modal before it is done."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.insights import Mode
from bot.listeners.clicks import CLICK_SECONDS, on_click
from bot.listeners.payloads import ID, installation_of, parts, timestamp
from bot.messages import channel_view, sentences
from bot.messages.modal import Malformed
from bot.model import Thread
from bot.services import forms, ties
from bot.services.context import Context
from bot.services.responder import Answer, Caller, Responder, answered

Json = dict[str, Any]

CHOICES = frozenset({"untie", *(f"{mode}.{where}" for mode in Mode for where in ("thread", "channel"))})


def register(app: AsyncApp, context: Context, responder: Responder) -> None:
    """Listen for the menu of cards, and for the answer to its question."""

    async def choose(caller: Caller, action: Json, body: Json) -> Answer:
        card, choice = parts(action.get("selected_option") or {})
        if choice not in CHOICES:
            raise Malformed("no choice of a card's")
        if choice not in channel_view.CHOICES:
            return await ties.choose(context, caller.here, caller.user, card, choice)
        view = channel_view.asking(choice, f"{card}:{choice}:{caller.here.channel}:{caller.here.ts}")
        opened = await forms.open_view(context, caller.here.workspace, body.get("trigger_id", ""), view)
        return "" if opened else sentences.NOT_OPENED

    @app.view(channel_view.CALLBACK)
    async def on_chosen(ack: Callable[[], Awaitable[Any]], body: Json) -> None:
        card, choice, channel, ts = _recalled(body["view"].get("private_metadata", ""))
        here, user = Thread(installation_of(body), channel, ts), body["user"]["id"]
        async with asyncio.timeout(CLICK_SECONDS):
            answer = await answered(ties.choose(context, here, user, card, choice))
        await ack()
        responder.respond(Caller(here, user, "view_submission"), answer)

    on_click(app, responder, "insights.more", choose, responder.respond)
    _ = on_chosen


def _recalled(memory: str) -> tuple[str, str, str, str]:
    """What `choose` remembered: the card, the choice, and the thread where it was made; raises Malformed."""
    card, choice, channel, ts = f"{memory}:::".split(":")[:4]
    if choice not in channel_view.CHOICES or not (ID.fullmatch(card) and ID.fullmatch(channel)):
        raise Malformed("no choice of a card's")
    return card, choice, channel, timestamp(ts) if ts else ""
