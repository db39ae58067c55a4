"""Clicks on cards and announcements: one service each, which commits, and then the acknowledgement."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.insights import Mode
from bot.insights.clicks import Action
from bot.listeners.payloads import caller_of, number, parts, timestamp
from bot.model import Thread
from bot.services import clicks, decided, ties
from bot.services.context import Context
from bot.services.responder import Answer, Caller, Responder, answered

Json = dict[str, Any]
Act = Callable[[Caller, Json, Json], Awaitable[Answer]]
"""Carries out a click, from its action and its whole payload."""
Respond = Callable[[Caller, Answer], None]

CLICK_SECONDS = 2.5
"""All that a click may take: Slack shows an error after three seconds without an acknowledgement."""

BUTTONS = {f"insights.{action}": action for action in Action}
MODES = {"mode.ask": Mode.ASK, "mode.off": Mode.OFF}
"""`action_id`s are pinned: cards in old threads carry them for years."""
ONLY_ACKNOWLEDGED = ("insights.select", "case.open")


def register(app: AsyncApp, context: Context, responder: Responder) -> None:
    """Listen for every control of cards, of questions, and of announcements."""

    async def press(caller: Caller, action: Json, body: Json) -> Answer:
        (card, version), button = parts(action), BUTTONS[action["action_id"]]
        here, user = caller.here, caller.user
        return await clicks.press(context, here.workspace, user, button, card, number(version), ticked(body))

    async def tie(caller: Caller, action: Json, _: Json) -> Answer:
        card, asked = parts(action)
        chosen = number(asked.rpartition(":")[2]) if action["action_id"] == "tie.yes" else None
        return await ties.answer_question(context, caller.here.workspace, caller.user, card, chosen)

    async def add_back(caller: Caller, action: Json, body: Json) -> Answer:
        card, what = parts(action)
        insight, _, ts = what.partition(":")
        container: Json = body.get("container") or {}
        message, tell = timestamp(ts) if ts else "", container.get("is_ephemeral") is True
        return await decided.add_back(context, caller.here, caller.user, card, number(insight), message, tell=tell)

    async def show(caller: Caller, action: Json, _: Json) -> Answer:
        return await decided.show(context, caller.here.workspace, parts(action)[0])

    async def set_mode(caller: Caller, action: Json, _: Json) -> Answer:
        return await ties.set_mode(context, _place(caller, action), MODES[action["action_id"]], caller.user)

    async def untie(caller: Caller, action: Json, _: Json) -> Answer:
        return await ties.untie(context, _place(caller, action), caller.user)

    async def on_toggle(ack: Callable[[], Awaitable[Any]]) -> None:
        await ack()

    acts: dict[str, Act] = {**dict.fromkeys(BUTTONS, press), **dict.fromkeys(MODES, set_mode)}
    acts |= {"insights.add_back": add_back, "insights.show": show}
    acts |= {"tie.yes": tie, "tie.no": tie, "tie.undo": untie}
    for action_id, act in acts.items():
        on_click(app, responder, action_id, act, responder.respond)
    for action_id in ONLY_ACKNOWLEDGED:
        app.action(action_id)(on_toggle)


def on_click(app: AsyncApp, responder: Responder, action_id: str, act: Act, respond: Respond) -> None:
    """Listen for clicks on this control: `act` commits before the acknowledgement, and is answered after it."""

    @app.action(action_id)
    async def on_action(ack: Callable[[], Awaitable[Any]], body: Json, action: Json) -> None:
        caller = caller_of(body)
        async with asyncio.timeout(CLICK_SECONDS):
            answer = await answered(act(caller, action, body))
        await ack()
        respond(caller, answer)

    _ = on_action


def ticked(body: Json) -> frozenset[int]:
    """The insights ticked when the button was pressed: only the click's own `state.values` count."""
    state: Json = body.get("state") or {}
    blocks: dict[str, Json] = state.get("values") or {}
    boxes: list[Json] = [block["insights.select"] for block in blocks.values() if "insights.select" in block]
    options: list[list[Json]] = [box.get("selected_options") or [] for box in boxes]
    return frozenset(number(option["value"]) for chosen in options for option in chosen)


def _place(caller: Caller, action: Json) -> Thread:
    """Where an announcement is, as its button says: in a thread, by its ts, or in the "channel"."""
    value = action.get("value", "")
    return Thread(caller.here.workspace, caller.here.channel, "" if value == "channel" else timestamp(value))
