"""The Home tab: published when somebody opens it, and again after its own buttons."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.insights import Mode
from bot.listeners.clicks import on_click
from bot.listeners.installation import installation_of, interaction
from bot.model import Thread
from bot.services import home, ties
from bot.services.context import Context
from bot.services.responder import Answer, Interaction, Responder

Json = dict[str, Any]


def register(app: AsyncApp, context: Context, responder: Responder, wake: Callable[[], None]) -> None:
    """Listen for Home being opened and for its buttons."""

    def publish(who: Interaction, answer: Answer) -> None:
        responder.in_background(home.publish(context, who.workspace, who.user, answer))

    @app.event("app_home_opened")
    async def on_opened(event: Json, body: Json) -> None:
        if event.get("tab") == "home":
            responder.in_background(home.publish(context, installation_of(body), event["user"]))

    @app.action("home.retry")
    async def on_retry(ack: Callable[[], Awaitable[Any]], body: Json) -> None:
        await ack()
        who = interaction(body)
        publish(who, lambda: home.retry_failed(context, who.workspace, who.user, wake))

    async def untie(who: Interaction, body: Json, action: Json) -> Answer:
        return await ties.untie(context, _place(who, action), who.user)

    async def ask_first(who: Interaction, body: Json, action: Json) -> Answer:
        return await ties.set_mode(context, _place(who, action), Mode.ASK, who.user)

    on_click(app, "home.untie", untie, wake, publish)
    on_click(app, "home.ask", ask_first, wake, publish)
    _ = on_opened, on_retry


def _place(who: Interaction, action: Json) -> Thread:
    channel, _, ts = str(action["value"]).partition(":")
    return Thread(who.workspace, channel, ts)
