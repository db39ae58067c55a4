"""What people are told: privately, so that it delays no acknowledgement, or in the open where that is allowed."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.messages import replies, sentences
from bot.messages.card_view import Message
from bot.model import Thread
from bot.services import shared_channels
from bot.services.background import new_reference
from bot.services.checks import UserError
from bot.services.context import PERSON_WITHIN, Context
from bot.slack.errors import NOT_THERE, SlackPermanent, SlackTransient
from bot.store.connection import CommitUncertain

Answer = str | Message | Callable[[], Awaitable[str | Message]]
"""What to tell a person privately ("": nothing), or what finds it out once Slack has its acknowledgement."""

ANSWER_SECONDS = 2.0
"""What takes longer is answered after the acknowledgement, for which Slack waits three seconds."""
RESPOND_WITHIN = 10.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for something, where, and how: `via` is the command, the mention, or Slack's type of an interaction.

    `here`: their thread, or the channel. Without a `response_url` they are answered there. `message_ts`: the message
    that asks, if one does. `trigger`: what lets a modal open, within three seconds.
    """

    here: Thread
    user: str
    via: str
    response_url: str = ""
    message_ts: str = ""
    trigger: str = ""


class Responder:
    """What follows a commit: people are answered once Slack has its acknowledgement.

    What is lost with the process is a sentence, never a decision.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    async def soon(self, work: Coroutine[Any, Any, str | Message]) -> Answer:
        """The work's result; if it takes longer than `ANSWER_SECONDS`, a function that waits for it.

        Raises what the work raises in time.
        """
        task = asyncio.create_task(work)
        done, _ = await asyncio.wait({task}, timeout=ANSWER_SECONDS)
        return task.result() if done else lambda: task

    def respond(self, caller: Caller, answer: Answer) -> None:
        """Tell this person, and nobody else, in the thread where they asked."""
        self.in_background(self._respond(caller, answer))

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this after the acknowledgement; the process waits for it for a moment when it stops."""
        self._context.background.do(work)

    async def drain(self, within: float) -> None:
        """Wait for what is under way, seconds."""
        await self._context.background.drain(within)

    async def _respond(self, caller: Caller, answer: Answer) -> None:
        try:
            said = await _said(answer)
        except Exception as error:  # noqa: BLE001  whatever it is, it is logged and the person gets its reference
            said = sentence_for(error, caller.via)
        if not said:
            return
        here = caller.here
        try:
            slack = await self._context.slack(here.workspace)
            if caller.response_url:
                with contextlib.suppress(SlackPermanent):  # used up, or too old
                    await slack.answer(caller.response_url, said, here.ts or None, within=RESPOND_WITHIN)
                    return
            await slack.whisper(here, caller.user, said)
        except (SlackTransient, SlackPermanent) as error:
            log.warning("answer.lost", user=caller.user, type=caller.via, why=str(error))


async def text_of(answer: Answer) -> str:
    """The sentences that this answer comes to."""
    said = await _said(answer)
    return said.text if isinstance(said, Message) else said


async def _said(answer: Answer) -> str | Message:
    try:
        return answer if isinstance(answer, str | Message) else await answer()
    except UserError as error:
        return str(error)


async def answered(act: Awaitable[Answer]) -> Answer:
    """Run the act; a UserError becomes the answer."""
    try:
        return await act
    except UserError as error:
        return str(error)


async def announce(
    context: Context, place: Thread, user: str, say: Callable[[str], Message], privately: Callable[[str], str]
) -> str:
    """Say in the open, under this person's name, what they changed; returns what to tell them alone ("": nothing).

    `privately`: what to tell them alone where other organisations would read it, or Slack does not post it; given why
    nothing is watched there ("": it is). What was changed is committed: no failure here may say otherwise.
    """
    try:
        if await shared_channels.is_silent(context, place):
            return privately(replies.UNWATCHED)
        slack = await context.slack(place.workspace)
        names = await slack.names({user}, within=PERSON_WITHIN)
        await slack.say(place, say(names.get(user, "Someone")))
    except (SlackTransient, SlackPermanent, SQLAlchemyError) as error:
        log.warning("announcement.lost", channel=place.channel, why=str(error))
        if not isinstance(error, SlackPermanent):
            return privately("")
        refused = refused_by_slack(error)
        absent = refused == replies.NOT_IN_CHANNEL
        return privately(replies.NOT_READ_HERE) if absent else f"{privately('')} {refused}"
    return ""


def refused_by_slack(end: SlackPermanent) -> str:
    """What Slack did not let the bot do, with what helps."""
    if end.reason in NOT_THERE:
        return replies.NOT_IN_CHANNEL
    if end.reason == "missing_scope":
        return replies.missing_scope(end.needed)
    return replies.slack_refused(end.reason)


def not_saved(error: SQLAlchemyError | TimeoutError) -> str:
    """What a person is told whose act was not committed, or perhaps was: its time was over in the middle of it."""
    return sentences.NOT_CERTAIN if isinstance(error, (TimeoutError, CommitUncertain)) else sentences.NOT_SAVED


def sentence_for(error: Exception, kind: str) -> str:
    """What a person is told of an error of ours, which is logged under the reference that they get."""
    reference = new_reference()
    if isinstance(error, (SQLAlchemyError, TimeoutError)):
        log.warning("store.failed", reference=reference, type=kind, error=summary(error))
        return not_saved(error)
    log.error("listener.failed", reference=reference, type=kind, exc_info=error)
    return sentences.went_wrong(reference)


def summary(error: BaseException) -> str:
    """A failure of the database without values: `OperationalError: disk I/O error`, `InternalError: 25006`."""
    cause = getattr(error, "orig", None)
    words = str(cause) if isinstance(cause, sqlite3.Error) else getattr(cause, "sqlstate", None)
    return ": ".join(filter(None, (type(error).__name__, words)))
