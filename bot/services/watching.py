"""Watching messages: which insights and cases one brings, and what a post, an edit or a deletion changes.

Events differ from Slack's documentation: an edit may lack the previous message, and any event the kind of its channel.
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, assert_never, cast

from bot import metrics
from bot.insights import CASES_NAMED, OFFERED_AT_MOST, Candidate, Mode, ScannedMessage
from bot.links import OTHER_PAGE, elsewhere, extract, may_hold_links, parse
from bot.links.outcomes import CaseLink, Outcome, Uncovered
from bot.messages.cards import METADATA_EVENT
from bot.model import CaseName, Draft, Identity, Insight, InsightType, Thread, TieKind
from bot.services import repeats, site_warning
from bot.services.authors import author_of, own_part, person_of
from bot.services.context import Context
from bot.slack.client import Myself
from bot.slack.json import as_object
from bot.store import modes, open_cards, shared_channels, sightings, tie_changes, ties
from bot.store.offers import Rules

Json = dict[str, Any]

_MENTION = re.compile(r"<@([UWB][A-Z0-9]+)(?:\|[^<>]*)?>")
"""Slack may add a label (`<@U1|Bot>`), and names the bot by either of its ids."""
_MENTIONS = re.compile(rf"\s*(?:{_MENTION.pattern}[\s:,]*)+")
_COUNTED = {Insight: "insight", Draft: "draft", CaseLink: "case", Uncovered: "uncovered"}


@dataclass(frozen=True, slots=True)
class Edit:
    """What an edit changed: links that came and went, and cases that it names and did not name before.

    `renames_root`: a root names other cases now, so its whole thread may be about another one.
    """

    came: tuple[Candidate, ...]
    gone: tuple[Identity, ...]
    named: tuple[CaseName, ...]
    renames_root: bool


def passes_by(event: Json, *, shared: bool | None) -> bool:
    """Whether a `message` event is a post without a link, as nearly all are: then `pass_by` is enough.

    What an app posts in a thread is not: it may be the bot's own.
    """
    is_change = event.get("subtype") in ("message_changed", "message_deleted")
    by_app_in_thread = bool(event.get("thread_ts") and event.get("bot_id"))
    return not (shared or is_change or by_app_in_thread or may_hold_links(event))


def pass_by(context: Context, workspace: str, event: Json) -> None:
    """Note a post without a link: it may push its thread's card out of sight."""
    if thread_ts := event.get("thread_ts"):
        context.latest_messages.note(Thread(workspace, event["channel"], thread_ts), event["ts"])


async def watch(context: Context, workspace: str, event: Json, *, shared: bool | None) -> bool:
    """Store what a `message` event brings; returns whether there was anything: most messages bring no link.

    `shared`: whether other organisations are in its channel; None: the event does not say.
    """
    if not is_watched(event):
        return False
    channel = Thread(workspace, event["channel"], "")
    if shared:
        await shared_channels.remember(context.store, channel, shared=True)
        if not context.shared:
            return False
    me = await context.myself(workspace)
    match event.get("subtype"):
        case "message_changed":
            return await _changed(context, channel, me, event, shared)
        case "message_deleted":
            return await _deleted(context, channel, me, event)
        case None | "bot_message" | "thread_broadcast" | "file_share" | "me_message":
            return await _posted(context, channel, me, event, shared)
        case _:
            return False


async def _posted(context: Context, channel: Thread, me: Myself, message: Json, shared: bool | None) -> bool:
    if is_ours(me, message):
        return False
    brought = _evidence(me, message, seen(context, channel, message, edited=False))
    if not brought.found:
        context.latest_messages.note(brought.thread, brought.message_ts)
    if brought.elsewhere:
        await site_warning.notice(context, brought)
    if not (brought.found or brought.names):
        return False
    return await _sight(context, brought, shared) or bool(brought.names)


