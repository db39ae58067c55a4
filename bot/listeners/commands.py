"""What people type: the slash command, and mentions of the bot. Both speak the one grammar of `bot.commands`."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from sqlalchemy.exc import SQLAlchemyError

from bot.commands import COMMAND, MENTION
from bot.listeners.responder import Responder
from bot.listeners.whence import workspace
from bot.messages import sentences
from bot.model import Thread
from bot.services import shared_channels, watching
from bot.services.commands import Caller, run
from bot.services.context import Context
from bot.slack.client import SlackPermanent, SlackTransient
from bot.store import channels, mentions

Json = dict[str, Any]

ANSWER_SECONDS = 2.0
"""What takes longer is answered after the acknowledgement, for which Slack waits three seconds."""

log = structlog.get_logger(__name__)


def register(app: AsyncApp, context: Context, responder: Responder, wake: Callable[[], None]) -> None:
    """Listen for the command and for mentions."""
    under_way: set[str] = set()

    @app.command(COMMAND)
    async def on_command(ack: Callable[..., Awaitable[Any]], body: Json) -> None:
        here = Thread(workspace(body), body["channel_id"], "")
        work = asyncio.create_task(_command(context, here, body))
        work.add_done_callback(lambda _: wake())
        done, _ = await asyncio.wait({work}, timeout=ANSWER_SECONDS)
        if done:
            await ack(text=work.result())
        else:
            await ack()
            responder.say(body, _when_done(work))

    @app.event("app_mention")
    async def on_mention(event: Json, body: Json) -> None:
        me = await context.myself(workspace(body))
        if watching.person_of(event) is None or event.get("edited") or not watching.is_command(me, event):
            return
        here = Thread(workspace(body), event["channel"], event.get("thread_ts") or event["ts"])
        if event["ts"] in under_way:
            return  # Slack tells of it again
        under_way.add(event["ts"])
        work = asyncio.create_task(_mention(context, here, event, shared=bool(body.get("is_ext_shared_channel"))))
        work.add_done_callback(lambda _: under_way.discard(event["ts"]))
        work.add_done_callback(lambda _: wake())
        done, _ = await asyncio.wait({work}, timeout=ANSWER_SECONDS)
        if done:
            work.result()  # what could not be stored comes again, for it is not acknowledged then
        else:
            responder.go_on(_until_done(context, here, event, work))

    _ = on_command, on_mention


async def _command(context: Context, here: Thread, body: Json) -> str:
    silent = await shared_channels.is_silent(context, here)
    caller = Caller(body["user_id"], here, COMMAND, open=not silent)
    return await run(context, caller, str(body.get("text") or ""))


async def _mention(context: Context, here: Thread, event: Json, *, shared: bool) -> None:
    if await mentions.was_heard(context.store, here, event["ts"]):
        return  # Slack tells of it again
    if shared:
        await channels.remember_shared(context.store, here.whole_channel)
    caller = Caller(event["user"], here, MENTION, source_ts=event["ts"], open=context.shared or not shared)
    said = await run(context, caller, str(event["text"]).lstrip().partition(">")[2])
    if await mentions.hear(context.store, here, event["ts"]):
        await _whisper(context, here, event, said)


async def _until_done(context: Context, here: Thread, event: Json, work: "asyncio.Task[None]") -> None:
    """The answer of what took so long that Slack was told before; nobody asks again when it fails."""
    try:
        await work
    except SQLAlchemyError:
        await _whisper(context, here, event, sentences.not_saved())
    except Exception:
        reference = secrets.token_hex(2).upper()
        log.exception("mention.failed", reference=reference)
        await _whisper(context, here, event, sentences.went_wrong(reference))


async def _whisper(context: Context, here: Thread, event: Json, text: str) -> None:
    """Tell the person where they asked: in the thread, or in the channel when they opened none."""
    place = here if event.get("thread_ts") else here.whole_channel
    try:
        await (await context.slack(here.workspace)).whisper(place, event["user"], text)
    except (SlackTransient, SlackPermanent) as error:
        log.warning("answer.lost", user=event["user"], why=str(error))


async def _when_done(work: "asyncio.Task[str]") -> str:
    return await work
