"""Clicks on cards and announcements: one service each, which commits, and then the acknowledgement."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.insights import Action, Mode
from bot.listeners.installation import interaction
from bot.model import Thread
from bot.services import clicks, ties
from bot.services.context import Context
from bot.services.responder import Answer, Interaction, Responder, answered

Json = dict[str, Any]

CLICK_SECONDS = 2.5
"""All that a click may take: Slack shows an error after three seconds without an acknowledgement."""

BUTTONS: Mapping[str, Action] = {
    "insights.add": Action.ADD,
    "insights.dismiss": Action.DISMISS,
    "insights.cancel": Action.CANCEL,
    "insights.retry": Action.RETRY,
    "insights.undo": Action.UNDO,
}
"""`action_id`s are pinned: cards in old threads carry them for years."""
MODES: Mapping[str, Mode] = {"mode.ask": Mode.ASK, "mode.off": Mode.OFF}
ONLY_ACKNOWLEDGED = ("insights.select", "case.open")


def register(app: AsyncApp, context: Context, responder: Responder, wake: Callable[[], None]) -> None:
    """Listen for every control of cards, of questions, and of announcements."""

    async def press(who: Interaction, body: Json, action: Json) -> Answer:
        card, version = _parts(action)
        button = BUTTONS[action["action_id"]]
        return await clicks.press(
            context, who.workspace, who.user, button, card=card, version=int(version), ticked=ticked(body)
        )

    async def tie(who: Interaction, body: Json, action: Json) -> Answer:
        card, _, number = _parts(action)
        return await ties.answer_question(context, who.workspace, who.user, card, int(number))

    async def tie_to_none(who: Interaction, body: Json, action: Json) -> Answer:
        return await ties.answer_question(context, who.workspace, who.user, _parts(action)[0], None)

    async def choose(who: Interaction, body: Json, action: Json) -> Answer:
        card, choice = _parts(action["selected_option"])
        return await ties.choose(context, who.workspace, who.user, card, choice)

    async def untie(who: Interaction, body: Json, action: Json) -> Answer:
        return await ties.untie(context, _place(who, body, action), who.user)

    async def set_mode(who: Interaction, body: Json, action: Json) -> Answer:
        return await ties.set_mode(context, _place(who, body, action), MODES[action["action_id"]], who.user)

    async def on_toggle(ack: Callable[[], Awaitable[Any]]) -> None:
        await ack()

    acts = {**dict.fromkeys(BUTTONS, press), **dict.fromkeys(MODES, set_mode)}
    acts |= {"tie.yes": tie, "tie.no": tie_to_none, "tie.undo": untie, "insights.more": choose}
    for action_id, act in acts.items():
        on_click(app, action_id, act, wake, responder.respond)
    for action_id in ONLY_ACKNOWLEDGED:
        app.action(action_id)(on_toggle)


def on_click(
    app: AsyncApp,
    action_id: str,
    act: Callable[[Interaction, Json, Json], Awaitable[Answer]],
    wake: Callable[[], None],
    respond: Callable[[Interaction, Answer], None],
) -> None:
    """Listen for clicks on this control: `act` is committed before the acknowledgement, and answered after it."""

    @app.action(action_id)
    async def on_action(ack: Callable[[], Awaitable[Any]], body: Json, action: Json) -> None:
        who = interaction(body)
        async with asyncio.timeout(CLICK_SECONDS):
            answer = await answered(act(who, body, action))
        wake()
        await ack()
        respond(who, answer)

    _ = on_action


def ticked(body: Json) -> frozenset[int]:
    """The insights ticked when the button was pressed: only the click's own `state.values` count."""
    state: Json = body.get("state") or {}
    blocks: dict[str, Json] = state.get("values") or {}
    boxes: list[Json] = [block["insights.select"] for block in blocks.values() if "insights.select" in block]
    options: list[list[Json]] = [box.get("selected_options") or [] for box in boxes]
    return frozenset(int(option["value"]) for chosen in options for option in chosen)


def _parts(control: Json) -> list[str]:
    """A control's value: its card's id, and what was chosen on it or the version that it shows."""
    return str(control["value"]).split(":")


def _place(who: Interaction, body: Json, action: Json) -> Thread:
    """Where an announcement is, as its button says: in a thread, by its ts, or in the "channel"."""
    ts = "" if action["value"] == "channel" else str(action["value"])
    return Thread(who.workspace, body["channel"]["id"], ts)
