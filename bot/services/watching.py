"""Reading a message: which insights and cases it brings for our orgs, and whether it is for watching at all."""

import asyncio
from collections.abc import Iterable
from typing import Any

from bot import metrics
from bot.insights import Mode
from bot.links import elsewhere, extract, orgs_of, parse
from bot.messages.cards import METADATA_EVENT
from bot.model import CaseLink, CaseName, Draft, Identity, Insight, InsightType, Outcome, Thread, TieKind, Uncovered
from bot.policy import person_behind
from bot.services.context import Context
from bot.slack.client import Myself
from bot.store import modes, sightings, ties
from bot.store.seen import Candidate, Rules, ScannedMessage

Json = dict[str, Any]

_OF_APPS = ("bot_id", "app_id", "bot_profile")
_COUNTED = {Insight: "insight", Draft: "draft", CaseLink: "case", Uncovered: "uncovered"}


def seen(context: Context, workspace: str, channel: str, message: Json, *, edited: bool) -> ScannedMessage:
    """What a message brings; `edited`: it comes from an edit, where other messages' previews do not count."""
    thread = Thread(workspace, channel, message.get("thread_ts") or message["ts"])
    person = person_of(message)
    poster, by_bot = person or message.get("bot_id"), person is None
    pasted = extract(message, edited=edited)
    if not pasted:
        return ScannedMessage(thread, message["ts"], poster, (), by_bot=by_bot)  # as of nearly all messages
    links = [parse(link, context.routes) for link in pasted]
    if not edited:
        _count(links)
    return ScannedMessage(
        thread=thread,
        message_ts=message["ts"],
        poster=poster,
        found=tuple(_found(context, workspace, links)),
        names=names_of(context, workspace, links),
        by_bot=by_bot,
        elsewhere=elsewhere({link.host for link in links if link}, context.hosts_for(workspace)),
    )


async def rules(context: Context, thread: Thread, *posters: str | None) -> Rules:
    """How this thread's links are offered, whose pending links come from these posters or were written down before.

    Only mode auto needs to know who may confirm what they pasted: Slack is asked about them before anything is locked.
    """
    async with context.store.read() as connection:
        mode = await modes.of(connection, thread) or context.mode
        if mode is not Mode.AUTO:
            return Rules(context.timing, context.mode)
        tie = await ties.of(connection, thread)
        if tie is not None and tie.kind is TieKind.TIED and tie.org not in context.orgs_for(thread.workspace):
            return Rules(context.timing, context.mode)
        waiting = await sightings.posters(connection, thread)
    people = {each for each in (*posters, *waiting) if each and each[0] in "UW"}
    refusals = await asyncio.gather(*(context.refusal(thread.workspace, each) for each in people))
    may = frozenset(person for person, refusal in zip(people, refusals, strict=True) if refusal is None)
    return Rules(context.timing, context.mode, may)


def names_of(context: Context, workspace: str, links: Iterable[Outcome | None]) -> tuple[CaseName, ...]:
    """The cases of this workspace's orgs that a message's links can be, each once.

    Orgs that share a web host can each have a case of that key: Datadog tells which of them do.
    """
    hosts = context.hosts_for(workspace)
    found = [link for link in links if isinstance(link, CaseLink)]
    return tuple(dict.fromkeys(CaseName(org.name, link.case) for link in found for org in orgs_of(link.host, hosts)))


def person_of(message: Json) -> str | None:
    """The person who posted a message, and whose authority it has: an app that posts in their name is none.

    A workflow's post has a `bot_id`; an e-mail's and a reminder's `user` is Slackbot.
    """
    by_app = message.get("subtype") == "bot_message" or any(message.get(each) for each in _OF_APPS)
    return person_behind(message.get("user") or None, by_app=by_app)


def is_ours(me: Myself, message: Json) -> bool:
    """Whether the bot said this itself: such a message is no evidence, nor is an edit of it."""
    told: Json = message.get("metadata") or {}
    return message.get("bot_id") == me.bot or told.get("event_type") == METADATA_EVENT


def is_command(me: Myself, message: Json) -> bool:
    """Whether it begins with a mention of us, and so is meant for us."""
    return str(message.get("text") or "").lstrip().startswith(f"<@{me.user}>")


def _count(links: Iterable[Outcome | None]) -> None:
    for link in links:
        if link is not None:
            kind = str(link.type) if isinstance(link, (Insight, Draft)) else ""
            metrics.links.labels(_COUNTED[type(link)], kind).inc()


def _found(context: Context, workspace: str, links: Iterable[Outcome | None]) -> Iterable[Candidate]:
    """Each identity once; links of organisations that are not ours are not ours to add."""
    hosts = context.hosts_for(workspace)
    found: dict[Identity, Candidate] = {}
    for link in links:
        if not isinstance(link, (Insight, Draft)):
            continue
        insight = link if isinstance(link, Insight) else link.as_insight
        orgs = tuple(org.name for org in orgs_of(link.host, hosts))
        if orgs or link.type is InsightType.SCM_URL:
            found.setdefault(insight.identity, Candidate(insight, orgs, draft=isinstance(link, Draft)))
    return found.values()
