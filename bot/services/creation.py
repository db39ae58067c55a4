"""A case from a thread: the form, what can be chosen in it, and its submission, which leaves a request and its job.

The law: the form is opened first, from what Slack sent alone; it is filled in once Datadog has answered.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.datadog.client import Datadog
from bot.datadog.errors import DatadogPermanent, DatadogTransient
from bot.messages import created, creation, sentences
from bot.messages.blocks import Json
from bot.messages.card_view import Message
from bot.messages.creation import FilledCase
from bot.messages.text import readable
from bot.model import Thread, TieKind
from bot.services import forms, shared_channels
from bot.services.checks import UserError, not_outside, permit
from bot.services.context import Context, Organization
from bot.services.responder import Caller, not_saved
from bot.services.submission import SUBMIT_SECONDS, Submitted
from bot.slack.client import DIRECT, Myself
from bot.store import cases, creations, ties
from bot.store.creations import Creation

LIST_SECONDS = 2.0
"""For which Slack waits for the options of a menu, with some to spare."""

log = structlog.get_logger(__name__)


async def ask(context: Context, caller: Caller, place: Thread, title: str) -> str | Message:
    """What a command for a new case answers: it opens the form where Slack lets it, else it offers the button."""
    if caller.trigger and place == caller.here:
        return await open_form(context, place, caller.user, caller.trigger, creation.as_title(title))
    await permit(context, place.workspace, caller.user, "a case")
    return creation.opener(place, creation.as_title(title))


async def open_form(context: Context, place: Thread, user: str, trigger: str, title: str) -> str:
    """Open the form, and have it filled in; returns what to tell the person ("": nothing)."""
    marker, link = uuid.uuid4().hex, link_to(await context.myself(place.workspace), place)
    view = partial(creation.form, place, marker, title, link)
    view_id = await forms.open_view(context, place.workspace, trigger, view())
    if view_id is None:
        return sentences.NOT_OPENED
    context.background.do(_fill(context, place, user, view_id, view))
    return ""


def link_to(me: Myself, thread: Thread) -> str:
    """The address of a thread or a channel; empty where only one person can read it."""
    address = thread.permalink(me.url, thread.ts).removesuffix("/p")
    return "" if thread.channel.startswith(DIRECT) else address


async def _fill(context: Context, place: Thread, user: str, view_id: str, view: Callable[..., Json]) -> None:
    """Show what can be chosen, or why this person may not create a case."""
    try:
        await permit(context, place.workspace, user, "a case")
    except UserError as error:
        filled = creation.message(str(error))
    else:
        found = await asyncio.gather(*(_options(context, place.workspace, action) for action in _LISTS))
        lists = {
            action: [one for of_org in of_orgs for one in of_org or ()]
            for action, of_orgs in zip(_LISTS, found, strict=True)
            if None not in of_orgs
        }
        filled = view(lists=lists, stays=await _stays(context, place))
    await forms.update(context, place.workspace, view_id, filled)


async def _stays(context: Context, place: Thread) -> str:
    """The key of the case that the thread itself is tied to, where this workspace may know it."""
    async with context.store.read() as connection:
        own = await ties.own(connection, place) if place.ts else None
        tied = own is not None and own.kind is TieKind.TIED and own.org in context.orgs_for(place.workspace)
        case = await cases.get(connection, own.org, own.case_id) if own and tied else None
    return case.key if case else ""


async def search(context: Context, workspace: str, user: str, action: str, words: str) -> Sequence[Json]:
    """The projects or types with these words, for those who may create a case; none where Datadog is not in time."""
    if await context.refusal(workspace, user) is not None:
        return ()
    found = await _options(context, workspace, action)
    of_all = [one for of_org in found for one in of_org or ()]
    return [one for one in of_all if words.lower() in one["text"]["text"].lower()][: creation.OPTIONS]


async def _options(context: Context, workspace: str, action: str) -> Sequence[Sequence[Json] | None]:
    """All projects or types, by organisation; None where it does not answer."""
    orgs = context.orgs_for(workspace)

    async def of(name: str, org: Organization) -> Sequence[Json] | None:
        try:
            if action not in org.lists:  # Slack asks at each letter
                org.lists[action] = await _LISTS[action](org.datadog)
        except (DatadogTransient, DatadogPermanent) as error:
            log.info("modal.list_failed", org=name, what=action, why=str(error))
            return None
        made = (creation.choice(name, what_id, words, several=len(orgs) > 1) for what_id, words in org.lists[action])
        return [one for one in made if one is not None]

    return await asyncio.gather(*(of(name, org) for name, org in orgs.items()))


async def _projects(datadog: Datadog) -> Sequence[tuple[str, str]]:
    found = await datadog.projects(within=LIST_SECONDS)
    return [(one.id, one.name if one.key in ("", one.name) else f"{one.key} · {one.name}") for one in found]


async def _types(datadog: Datadog) -> Sequence[tuple[str, str]]:
    return [(one.id, one.name) for one in await datadog.case_types(within=LIST_SECONDS)]


_LISTS: Mapping[str, Callable[[Datadog], Awaitable[Sequence[tuple[str, str]]]]] = {
    creation.PROJECT: _projects,
    creation.TYPE: _types,
}


async def submit(context: Context, workspace: str, user: str, view: Json) -> Mapping[str, str] | Submitted:
    """Store the request, once however often Slack sends it. Else nothing is changed: sentences by field.

    Raises Malformed.
    """
    filled = creation.read(view)
    if problems := _problems(workspace, filled):
        return {creation.block_of(view, field): words for field, words in problems.items()}
    wanted = Creation(
        filled.marker, filled.place, filled.org, user, filled.title, filled.type_id, filled.project_id,
        filled.priority, filled.description,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SUBMIT_SECONDS):
            await permit(context, workspace, user, "a case", org=filled.org)
            await not_outside(context, workspace, user, filled.place.channel)
            await shared_channels.is_shared(
                context, filled.place
            )  # stored, because the cards of its links depend on it
            async with context.store.write() as tx:
                is_new = await creations.ask(tx, wanted)
    except UserError as error:
        return {"title": readable(str(error))}
    except (SQLAlchemyError, TimeoutError) as error:
        log.warning("modal.not_saved", error=type(error).__name__)
        return {"title": not_saved(error)}
    return Submitted(filled.place, created.creating(filled.title) if is_new else "")


def _problems(workspace: str, filled: FilledCase) -> dict[str, str]:
    """What is wrong, by the action of the field."""
    if filled.place.workspace != workspace:
        return {"title": sentences.OTHER_WORKSPACE}
    if not filled.title:
        return {"title": "Give the case a title."}
    if filled.type_org != filled.org:
        return {creation.TYPE: f"This type is of another organisation than the project: choose one of {filled.org}."}
    return {}
