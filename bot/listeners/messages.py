"""Messages in channels: links that come, change and go."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.listeners.payloads import installation_of, is_shared
from bot.services import watching
from bot.services.context import Context

Json = dict[str, Any]


def register(app: AsyncApp, context: Context) -> None:
    """Watch messages."""

    @app.event("message")
    async def on_message(event: Json, body: Json) -> None:
        await watching.watch(context, installation_of(body), event, shared=is_shared(body))

    _ = on_message
