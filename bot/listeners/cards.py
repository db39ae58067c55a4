"""Clicks on a card: policy, then one transaction, then the acknowledgement."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot import messages
from bot.delivery import Reach
from bot.insights import Action
from bot.listeners.answers import Answers
from bot.policy import Home, may_change
from bot.store import cards, clicks
from bot.store.clicks import Click, Clicked

Json = dict[str, Any]

PERSON_WITHIN = 1.0
"""Seconds that Slack gets to say who clicked; after that nobody may (policy fails closed)."""

BUTTONS: Mapping[str, Action] = {
    "insights.add": Action.ADD,
    "insights.dismiss": Action.DISMISS,
    "insights.cancel": Action.CANCEL,
    "insights.retry": Action.RETRY,
    "insights.undo": Action.UNDO,
}
"""`action_id`s are pinned: cards in old threads carry them for years."""
ONLY_ACKNOWLEDGED = ("insights.select", "case.open")


def register(app: AsyncApp, reach: Reach, answers: Answers, wake: Callable[[], None]) -> None:
    """Listen for every control that a card has."""

    async def on_click(ack: Callable[[], Awaitable[Any]], body: Json, action: Json) -> None:
        answer = await _press(reach, body, action)
        wake()
        await ack()
        if answer:
            answers.say(body, answer)

    async def on_toggle(ack: Callable[[], Awaitable[Any]]) -> None:
        await ack()

    for action_id in BUTTONS:
        app.action(action_id)(on_click)
    for action_id in ONLY_ACKNOWLEDGED:
        app.action(action_id)(on_toggle)


async def _press(reach: Reach, body: Json, action: Json) -> str | None:
    """Carry out a press; a sentence for the person where the card itself does not tell all."""
    card, _, version = str(action["value"]).partition(":")
    key = await clicks.case_key(reach.store, card)
    if key is None:
        return messages.gone_card()
    user = body["user"]["id"]
    me = reach.myself
    person = await reach.slack.person(user, within=PERSON_WITHIN)
    refusal = may_change(person, Home(me.team, me.enterprise, me.team_name))
    if refusal is not None:
        return messages.refused(refusal, me.team_name, key)
    click = Click(card, int(version), BUTTONS[action["action_id"]], user, ticked(body))
    clicked = await clicks.press(reach.store, click)
    return messages.gone_card() if clicked is None else await _what_else(reach, click, clicked)


def ticked(body: Json) -> frozenset[int]:
    """The insights ticked when the button was pressed: only the click's own `state.values` count."""
    state: Json = body.get("state") or {}
    blocks: dict[str, Json] = state.get("values") or {}
    boxes: list[Json] = [block["insights.select"] for block in blocks.values() if "insights.select" in block]
    options: list[list[Json]] = [box.get("selected_options") or [] for box in boxes]
    return frozenset(int(option["value"]) for chosen in options for option in chosen)


async def _what_else(reach: Reach, click: Click, clicked: Clicked) -> str | None:
    if clicked.nothing_ticked:
        return messages.nothing_ticked()
    if not clicked.earlier:
        return None if clicked.moved else messages.nothing_left()
    names = await reach.slack.names({item.by for item in clicked.earlier if item.by}, within=PERSON_WITHIN)
    earlier = [_item(item) for item in clicked.earlier]
    if clicked.moved:
        return messages.partly_late(names, earlier, clicked.moved, clicked.case_key)
    return messages.late_click(names, earlier)


def _item(item: cards.Item) -> messages.Item:
    return messages.Item(
        item.id, item.type, item.resource_id, item.ref, item.host, item.state, item.group, by=item.by, at=item.at
    )
