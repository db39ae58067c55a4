"""The Home tab: published when somebody opens it, and again after its own buttons."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.listeners.clicks import on_click
from bot.listeners.payloads import installation_of, parts, timestamp
from bot.model import Thread
from bot.services import home
from bot.services.context import Context
from bot.services.responder import Answer, Caller, Responder

Json = dict[str, Any]


def register(app: AsyncApp, context: Context, responder: Responder) -> None:
    """Listen for Home being opened and for its buttons."""

    def publish(caller: Caller, answer: Answer) -> None:
        responder.in_background(home.publish(context, caller.here.workspace, caller.user, answer))

    @app.event("app_home_opened")
    async def on_opened(event: Json, body: Json) -> None:
        if event.get("tab") == "home":
            responder.in_background(home.publish(context, installation_of(body), event["user"]))

    async def untie(caller: Caller, action: Json, _: Json) -> Answer:
        return await home.untie(context, _place(caller, action), caller.user)

    async def ask_first(caller: Caller, action: Json, _: Json) -> Answer:
        return await home.ask_first(context, _place(caller, action), caller.user)

    async def retry(caller: Caller, _: Json, __: Json) -> Answer:
        return await responder.soon(home.retry_failed(context, caller.here.workspace, caller.user))

    on_click(app, responder, "home.retry", retry, publish)
    on_click(app, responder, "home.untie", untie, publish)
    on_click(app, responder, "home.ask", ask_first, publish)
    _ = on_opened


def _place(caller: Caller, action: Json) -> Thread:
    channel, ts = parts(action)
    return Thread(caller.here.workspace, channel, timestamp(ts) if ts else "")
