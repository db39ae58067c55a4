"""Messages in channels: links that come, change and go."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.delivery import Reach
from bot.delivery.threads import names_of
from bot.links import extract, orgs_of, parse
from bot.messages import METADATA_EVENT
from bot.model import Identity, Insight, InsightType, Outcome, Thread
from bot.store import sightings
from bot.store.sightings import Found, Seen

Json = dict[str, Any]

WATCHED_CHANNELS = ("channel", "group")


@dataclass(frozen=True, slots=True)
class Where:
    """The part of an event's envelope that its message does not repeat."""

    workspace: str
    channel: str


def register(app: AsyncApp, reach: Reach, wake: Callable[[], None]) -> None:
    """Watch messages. `wake` makes delivery look at once after something was written down."""

    @app.event("message")
    async def on_message(event: Json, body: Json) -> None:
        if not _is_watched(event, body):
            return
        where = Where(_workspace(body), event["channel"])
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


def _workspace(body: Json) -> str:
    """The installation an event is for: the enterprise of an org-wide install, else the team."""
    enterprise = body.get("enterprise_id") if body.get("is_enterprise_install") else None
    return str(enterprise or body["team_id"])


def _is_watched(event: Json, body: Json) -> bool:
    """Not direct messages, and nothing in channels that are shared with other organisations."""
    return event.get("channel_type") in WATCHED_CHANNELS and not body.get("is_ext_shared_channel")


async def _posted(reach: Reach, where: Where, message: Json) -> bool:
    """Whether something was written down: most messages bring no link, and wake nobody."""
    if _is_ours(reach, message) or _is_command(reach, message):
        return False
    seen = _read(reach, where, message, edited=False)
    if not (seen.found or seen.names):
        return False
    return await sightings.sight(reach.store, seen, reach.timing) > 0 or bool(seen.names)


async def _changed(reach: Reach, where: Where, message: Json, before: Json) -> bool:
    """An edit; Slack also sends this for link previews, where no link came or went."""
    if _is_ours(reach, message) or _is_ours(reach, before):
        return False
    now = _read(reach, where, message, edited=True)
    then = _read(reach, where, before, edited=True)
    if now.is_root and now.names != then.names and message.get("subtype") != "tombstone":
        await sightings.reroot(reach.store, now)
        return True
    before_it, after_it = _identities(then.found), _identities(now.found)
    came = [each for each in now.found if each.insight.identity not in before_it]
    gone = [each for each in before_it if each not in after_it]
    if gone:
        await sightings.take_back(reach.store, now.thread, now.message_ts, gone)
    if came:
        new = Seen(now.thread, now.message_ts, now.poster, tuple(came), now.names)
        await sightings.sight(reach.store, new, reach.timing)
    return bool(gone or came)


async def _deleted(reach: Reach, where: Where, before: Json) -> bool:
    if not before or _is_ours(reach, before):
        return False
    then = _read(reach, where, before, edited=True)
    await sightings.take_back(reach.store, then.thread, then.message_ts, list(_identities(then.found)))
    return bool(then.found)


def _read(reach: Reach, where: Where, message: Json, *, edited: bool) -> Seen:
    """What a message brings: insights of our orgs, and, where it is a root, the cases it names."""
    thread = Thread(where.workspace, where.channel, message.get("thread_ts") or message["ts"])
    is_root = thread.ts == message["ts"]
    links = [parse(link, reach.routes) for link in extract(message, edited=edited)]
    return Seen(
        thread=thread,
        message_ts=message["ts"],
        poster=message.get("user") or message.get("bot_id"),
        found=tuple(_insights(reach, links)),
        names=names_of(reach, links) if is_root else (),
    )


def _insights(reach: Reach, links: Iterable[Outcome | None]) -> Iterable[Found]:
    """Each identity once; links of organisations that are not ours are not ours to add."""
    hosts = [org.hosts for org in reach.orgs.values()]
    found: dict[Identity, Found] = {}
    for link in links:
        if not isinstance(link, Insight):
            continue
        orgs = tuple(org.name for org in orgs_of(link.host, hosts))
        if orgs or link.type is InsightType.SCM_URL:
            found.setdefault(link.identity, Found(link, orgs))
    return found.values()


def _identities(found: Iterable[Found]) -> set[Identity]:
    return {each.insight.identity for each in found}


def _is_ours(reach: Reach, message: Json) -> bool:
    told: Json = message.get("metadata") or {}
    return message.get("bot_id") == reach.myself.bot or told.get("event_type") == METADATA_EVENT


def _is_command(reach: Reach, message: Json) -> bool:
    return str(message.get("text") or "").lstrip().startswith(f"<@{reach.myself.user}>")
