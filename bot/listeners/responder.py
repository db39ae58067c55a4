"""Private answers: a sentence for the one who clicked, sent after the acknowledgement so that it delays nothing."""

import asyncio
import secrets
from collections.abc import Coroutine
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.response import BoltResponse
from sqlalchemy.exc import SQLAlchemyError

from bot.listeners.whence import workspace
from bot.messages import sentences
from bot.messages.view import Message
from bot.model import Thread
from bot.services.context import Context
from bot.slack.client import SlackPermanent, SlackTransient

Json = dict[str, Any]

Answer = str | Coroutine[Any, Any, str]
"""A sentence, or what finds it out once Slack has its acknowledgement."""

ANSWER_WITHIN = 10.0

log = structlog.get_logger(__name__)


class Responder:
    """Answers under way; what is lost with the process is a sentence, never a decision."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._under_way: set[asyncio.Task[None]] = set()

    def say(self, body: Json, answer: Answer) -> None:
        """Tell the person of this interaction, and nobody else, in the thread where they clicked."""
        self.go_on(self._send(body, answer))

    def announce(self, place: Thread, message: Coroutine[Any, Any, Message]) -> None:
        """Say something in the open."""
        self.go_on(self._announce(place, message))

    def go_on(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this after the acknowledgement; the process waits for it for a moment when it stops."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def drain(self, within: float) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=within)

    async def _announce(self, place: Thread, message: Coroutine[Any, Any, Message]) -> None:
        try:
            said = await message
            await (await self._context.slack(place.workspace)).say(place, said)
        except (SlackTransient, SlackPermanent) as error:
            log.warning("announcement.lost", channel=place.channel, why=str(error))

    async def _send(self, body: Json, answer: Answer) -> None:
        text = answer if isinstance(answer, str) else await _found_out(answer, body)
        where: Json = body.get("container") or {}
        try:
            slack = await self._context.slack(workspace(body))
            await slack.answer(body["response_url"], text, where.get("thread_ts"), within=ANSWER_WITHIN)
        except (SlackTransient, SlackPermanent) as error:
            log.warning("answer.lost", type=body.get("type") or body.get("command"), why=str(error))


async def _found_out(answer: Coroutine[Any, Any, str], body: Json) -> str:
    """What this comes to; a failure of ours is a sentence, too."""
    try:
        return await answer
    except Exception as error:  # noqa: BLE001  whatever it is, it is logged and the person gets its reference
        return sentence_for(error, body)


def sentence_for(error: Exception, body: Json) -> str:
    """What the person is told of an error of ours, which is logged under the reference that they get."""
    reference = secrets.token_hex(2).upper()
    if isinstance(error, (SQLAlchemyError, TimeoutError)):
        log.warning("store.failed", reference=reference, type=body.get("type"), error=type(error).__name__)
        return sentences.not_saved()
    log.error("listener.failed", reference=reference, type=body.get("type"), exc_info=error)
    return sentences.went_wrong(reference)


def register_errors(app: AsyncApp, responder: Responder) -> None:
    """The one place where an error of ours ends: logged with a reference, which the person gets."""

    @app.error
    async def on_error(error: Exception, body: Json, request: AsyncBoltRequest) -> BoltResponse:
        sentence = sentence_for(error, body)
        if "response_url" not in body:
            return BoltResponse(status=500)  # Slack sends an event again that was not acknowledged
        responder.say(body, sentence)
        return BoltResponse(status=200)
