"""The one place where an error of ours ends: logged with a reference, which the person gets."""

from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.response import BoltResponse

from bot.listeners.payloads import caller_of
from bot.services.responder import Responder, sentence_for

Json = dict[str, Any]


def register(app: AsyncApp, responder: Responder) -> None:
    """Answer what a listener raised."""

    @app.error
    async def on_error(error: Exception, body: Json) -> BoltResponse:
        sentence = sentence_for(error, str(body.get("command") or body.get("type")))
        if "response_url" not in body:
            return BoltResponse(status=500)  # Slack sends an event again that was not acknowledged
        responder.respond(caller_of(body), sentence)
        return BoltResponse(status=200)
