"""Clicks on a card: policy, then one transaction, then the acknowledgement."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.insights import Action
from bot.listeners.responder import Answer, Responder
from bot.listeners.whence import workspace
from bot.messages import sentences
from bot.services.context import PERSON_WITHIN, Context
from bot.store import clicks
from bot.store.clicks import Click, Clicked

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
ONLY_ACKNOWLEDGED = ("insights.select", "case.open")


def register(app: AsyncApp, context: Context, responder: Responder, wake: Callable[[], None]) -> None:
    """Listen for every control that a card has."""

    async def on_click(ack: Callable[[], Awaitable[Any]], body: Json, action: Json) -> None:
        async with asyncio.timeout(CLICK_SECONDS):
            answer = await _press(context, body, action)
        wake()
        await ack()
        if answer:
            responder.say(body, answer)

    async def on_toggle(ack: Callable[[], Awaitable[Any]]) -> None:
        await ack()

    for action_id in BUTTONS:
        app.action(action_id)(on_click)
    for action_id in ONLY_ACKNOWLEDGED:
        app.action(action_id)(on_toggle)


async def _press(context: Context, body: Json, action: Json) -> Answer | None:
    """Carry out a press; what to tell the person where the card itself does not tell all."""
    card, _, version = str(action["value"]).partition(":")
    there, user = workspace(body), body["user"]["id"]
    case = await clicks.case_of(context.store, card, there)
    if case is None:
        return sentences.gone_card()
    # Whose organisation is not for this workspace any more can still be let go of: nothing reaches Datadog.
    org = None if BUTTONS[action["action_id"]] in (Action.CANCEL, Action.DISMISS) else case.org
    if refused := await context.refused(there, user, case.key, org=org):
        return refused
    click = Click(card, int(version), BUTTONS[action["action_id"]], user, ticked(body))
    clicked = await clicks.press(context.store, click)
    return sentences.gone_card() if clicked is None else _what_else(context, there, clicked)


def ticked(body: Json) -> frozenset[int]:
    """The insights ticked when the button was pressed: only the click's own `state.values` count."""
    state: Json = body.get("state") or {}
    blocks: dict[str, Json] = state.get("values") or {}
    boxes: list[Json] = [block["insights.select"] for block in blocks.values() if "insights.select" in block]
    options: list[list[Json]] = [box.get("selected_options") or [] for box in boxes]
    return frozenset(int(option["value"]) for chosen in options for option in chosen)


def _what_else(context: Context, there: str, clicked: Clicked) -> Answer | None:
    if clicked.nothing_ticked:
        return sentences.nothing_ticked()
    if clicked.earlier:
        return _too_late(context, there, clicked)
    return None if clicked.moved else sentences.nothing_left()


async def _too_late(context: Context, there: str, clicked: Clicked) -> str:
    """Who decided on these insights first. Names are looked up after the acknowledgement."""
    slack = await context.slack(there)
    people = await slack.names({item.by for item in clicked.earlier if item.by}, within=PERSON_WITHIN)
    org = context.orgs.get(clicked.org)
    named = org.names.known([item.identity for item in clicked.earlier]) if org else {}
    earlier = [replace(item, name=named.get(item.identity, "")) for item in clicked.earlier]
    if clicked.moved:
        return sentences.partly_late(people, earlier, clicked.moved, clicked.case_key)
    return sentences.late_click(people, earlier)
