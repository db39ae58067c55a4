"""The one place where an error of ours ends: logged with a reference, which the person gets."""

from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.response import BoltResponse

from bot.listeners.payloads import caller_of
from bot.messages.modal import Malformed
from bot.services.responder import Responder, sentence_for

Json = dict[str, Any]

log = structlog.get_logger(__name__)


def register(app: AsyncApp, responder: Responder) -> None:
    """Answer what a listener raised."""

    @app.error
    async def on_error(error: Exception, body: Json) -> BoltResponse:
        if isinstance(error, Malformed):
            log.warning("listener.malformed", why=str(error))
            return BoltResponse(status=400)
        sentence = sentence_for(error, str(body.get("command") or body.get("type")))
        if "response_url" not in body:
            return BoltResponse(status=500)  # Slack sends an event again that was not acknowledged
        responder.respond(caller_of(body), sentence)
        return BoltResponse(status=200)
