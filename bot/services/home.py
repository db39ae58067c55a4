"""The Home tab: what it shows of the channels that a person shares with the bot, and its Retry all failed."""

import structlog

from bot.insights import Mode
from bot.messages import home, sentences
from bot.messages.card_view import TYPE_NAMES
from bot.messages.home import Home
from bot.messages.text import escape
from bot.model import State, Thread
from bot.services import dropped_events, site_warning, ties
from bot.services.checks import in_channels, permit
from bot.services.context import Context
from bot.services.responder import Answer, text_of
from bot.slack.client import SlackPermanent, SlackTransient
from bot.slack.workspaces import Workspace
from bot.store import overview
from bot.store.overview import Overview, Recent

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
        return Home(notice=notice or refused)
    warnings = [await site_warning.warning(context, workspace), await dropped_events.warning(context)]
    warning = " ".join(filter(None, warnings))
    channels = await installed.slack.channels_of(user)
    if channels is None:
        return Home(notice=notice or sentences.HOME_NEEDS_SCOPES, warning=warning)
    async with context.store.read() as connection:
        found = await overview.read(connection, workspace, channels, context.orgs_for(workspace))
    return _of_channels(found, installed.myself.url, notice, warning)


def _of_channels(found: Overview, url: str, notice: str, warning: str) -> Home:
    return Home(
        ties=[(home.what(tie.case_key, _place(url, tie.place)), _value(tie.place)) for tie in found.ties],
        modes=[(home.what(f"Mode {mode}", _place(url, place)), _value(place)) for place, mode in found.modes],
        unfinished=[_line(url, insight) for insight in found.recent if insight.state is not State.ADDED],
        failed=sum(insight.state is State.FAILED for insight in found.recent),
        recent=[_line(url, insight) for insight in found.recent if insight.state is State.ADDED],
        notice=notice,
        warning=warning,
    )


def _line(url: str, insight: Recent) -> str:
    name = f"{TYPE_NAMES[insight.type]} {insight.resource_id}"
    what = f"{name} → {insight.case_key} ({insight.state})"
    card = insight.place.permalink(url, insight.card_ts or insight.place.ts)
    return home.line(what, home.address(card, "its card"), insight.note or escape(insight.waits_for))


def _value(place: Thread) -> str:
    return f"{place.channel}:{place.ts}"


def _place(url: str, place: Thread) -> str:
    if not place.ts:
        return home.channel_mention(place.channel)
    thread = place.permalink(url, place.ts)
    return f"{home.address(thread, 'a thread')} in {home.channel_mention(place.channel)}"
