"""The Home tab: what it shows of the channels that a person shares with the bot, and its Retry all failed."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog

from bot.insights import Mode
from bot.messages import home, sentences
from bot.messages.card_view import type_name
from bot.messages.home import Home, HomeCase
from bot.messages.text import escape
from bot.model import Identity, State, Thread
from bot.services import dropped_events, site_warning, ties
from bot.services.checks import in_channels, permit
from bot.services.context import Context
from bot.services.responder import Answer, text_of
from bot.slack.client import SlackPermanent, SlackTransient
from bot.slack.workspaces import Workspace
from bot.store import overview
from bot.store.overview import CaseTitle, Overview, Recent

NAMES_SECONDS = 1.0
"""How long Home waits for the names of insights."""

log = structlog.get_logger(__name__)


async def retry_failed(context: Context, workspace: str, user: str) -> str:
    """Try again what failed in the channels that this person shares with the bot; raises UserError.

    Whether they may is decided when they press: Home may have been shown long before.
    """
    await permit(context, workspace, user, "a case")
    channels = await (await context.slack(workspace)).channels_of(user) or frozenset[str]()
    retried = await overview.retry_all(context.store, workspace, channels, context.orgs_for(workspace), user)
    return sentences.retried(retried)


async def untie(context: Context, place: Thread, user: str) -> Answer:
    """Untie a place that is listed on somebody's Home, if they are still in its channel; raises UserError."""
    await in_channels(context, place.workspace, user, {place.channel})
    return await ties.untie(context, place, user)


async def ask_first(context: Context, place: Thread, user: str) -> Answer:
    """Set a place of somebody's Home to mode ask, if they are still in its channel; raises UserError."""
    await in_channels(context, place.workspace, user, {place.channel})
    return await ties.set_mode(context, place, Mode.ASK, user)


async def publish(context: Context, workspace: str, user: str, notice: Answer = "") -> None:
    """Show this person their Home. `notice`: the result of what they pressed there."""
    try:
        result = await text_of(notice)
        installed = await context.workspaces.at(workspace)
        await installed.slack.publish_home(user, home.home(await _home(context, workspace, installed, user, result)))
    except (SlackTransient, SlackPermanent) as error:
        log.warning("home.not_published", user=user, why=str(error))


async def _home(context: Context, workspace: str, installed: Workspace, user: str, notice: str) -> Home:
    """What this person may see: no cases if they may not change them, and no channels that they are not in."""
    if refused := await context.refused(workspace, user, "a case"):
        return Home(notice=notice or refused, restricted=True)
    warnings = [await site_warning.warning(context, workspace), await dropped_events.warning(context)]
    warning = " ".join(filter(None, warnings))
    channels = await installed.slack.channels_of(user)
    if channels is None:
        return Home(notice=notice or sentences.HOME_NEEDS_SCOPES, warning=warning)
    async with context.store.read() as connection:
        found = await overview.read(connection, workspace, channels, context.orgs_for(workspace))
    shown = await _of_channels(context, found, installed.myself.url)
    return replace(shown, notice=notice, warning=warning)


async def _of_channels(context: Context, found: Overview, url: str) -> Home:
    """For people who may change cases, and so may be told names and titles."""
    names = await _names(context, found.recent)
    unfinished = [insight for insight in found.recent if insight.state is not State.ADDED]
    added = [insight for insight in found.recent if insight.state is State.ADDED]
    ties: dict[CaseTitle, list[tuple[str, str]]] = {}
    for place, case in found.ties:
        ties.setdefault(case, []).append((f"Tied: {_place(url, place)}", _value(place)))

    def listed(case: CaseTitle, insights: Sequence[Recent]) -> HomeCase:
        lines = [_line(url, insight, names.get(insight.identity, "")) for insight in insights if insight.case == case]
        return HomeCase(case.key, case.title, f"{context.orgs[case.org].case_url}{case.key}", lines=lines)

    def settled(case: CaseTitle) -> HomeCase:
        lost = [home.comment_deleted(_place(url, place)) for place, of in found.lost if of == case]
        shown = listed(case, added)
        return replace(shown, ties=ties.get(case, []), lines=[*lost, *shown.lines])

    return Home(
        unfinished=[listed(case, unfinished) for case in _of(unfinished)],
        failed=sum(insight.state is State.FAILED for insight in unfinished),
        cases=[settled(case) for case in dict.fromkeys([*ties, *_of(added), *(case for _, case in found.lost)])],
        modes=[(home.what(f"Mode {mode}", _place(url, place)), _value(place)) for place, mode in found.modes],
    )


def _of(insights: Sequence[Recent]) -> Sequence[CaseTitle]:
    """Their cases, each once."""
    return list(dict.fromkeys(insight.case for insight in insights))


async def _names(context: Context, insights: Sequence[Recent]) -> Mapping[Identity, str]:
    """The names that are cached or that Datadog tells in time."""
    by_org: dict[str, list[Identity]] = {}
    for insight in insights:
        by_org.setdefault(insight.case.org, []).append(insight.identity)
    asked = (context.orgs[org].names_of(ids, within=NAMES_SECONDS) for org, ids in by_org.items())
    found = await asyncio.gather(*asked)
    return {identity: name for names in found for identity, name in names.items()}


def _line(url: str, insight: Recent, name: str) -> str:
    what = f"{type_name(insight.identity)} {name or insight.identity.resource_id}"
    card = home.address(insight.place.permalink(url, insight.card_ts or insight.place.ts), "its card")
    return home.line(what, insight.state, insight.at, card, insight.note or escape(insight.waits_for))


def _value(place: Thread) -> str:
    return f"{place.channel}:{place.ts}"


def _place(url: str, place: Thread) -> str:
    channel = home.channel_mention(place.channel)
    if not place.ts:
        return channel
    thread = home.address(place.permalink(url, place.ts), "thread")
    return f"{thread} of {home.moment(float(place.ts))} in {channel}"
