"""The Home tab: published when somebody opens it, and again after its own buttons."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp

from bot.insights import Mode
from bot.listeners.cards import CLICK_SECONDS
from bot.listeners.responder import Responder
from bot.listeners.ties import leave, set_mode
from bot.listeners.whence import workspace
from bot.messages import home, sentences
from bot.messages.home import Home
from bot.messages.text import escape
from bot.messages.view import TYPE_NAMES
from bot.model import State, Thread
from bot.services import site_warning
from bot.services.context import Context
from bot.slack.client import SlackPermanent, SlackTransient
from bot.store import home as stored
from bot.store.home import Overview, Recent

Json = dict[str, Any]

log = structlog.get_logger(__name__)


def register(app: AsyncApp, context: Context, responder: Responder, wake: Callable[[], None]) -> None:
    """Listen for Home being opened and for its button."""

    @app.event("app_home_opened")
    async def on_opened(event: Json, body: Json) -> None:
        if event.get("tab") == "home":
            responder.go_on(_publish(context, workspace(body), event["user"], ""))

    @app.action("home.retry")
    async def on_retry(ack: Callable[[], Awaitable[Any]], body: Json) -> None:
        await ack()
        responder.go_on(_retry(context, workspace(body), body["user"]["id"], wake))

    def on(action_id: str, act: Callable[[Context, Responder, Thread, str], Awaitable[str]]) -> None:
        @app.action(action_id)
        async def on_press(ack: Callable[[], Awaitable[Any]], body: Json, action: Json) -> None:
            team, user = workspace(body), body["user"]["id"]
            channel, _, ts = str(action["value"]).partition(":")
            async with asyncio.timeout(CLICK_SECONDS):
                notice = await act(context, responder, Thread(team, channel, ts), user)
            wake()
            await ack()
            responder.go_on(_publish(context, team, user, notice))

        _ = on_press

    on("home.untie", leave)
    on("home.ask", _ask)
    _ = on_opened, on_retry


async def _ask(context: Context, responder: Responder, place: Thread, user: str) -> str:
    return await set_mode(context, responder, place, Mode.ASK, user)


async def _retry(context: Context, team: str, user: str, wake: Callable[[], None]) -> None:
    """Judged at the press, and only for channels that this person shares with the bot."""
    if refused := await context.refused(team, user, "a case"):
        await _publish(context, team, user, refused)
        return
    channels = await (await context.slack(team)).channels_of(user) or frozenset[str]()
    retried = await stored.retry_all(context.store, team, channels, context.orgs_for(team), user)
    wake()
    await _publish(context, team, user, sentences.retried(retried))


async def _publish(context: Context, team: str, user: str, notice: str) -> None:
    try:
        there = await context.workspaces.at(team)
        channels = await there.slack.channels_of(user)
        if refused := await context.refused(team, user, "a case"):
            shown = Home(notice=notice or refused)
        elif channels is None:
            warning = await site_warning.warning(context, team)
            shown = Home(notice=notice or sentences.home_needs_scopes(), warning=warning)
        else:
            async with context.store.read() as connection:
                told = await stored.overview(connection, team, channels, context.orgs_for(team))
            shown = _home(there.myself.url, told, notice, await site_warning.warning(context, team))
        await there.slack.publish_home(user, home.home(shown))
    except (SlackTransient, SlackPermanent) as error:
        log.warning("home.not_published", user=user, why=str(error))


def _home(url: str, told: Overview, notice: str, warning: str) -> Home:
    return Home(
        ties=[(home.what(each.case_key, _place(url, each.place)), _value(each.place)) for each in told.ties],
        modes=[(home.what(f"Mode {mode}", _place(url, place)), _value(place)) for place, mode in told.modes],
        unfinished=[_line(url, each) for each in told.recent if each.state is not State.ADDED],
        failed=sum(each.state is State.FAILED for each in told.recent),
        recent=[_line(url, each) for each in told.recent if each.state is State.ADDED],
        notice=notice,
        warning=warning,
    )


def _line(url: str, each: Recent) -> str:
    name = f"{TYPE_NAMES[each.type]} {each.resource_id}"
    what = f"{name} → {each.case_key} ({each.state})"
    where = each.place.permalink(url, each.card_ts or each.place.ts)
    return home.line(what, home.address(where, "its card"), each.note or escape(each.waits_for))


def _value(place: Thread) -> str:
    return f"{place.channel}:{place.ts}"


def _place(url: str, place: Thread) -> str:
    if not place.ts:
        return home.channel_mention(place.channel)
    thread = place.permalink(url, place.ts)
    return f"{home.address(thread, 'a thread')} in {home.channel_mention(place.channel)}"
