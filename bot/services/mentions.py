"""Mentions of the bot that begin a message: commands, each carried out and answered once."""

from collections.abc import Callable
from typing import Any

from bot.commands import MENTION
from bot.model import Thread
from bot.services import watching
from bot.services.commands import Caller, run
from bot.services.context import Context
from bot.services.responder import Responder, soon
from bot.store import channels, mentions

Json = dict[str, Any]


class Mentions:
    """Those under way: Slack sends an event again while the first one is still being carried out."""

    def __init__(self, context: Context, responder: Responder, wake: Callable[[], None]) -> None:
        self._context, self._responder, self._wake = context, responder, wake
        self._under_way: set[tuple[Thread, str]] = set()

    async def hear(self, workspace: str, event: Json, *, shared: bool) -> None:
        """Carry out a mention and answer in private: in its thread, or in the channel when it opened none.

        `shared`: other organisations are in its channel. What fails at once is raised, so that Slack sends it again;
        what fails after the acknowledgement is answered with a sentence.
        """
        me = await self._context.myself(workspace)
        if watching.person_of(event) is None or event.get("edited") or not watching.is_command(me, event):
            return
        thread, ts = Thread(workspace, event["channel"], event.get("thread_ts") or event["ts"]), str(event["ts"])
        if (thread, ts) in self._under_way:
            return

        def finish() -> None:
            self._under_way.discard((thread, ts))
            self._wake()

        self._under_way.add((thread, ts))
        answer = await soon(self._carry_out(thread, event, shared=shared), finish)
        self._responder.whisper(thread if event.get("thread_ts") else thread.whole_channel, event["user"], answer)

    async def _carry_out(self, thread: Thread, event: Json, *, shared: bool) -> str:
        """The answer; empty where another replica has carried it out."""
        store = self._context.store
        if await mentions.was_heard(store, thread, event["ts"]):
            return ""
        if shared:
            await channels.remember_shared(store, thread.whole_channel)
        caller = Caller(event["user"], thread, MENTION, source_ts=event["ts"])
        answer = await run(self._context, caller, str(event["text"]).lstrip().partition(">")[2])
        return answer if await mentions.hear(store, thread, event["ts"]) else ""
