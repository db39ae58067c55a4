"""The form for a case from a thread: opened by the message shortcut and by New case…, filled in, submitted."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.commands import CREATE_SHORTCUT
from bot.listeners.clicks import on_click
from bot.listeners.payloads import caller_of, installation_of
from bot.messages.creation import CALLBACK, OPEN, PROJECT, TYPE, place_of, title_of
from bot.model import Thread
from bot.services import creation
from bot.services.context import Context
from bot.services.responder import Answer, Caller, Responder
from bot.services.submission import Submitted

Json = dict[str, Any]
Ack = Callable[..., Awaitable[Any]]


def register(app: AsyncApp, context: Context, responder: Responder) -> None:
    """Listen for what opens the form, for the search in its menus, and for its submission."""

    async def press(caller: Caller, action: Json, _: Json) -> Answer:
        place, title = place_of(str(action.get("value")), caller.here.workspace)
        return await creation.open_form(context, place, caller.user, caller.trigger, title)

    @app.shortcut(CREATE_SHORTCUT)
    async def on_shortcut(ack: Ack, body: Json) -> None:
        caller, message = caller_of(body), body["message"]
        place = Thread(caller.here.workspace, caller.here.channel, message.get("thread_ts") or message["ts"])
        answer = await creation.open_form(context, place, caller.user, caller.trigger, title_of(message))
        await ack()
        responder.respond(caller, answer)

    async def on_search(ack: Ack, body: Json) -> None:
        workspace, user, words = installation_of(body), body["user"]["id"], str(body.get("value") or "")
        await ack(options=await creation.search(context, workspace, user, str(body["action_id"]), words))

    @app.view(CALLBACK)
    async def on_submit(ack: Ack, body: Json) -> None:
        user = body["user"]["id"]
        result = await creation.submit(context, installation_of(body), user, body["view"])
        if isinstance(result, Submitted):
            await ack()
            responder.respond(Caller(result.thread, user, "view_submission"), result.answer)
        else:
            await ack(response_action="errors", errors=result)

    on_click(app, responder, OPEN, press, responder.respond)
    for action_id in (PROJECT, TYPE):
        app.options(action_id)(on_search)
    _ = on_shortcut, on_submit
