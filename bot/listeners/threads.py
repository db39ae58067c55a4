"""Messages in channels: links that come, change and go."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, cast

from slack_bolt.async_app import AsyncApp

from bot.listeners.installation import installation_of
from bot.model import Identity, Thread
from bot.services import decision_log, site_warning, watching
from bot.services.context import Context
from bot.slack.client import Myself
from bot.store import channels, joining, sightings, tying
from bot.store.seen import Candidate, ScannedMessage

Json = dict[str, Any]

WATCHED_CHANNELS = ("channel", "group")
"""Not direct messages. Channels that are shared with other organisations only where the operator allows it."""
DIRECT = "D"
"""What ids of direct messages begin with, where an event does not say what its channel is."""


@dataclass(frozen=True, slots=True)
class Where:
    """What a message does not say itself: the workspace and channel it is in, and who the bot is there."""

    workspace: str
    channel: str
    me: Myself


def register(app: AsyncApp, context: Context, wake: Callable[[], None]) -> None:
    """Watch messages. `wake` makes delivery look at once after something was written down."""

    @app.event("message")
    async def on_message(event: Json, body: Json) -> None:
        if not _is_watched(event):
            return
        there = installation_of(body)
        if body.get("is_ext_shared_channel"):
            await channels.remember_shared(context.store, Thread(there, event["channel"], ""))
            if not context.shared:
                return
        where = Where(there, event["channel"], await context.myself(there))
        match event.get("subtype"):
            case "message_changed":
                written = await _changed(
                    context, where, _message(event, "message"), _message(event, "previous_message")
                )
            case "message_deleted":
                written = await _deleted(context, where, event)
            case None | "bot_message" | "thread_broadcast" | "file_share" | "me_message":
                written = await _posted(context, where, event)
            case _:
                return
        if written:
            wake()


def _is_watched(event: Json) -> bool:
    kind = event.get("channel_type")
    return kind in WATCHED_CHANNELS or (not kind and not str(event["channel"]).startswith(DIRECT))


def _message(event: Json, name: str) -> Json:
    """The message that an event holds under this name; empty where it does not, or holds something else.

    Slack's own sample of `message_changed` has no `previous_message` (docs.slack.dev/reference/events/message).
    """
    found: object = event.get(name)
    return cast(Json, found) if isinstance(found, dict) and "ts" in found else {}


async def _posted(context: Context, where: Where, message: Json) -> bool:
    """Whether something was written down: most messages bring no link, and wake nobody."""
    if watching.is_ours(where.me, message) or watching.is_command(where.me, message):
        return False
    seen = _read(context, where, message, edited=False)
    if seen.elsewhere:
        await site_warning.notice(context, seen)
    if not (seen.found or seen.names):
        return False
    return await _sight(context, seen) or bool(seen.names)


async def _changed(context: Context, where: Where, message: Json, before: Json) -> bool:
    """An edit; Slack also sends this for link previews, where no link came or went."""
    if not message or watching.is_ours(where.me, message) or watching.is_ours(where.me, before):
        return False
    now = _read(context, where, message, edited=True)
    then = _read(context, where, before, edited=True) if before else await _as_stored(context, now)
    if now.is_root and now.names != then.names and message.get("subtype") != "tombstone":
        await tying.reroot(context.store, now)
        return True
    before_it, after_it = _identities(then.found), _identities(now.found)
    came = [each for each in now.found if each.insight.identity not in before_it]
    gone = [each for each in before_it if each not in after_it]
    if gone:
        await sightings.take_back(context.store, now.thread, now.message_ts, gone)
    names = tuple(each for each in now.names if each not in then.names)
    if came or names:
        await _sight(context, replace(now, found=tuple(came), names=names))
    return bool(gone or came or names)


async def _as_stored(context: Context, now: ScannedMessage) -> ScannedMessage:
    """What this message was, for an edit that does not say it: links as they were written down, the root's cases."""
    async with context.store.read() as connection:
        found = await sightings.of_message(connection, now.thread, now.message_ts)
        about = await tying.root_names(connection, now)
    return replace(now, found=found, names=about)


async def _deleted(context: Context, where: Where, event: Json) -> bool:
    before = _message(event, "previous_message")
    ts = str(before.get("ts") or event.get("deleted_ts") or "")
    if not ts:
        return False
    if not before or watching.is_ours(where.me, before):
        await joining.removed(context.store, Thread(where.workspace, where.channel, ""), ts, context.timing)
    if before:
        then = _read(context, where, before, edited=True)
        thread, found = then.thread, then.found
    else:
        async with context.store.read() as connection:
            thread = await sightings.thread_of(connection, where.workspace, where.channel, ts)
            found = await sightings.of_message(connection, thread, ts) if thread else ()
    if thread is None or not found:
        return False
    await sightings.take_back(context.store, thread, ts, list(_identities(found)))
    return True


def _read(context: Context, where: Where, message: Json, *, edited: bool) -> ScannedMessage:
    return watching.seen(context, where.workspace, where.channel, message, edited=edited)


async def _sight(context: Context, seen: ScannedMessage) -> bool:
    """Whether anything was new."""
    sighted = await sightings.sight(context.store, seen, lambda: watching.rules(context, seen.thread, seen.poster))
    decision_log.tell(context, seen.thread, sighted.tie, sighted.decided)
    return sighted.new > 0


def _identities(found: Iterable[Candidate]) -> set[Identity]:
    return {each.insight.identity for each in found}
