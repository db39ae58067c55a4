"""Messages in channels: links that come, change and go."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.delivery import Reach, elsewhere, reading, telling
from bot.listeners.whence import workspace
from bot.model import Identity, Thread
from bot.slack import Myself
from bot.store import channels, joining, sightings, tying
from bot.store.seen import Found, Seen

Json = dict[str, Any]

WATCHED_CHANNELS = ("channel", "group")
"""Not direct messages. Channels that are shared with other organisations only where the operator allows it."""


@dataclass(frozen=True, slots=True)
class Where:
    """What a message does not say itself: the workspace and channel it is in, and who the bot is there."""

    workspace: str
    channel: str
    me: Myself


def register(app: AsyncApp, reach: Reach, wake: Callable[[], None]) -> None:
    """Watch messages. `wake` makes delivery look at once after something was written down."""

    @app.event("message")
    async def on_message(event: Json, body: Json) -> None:
        if event.get("channel_type") not in WATCHED_CHANNELS:
            return
        there = workspace(body)
        if body.get("is_ext_shared_channel"):
            await channels.remember_shared(reach.store, Thread(there, event["channel"], ""))
            if not reach.shared:
                return
        where = Where(there, event["channel"], await reach.myself(there))
        match event.get("subtype"):
            case "message_changed":
                written = await _changed(reach, where, event.get("message") or {}, event.get("previous_message") or {})
            case "message_deleted":
                written = await _deleted(reach, where, event.get("previous_message") or {})
            case None | "bot_message" | "thread_broadcast" | "file_share" | "me_message":
                written = await _posted(reach, where, event)
            case _:
                return
        if written:
            wake()


async def _posted(reach: Reach, where: Where, message: Json) -> bool:
    """Whether something was written down: most messages bring no link, and wake nobody."""
    if reading.is_ours(where.me, message) or reading.is_command(where.me, message):
        return False
    seen = _read(reach, where, message, edited=False)
    if seen.elsewhere:
        await elsewhere.notice(reach, seen)
    if not (seen.found or seen.names):
        return False
    return await _sight(reach, seen) or bool(seen.names)


async def _changed(reach: Reach, where: Where, message: Json, before: Json) -> bool:
    """An edit; Slack also sends this for link previews, where no link came or went."""
    if reading.is_ours(where.me, message) or reading.is_ours(where.me, before):
        return False
    now = _read(reach, where, message, edited=True)
    then = _read(reach, where, before, edited=True)
    if now.is_root and now.names != then.names and message.get("subtype") != "tombstone":
        await tying.reroot(reach.store, now)
        return True
    before_it, after_it = _identities(then.found), _identities(now.found)
    came = [each for each in now.found if each.insight.identity not in before_it]
    gone = [each for each in before_it if each not in after_it]
    if gone:
        await sightings.take_back(reach.store, now.thread, now.message_ts, gone)
    names = tuple(each for each in now.names if each not in then.names)
    if came or names:
        await _sight(reach, replace(now, found=tuple(came), names=names))
    return bool(gone or came or names)


async def _deleted(reach: Reach, where: Where, before: Json) -> bool:
    if not before:
        return False
    if reading.is_ours(where.me, before):
        await joining.removed(reach.store, Thread(where.workspace, where.channel, ""), before["ts"], reach.timing)
        return False
    then = _read(reach, where, before, edited=True)
    await sightings.take_back(reach.store, then.thread, then.message_ts, list(_identities(then.found)))
    return bool(then.found)


def _read(reach: Reach, where: Where, message: Json, *, edited: bool) -> Seen:
    return reading.seen(reach, where.workspace, where.channel, message, edited=edited)


async def _sight(reach: Reach, seen: Seen) -> bool:
    """Whether anything was new."""
    sighted = await sightings.sight(reach.store, seen, lambda: reading.rules(reach, seen.thread, seen.poster))
    telling.tell(reach, seen.thread, sighted.tie, sighted.decided)
    return sighted.new > 0


def _identities(found: Iterable[Found]) -> set[Identity]:
    return {each.insight.identity for each in found}
