"""Mentions of the bot: what begins a message is a command, carried out and answered once; the rest is answered, too."""

from dataclasses import replace
from typing import Any

from bot.commands import MENTION
from bot.messages import replies
from bot.messages.card_view import Message
from bot.model import Thread
from bot.services import authors, watching
from bot.services.commands import run
from bot.services.context import Context
from bot.services.responder import Caller, Responder
from bot.store import mentions, shared_channels

Json = dict[str, Any]


class Mentions:
    """The mentions under way: Slack sends an event again while the first one is still being carried out."""

    def __init__(self, context: Context, responder: Responder) -> None:
        self._context, self._responder = context, responder
        self._under_way: set[Caller] = set()

    async def hear(self, workspace: str, event: Json, *, shared: bool | None) -> None:
        """Carry out a mention and answer in private: in its thread, or in the channel when it opened none.

        `shared`: other organisations are in its channel. What fails at once is raised, so that Slack sends it again;
        what fails after the acknowledgement is answered with a sentence.
        """
        me = await self._context.myself(workspace)
        if authors.person_of(event) is None or event.get("edited"):
            return
        command = watching.command_of(me, event)
        thread = Thread(workspace, event["channel"], event.get("thread_ts") or event["ts"])
        caller = Caller(thread, event["user"], MENTION, message_ts=event["ts"])
        if caller in self._under_way:
            return
        self._under_way.add(caller)
        answer = await self._responder.soon(self._carry_out(caller, command, shared=shared))
        self._responder.respond(
            caller if event.get("thread_ts") else replace(caller, here=thread.whole_channel), answer
        )

    async def _carry_out(self, caller: Caller, command: str | None, *, shared: bool | None) -> str | Message:
        """The answer; empty where another replica has carried it out. `command` None: the bot is only spoken of."""
        store, thread = self._context.store, caller.here
        try:
            if await mentions.was_heard(store, thread, caller.message_ts):
                return ""
            if shared is not None:
                await shared_channels.remember(store, thread, shared=shared)
            answer = replies.SPOKEN_OF if command is None else await run(self._context, caller, command)
            return answer if await mentions.hear(store, thread, caller.message_ts) else ""
        finally:
            self._under_way.discard(caller)