async def _changed(context: Context, channel: Thread, me: Myself, event: Json, shared: bool | None) -> bool:
    """Slack also sends this for link previews, where no link came or went."""
    message, previous = _message_in(event, "message"), _message_in(event, "previous_message")
    if not message or is_ours(me, message) or is_ours(me, previous):
        return False
    after = _evidence(me, message, seen(context, channel, message, edited=True))
    before = (
        _evidence(me, previous, seen(context, channel, previous, edited=True))
        if previous
        else await _as_stored(context, after)
    )
    edit = difference(before, after, deleted=message.get("subtype") == "tombstone")
    if edit.gone:  # before the thread has another case, which they would be offered for
        await sightings.take_back(context.store, after.thread, after.message_ts, list(edit.gone))
    if edit.renames_root:
        await tie_changes.reroot(context.store, after)
    if edit.came or edit.named:
        names = after.names if edit.renames_root else edit.named
        await _sight(context, replace(after, found=edit.came, names=names), shared)
    return bool(edit.renames_root or edit.gone or edit.came or edit.named)


def _evidence(me: Myself, message: Json, brought: ScannedMessage) -> ScannedMessage:
    """What a message brings to its thread: a command brings nothing, however it is edited."""
    return brought if command_of(me, message) is None else replace(brought, found=(), names=(), elsewhere=frozenset())


async def _as_stored(context: Context, after: ScannedMessage) -> ScannedMessage:
    """The message before an edit, where Slack leaves that out: as it is stored, its links and a root's cases."""
    async with context.store.read() as connection:
        found = await sightings.of_message(connection, after.thread, after.message_ts)
        names = await tie_changes.root_names(connection, after)
    return replace(after, found=found, names=names)


async def _deleted(context: Context, channel: Thread, me: Myself, event: Json) -> bool:
    previous = _message_in(event, "previous_message")
    ts = str(previous.get("ts") or event.get("deleted_ts") or "")
    if not ts:
        return False
    if not previous or is_ours(me, previous):  # perhaps a card
        await open_cards.removed(context.store, channel, ts, context.timing)
    if previous:
        before = seen(context, channel, previous, edited=True)
        thread, found = before.thread, before.found
    else:
        async with context.store.read() as connection:
            thread = await sightings.thread_of(connection, channel.workspace, channel.channel, ts)
            found = await sightings.of_message(connection, thread, ts) if thread else ()
    if thread is None or not found:
        return False
    await sightings.take_back(context.store, thread, ts, [candidate.insight.identity for candidate in found])
    return True


async def _sight(context: Context, brought: ScannedMessage, shared: bool | None) -> bool:
    """Store and offer what a message brings; returns whether anything was new."""
    thread = brought.thread

    async def offered_by() -> Rules:
        if shared is False:  # it may have been, and its cards would be held back
            await shared_channels.remember(context.store, thread, shared=False)
        return await rules(context, thread, brought)

    sighted = await sightings.sight(context.store, brought, offered_by)
    repeats.report_decisions(context, thread, sighted.tie, sighted.decided)
    return sighted.new > 0


def is_watched(event: Json) -> bool:
    """Whether a `message` event is of a channel, not of direct messages, whose ids begin with D."""
    kind = event.get("channel_type")
    return kind in ("channel", "group") or (not kind and not str(event["channel"]).startswith("D"))


def difference(before: ScannedMessage, after: ScannedMessage, *, deleted: bool) -> Edit:
    """What an edit changed. `deleted`: the root was deleted and its thread lives on: it keeps its case."""
    old, new = ([candidate.insight.identity for candidate in message.found] for message in (before, after))
    return Edit(
        came=tuple(candidate for candidate in after.found if candidate.insight.identity not in old),
        gone=tuple(identity for identity in old if identity not in new),
        named=tuple(name for name in after.names if name not in before.names),
        renames_root=after.is_root and after.names != before.names and not deleted,
    )


def seen(context: Context, channel: Thread, message: Json, *, edited: bool) -> ScannedMessage:
    """What a message brings; `edited`: it comes from an edit, where other messages' previews do not count."""
    thread = Thread(channel.workspace, channel.channel, message.get("thread_ts") or message["ts"])
    urls = extract(message, edited=edited)
    links = [parse(url, context.routes) for url in urls]
    if not edited:
        _count(links)
    person = person_of(message)
    own = own_part(message, person)
    pasted = urls if own is message else extract(own, edited=edited)
    found = tuple(_candidates(context, thread.workspace, links, [url not in pasted for url in urls]))
    names = names_of(context, thread.workspace, links)
    sites = elsewhere({link.host for link in links if link}, context.hosts)
    by = author_of(message)
    return ScannedMessage(thread, message["ts"], by, found, names, person is None, sites, len(found))


