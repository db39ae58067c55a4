"""Clicks that tie a thread or set a mode: on the card that asks, in a card's overflow, under an announcement."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.insights import Mode
from bot.listeners.cards import CLICK_SECONDS
from bot.listeners.responder import Answer, Responder
from bot.listeners.whence import workspace
from bot.messages import sentences
from bot.messages.announcements import mode_set, untied
from bot.messages.view import Message
from bot.model import Thread
from bot.services.context import PERSON_WITHIN, Context
from bot.store import cards, clicks, modes, questions, ties, tying

Json = dict[str, Any]

BACK = {"mode.ask": Mode.ASK, "mode.off": Mode.OFF}
"""Buttons under an announcement; their value is the thread's ts, or "channel"."""


def register(app: AsyncApp, context: Context, responder: Responder, wake: Callable[[], None]) -> None:
    """Listen for what ties threads and sets modes by click."""

    def on(action_id: str, act: Callable[[Context, Responder, Json, Json], Awaitable[Answer | None]]) -> None:
        @app.action(action_id)
        async def on_click(ack: Callable[[], Awaitable[Any]], body: Json, action: Json) -> None:
            async with asyncio.timeout(CLICK_SECONDS):
                answer = await act(context, responder, body, action)
            wake()
            await ack()
            if answer:
                responder.say(body, answer)

        _ = on_click

    on("tie.yes", _yes)
    on("tie.no", _no)
    on("tie.undo", _untie)
    on("insights.more", _more)
    for action_id in BACK:
        on(action_id, _back)


async def _yes(context: Context, responder: Responder, body: Json, action: Json) -> Answer | None:
    card_id, _, number = str(action["value"]).split(":")
    choice = int(number)
    async with context.store.read() as connection:
        card = await cards.get(connection, card_id)
        asked = await questions.get(connection, card_id)
    user, there = body["user"]["id"], workspace(body)
    if card is None or card.thread.workspace != there or asked is None or choice >= len(asked.asks):
        return sentences.gone_card()
    case = asked.asks[choice]
    if refused := await context.refused(there, user, case.key, org=case.org):
        return refused
    if asked.answer is not None or not await tying.answer(context.store, card_id, card.thread, case, user):
        return _who_was_first(context, there, card_id)
    return None


async def _no(context: Context, responder: Responder, body: Json, action: Json) -> Answer | None:
    card_id = str(action["value"]).partition(":")[0]
    user, there = body["user"]["id"], workspace(body)
    case = await clicks.case_of(context.store, card_id, there)
    if case is None:
        return sentences.gone_card()
    if refused := await context.refused(there, user, case.key):
        return refused
    return None if await questions.refuse(context.store, card_id, user) else _who_was_first(context, there, card_id)


async def _who_was_first(context: Context, there: str, card_id: str) -> str:
    async with context.store.read() as connection:
        asked = await questions.get(connection, card_id)
        tied = await questions.tied_to(connection, asked) if asked else None
    if asked is None:
        return sentences.gone_card()
    by = asked.by or ""
    slack = await context.slack(there)
    names = await slack.names({by}, within=PERSON_WITHIN)
    return sentences.already_answered(names.get(by, "Someone"), tied)


async def _untie(context: Context, responder: Responder, body: Json, action: Json) -> Answer | None:
    return await leave(context, responder, _place(body, action), body["user"]["id"]) or None


async def _back(context: Context, responder: Responder, body: Json, action: Json) -> Answer | None:
    place, mode = _place(body, action), BACK[action["action_id"]]
    return await set_mode(context, responder, place, mode, body["user"]["id"]) or None


async def _more(context: Context, responder: Responder, body: Json, action: Json) -> Answer | None:
    """A card's overflow: the place is the card's own, wherever it is shown."""
    card_id, _, what = str(action["selected_option"]["value"]).partition(":")
    async with context.store.read() as connection:
        card = await cards.get(connection, card_id)
    if card is None or card.thread.workspace != workspace(body):
        return sentences.gone_card()
    if what == "untie":
        return await leave(context, responder, card.thread, body["user"]["id"]) or None
    mode, _, where = what.partition(".")
    place = card.thread if where == "thread" else card.thread.whole_channel
    return await set_mode(context, responder, place, Mode(mode), body["user"]["id"]) or None


async def set_mode(context: Context, responder: Responder, place: Thread, mode: Mode, user: str) -> str:
    """Set a place's mode and say so there; what to tell whoever did it ("": what is said in the open is enough)."""
    if refused := await context.refused(place.workspace, user, sentences.settings_of(place.ts)):
        return refused
    if not await modes.say(context.store, place, mode, user):
        return sentences.nothing_left()
    responder.announce(place, _named(context, place, user, lambda who: mode_set(who, mode, thread_ts=place.ts)))
    return ""


async def leave(context: Context, responder: Responder, place: Thread, user: str) -> str:
    """Untie a place and say so there; what to tell whoever did it ("": what is said in the open is enough)."""
    if refused := await context.refused(place.workspace, user, sentences.settings_of(place.ts)):
        return refused
    async with context.store.read() as connection:
        tie = await ties.of(connection, place)
    if tie is None or not await tying.untie(context.store, place, user):
        return sentences.nothing_left()
    responder.announce(place, _named(context, place, user, lambda who: untied(who, thread_ts=place.ts)))
    return ""


async def _named(context: Context, place: Thread, user: str, say: Callable[[str], Message]) -> Message:
    slack = await context.slack(place.workspace)
    names = await slack.names({user}, within=PERSON_WITHIN)
    return say(names.get(user, "Someone"))


def _place(body: Json, action: Json) -> Thread:
    """Where an announcement stands, as its button says."""
    ts = "" if action["value"] == "channel" else str(action["value"])
    return Thread(workspace(body), body["channel"]["id"], ts)
