"""The reaction that adds: set on a message, it adds that message's links; taken off, it cancels what was not sent yet.

A member asks with it as with `add` and the message's address: the same service, and an answer in private, once.
"""

from typing import Any

from bot.commands import MENTION
from bot.links import Permalink, extract
from bot.messages import sentences
from bot.model import State, Thread
from bot.services.authors import author_of
from bot.services.checks import UserError, message_at, permit
from bot.services.commands import ENDS, Wanted, add_to, sentence_of, tied
from bot.services.context import PERSON_WITHIN, Context
from bot.services.responder import Caller, Responder
from bot.store import cards, now, reactions, shared_channels
from bot.store.reactions import Reaction

Json = dict[str, Any]


class Reactions:
    """The reactions under way: Slack sends an event again while the first one is still being carried out."""

    def __init__(self, context: Context, responder: Responder, emoji: str) -> None:
        """`emoji`: its name, without colons."""
        self._context, self._responder, self._emoji = context, responder, emoji
        self._under_way: set[Reaction] = set()

    async def added(self, workspace: str, event: Json, *, shared: bool | None) -> None:
        """Add what the message holds, and answer in private. Fails as `mentions.Mentions.hear` does."""
        reaction = await self._meant(workspace, event)
        if reaction is None or reaction in self._under_way:
            return
        self._under_way.add(reaction)
        answer = await self._responder.soon(self._carry_out(reaction, shared=shared))
        self._responder.respond(_caller(reaction, reaction.channel), answer)

    async def removed(self, workspace: str, event: Json) -> None:
        """Cancel what this person's reaction confirmed and what was not sent yet."""
        reaction = await self._meant(workspace, event)
        if reaction is None:
            return
        async with self._context.store.write() as tx:
            note = sentences.NOTHING_WAS_ADDED
            await reactions.take_off(
                tx, reaction, cards.Change(State.DISMISSED, await now(tx), by=reaction.user, note=note)
            )

    async def _meant(self, workspace: str, event: Json) -> Reaction | None:
        """The reaction that an event is about; None: it is no person's with our emoji, or to the bot's own message.

        Slack adds a skin tone (`wave::skin-tone-2`), and leaves `item_user` out where an app posted the message.
        """
        user, item = event["user"], event.get("item")
        if event["reaction"].partition("::")[0] != self._emoji or item is None or item.get("type") != "message":
            return None
        installed = await self._context.workspaces.at(workspace)
        if installed.myself.user in (user, event.get("item_user")):
            return None
        person = await installed.slack.person(user, within=PERSON_WITHIN)
        if person is not None and person.is_bot:
            return None
        return Reaction(Thread(workspace, item["channel"], ""), item["ts"], user, event["event_ts"])

    async def _carry_out(self, reaction: Reaction, *, shared: bool | None) -> str:
        """Answer where the message is; the answer that is returned is empty."""
        context, here = self._context, reaction.channel
        try:
            async with context.store.read() as connection:
                if await reactions.was_heard(connection, reaction):
                    return ""
            if shared is not None:
                await shared_channels.remember(context.store, here, shared=shared)
            try:
                address = Permalink(here.channel, reaction.ts, reaction.ts)
                thread, message = await message_at(context, here.workspace, address)
                here = thread if thread.ts != reaction.ts else here
                said = await self._add(reaction, thread, message)
            except ENDS as end:
                async with context.store.write() as tx:
                    said = sentence_of(end) if await reactions.hear(tx, reaction, await now(tx)) else ""
            self._responder.respond(_caller(reaction, here), said)
            return ""
        finally:
            self._under_way.discard(reaction)

    async def _add(self, reaction: Reaction, thread: Thread, message: Json) -> str:
        context, caller = self._context, _caller(reaction, thread)
        await permit(context, thread.workspace, reaction.user, "a case")
        links = [link for link in extract(message) if context.read(link).outcome is not None]
        if not links:
            raise UserError(sentences.no_links(""))
        case = await tied(context, caller, thread)
        by = author_of(message)
        return await add_to(context, case, Wanted(thread, links, reaction.user, reaction.ts, by, reaction))


def _caller(reaction: Reaction, here: Thread) -> Caller:
    return Caller(here, reaction.user, MENTION)