async def rules(context: Context, thread: Thread, new: ScannedMessage | None = None, by: str | None = None) -> Rules:
    """How this thread's links are offered. Not stored yet: a `new` message, and `by` whom its case was named.

    Slack is asked, before anything is locked, who may confirm in mode auto, and of those who post many links.
    """
    fewest, latest = OFFERED_AT_MOST[False], context.latest_messages.of(thread)
    many = new is None or new.links > fewest
    async with context.store.read() as connection:
        mode = await modes.of(connection, thread) or context.mode
        auto = mode is Mode.AUTO
        tie = await ties.of(connection, thread) if auto else None
        waiting = await sightings.posters(connection, thread, 0 if auto else fewest) if auto or new is None else ()
    foreign = tie is not None and tie.kind is TieKind.TIED and tie.org not in context.orgs_for(thread.workspace)
    if foreign or not (auto or many):
        return Rules(context.timing, context.mode, many=many, latest=latest)
    posters = {*waiting, new.poster if new is not None else None, tie.by if tie is not None else by}
    people = {poster for poster in posters if poster and poster[0] in "UW"}
    refusals = await asyncio.gather(*(context.refusal(thread.workspace, person) for person in people))
    may = frozenset(person for person, refusal in zip(people, refusals, strict=True) if refusal is None)
    judged = frozenset(posters) if auto else None
    return Rules(context.timing, context.mode, may, many=many, latest=latest, judged=judged)


def names_of(context: Context, workspace: str, links: Iterable[Outcome | None]) -> tuple[CaseName, ...]:
    """The cases that these links can name in the organisations of this workspace, each once, and not too many.

    Organisations that share a web host can each have a case with that key: Datadog tells which of them do.
    """
    cases = [link for link in links if isinstance(link, CaseLink)]
    named = (tuple(CaseName(org, link.case) for org in context.owners(workspace, link.host)) for link in cases)
    first = list(dict.fromkeys(filter(None, named)))[:CASES_NAMED]
    return tuple(dict.fromkeys(name for names in first for name in names))


def is_ours(me: Myself, message: Json) -> bool:
    """Whether the bot posted this itself: neither the message nor an edit of it is evidence."""
    return message.get("bot_id") == me.bot or as_object(message.get("metadata")).get("event_type") == METADATA_EVENT


def command_of(me: Myself, message: Json) -> str | None:
    """What a message tells the bot to do: what follows the mentions that begin it, if the bot is among them."""
    text = str(message.get("text") or "")
    begin = _MENTIONS.match(text) if "<@" in text else None
    is_for_us = begin is not None and not {me.user, me.bot}.isdisjoint(_MENTION.findall(begin[0]))
    return text[begin.end() :] if begin is not None and is_for_us else None


def _message_in(event: Json, name: str) -> Json:
    """The message that an event holds under this name; empty where it holds none, or something else.

    Slack's own sample of `message_changed` has no `previous_message` (docs.slack.dev/reference/events/message).
    """
    value: object = event.get(name)
    return cast(Json, value) if isinstance(value, dict) and "ts" in value else {}


def _count(links: Iterable[Outcome | None]) -> None:
    for link in filter(None, links):
        kind = str(link.type) if isinstance(link, (Insight, Draft)) else ""
        metrics.links.labels(_COUNTED[type(link)], kind).inc()


def insight_of(link: Outcome | None, context: Context) -> Insight | None:
    """What a link is offered as, if it is."""
    match link:
        case Insight():
            return link
        case Draft():
            return link.as_insight
        case Uncovered(note=Insight() as note) if context.notes and note.scope != OTHER_PAGE:
            return note
        case Uncovered() | CaseLink() | None:
            return None
        case _:
            assert_never(link)


def _candidates(
    context: Context, workspace: str, links: Iterable[Outcome | None], quoted: Iterable[bool]
) -> Iterable[Candidate]:
    """Each identity once, without those of organisations that are not this workspace's; what was also pasted is not
    `quoted`.
    """
    candidates: dict[Identity, Candidate] = {}
    for link, is_quoted in zip(links, quoted, strict=True):
        insight = insight_of(link, context)
        if insight is None or link is None:
            continue
        orgs = tuple(context.owners(workspace, insight.host))
        if orgs or insight.type is InsightType.SCM_URL:
            known = candidates.get(insight.identity)
            if known is None or known.quoted > is_quoted:
                candidates[insight.identity] = Candidate(insight, orgs, isinstance(link, Draft), is_quoted)
    return candidates.values()
