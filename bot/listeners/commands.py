"""What people type: the slash command, and mentions of the bot. Both speak the one grammar of `bot.commands`."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.commands import COMMAND
from bot.listeners.payloads import caller_of, installation_of, is_shared
from bot.services.commands import run
from bot.services.context import Context
from bot.services.mentions import Mentions
from bot.services.responder import Responder

Json = dict[str, Any]


def register(app: AsyncApp, context: Context, responder: Responder) -> None:
    """Listen for the command and for mentions."""
    mentions = Mentions(context, responder)

    @app.command(COMMAND)
    async def on_command(ack: Callable[..., Awaitable[Any]], body: Json) -> None:
        caller = caller_of(body)
        answer = await responder.soon(run(context, caller, str(body.get("text") or "")))
        if isinstance(answer, str) and answer:
            await ack(text=answer)
        else:
            await ack()
            responder.respond(caller, answer)

    @app.event("app_mention")
    async def on_mention(event: Json, body: Json) -> None:
        await mentions.hear(installation_of(body), event, shared=is_shared(body))

    _ = on_command, on_mention
