"""Wires settings, store, clients, listeners and worker into one running bot."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any

import aiohttp
import structlog
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.config import ConfigError, environment
from bot.config.organizations import OrganizationConfig
from bot.config.settings import Settings, no_settings
from bot.datadog.client import Datadog
from bot.datadog.titles import AT_ONCE_IN_ALL, Titles
from bot.datadog.transport import PROBE_SECONDS
from bot.links import Permalink, Routes
from bot.listeners import (
    bolt,
    choices,
    clicks,
    commands,
    creation,
    errors,
    home,
    messages,
    modal,
    reactions,
    workspace_guard,
)
from bot.ops import database, health, server, starting
from bot.services.checks import UserError
from bot.services.context import Context, Organization
from bot.services.responder import Responder, refused_by_slack
from bot.services.why import in_plain_text
from bot.slack.client import Myself, Slack, web_client
from bot.slack.errors import SlackPermanent, SlackTransient
from bot.slack.http_mode import HttpMode
from bot.slack.socket_mode import SocketMode, SocketModeEnd
from bot.slack.transport import LastEvent, Transport
from bot.slack.workspaces import OneWorkspace, Workspace, Workspaces
from bot.store import Store
from bot.store.cards import Timing
from bot.worker.loop import Worker

CALL_SECONDS = 8.0
"""No call to Slack or Datadog lasts longer, and all calls of one job together less than its lease."""
DRAIN_SECONDS = 8.0
COMMENT_SECONDS = 30.0

log = structlog.get_logger(__name__)


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; raises ConfigError when it cannot work as configured."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopping.set)
    for name, near in no_settings(environment.read()).items():
        log.warning("settings.unknown", name=name, did_you_mean=near)
    orgs = settings.orgs()
    routes = settings.routes(orgs)
    async with contextlib.AsyncExitStack() as stack:
        waiting_for = ["The database is being opened."]
        http = server.HttpRoutes(health.starting(lambda: waiting_for[-1]))
        stop_listening = await stack.enter_async_context(_serving(settings, http))

        async def patiently(slack: Slack) -> Myself | None:
            waiting_for.append("Slack has not answered yet (auth.test).")
            return await starting.myself_patiently(slack, stopping)

        store = await _store(settings, stack)
        if not await starting.opened(store, stopping, waiting_for.append):
            return
        context = await _context(settings, store, routes, orgs, stack, patiently)
        if context is not None:
            await _work(settings, context, http, stop_listening, stopping)


async def why(settings: Settings, message: Permalink) -> str:
    """What became of the links of this message; raises ConfigError with a sentence."""
    orgs = settings.orgs()
    routes = settings.routes(orgs)
    async with contextlib.AsyncExitStack() as stack:
        try:
            store = await database.opened()
            stack.push_async_callback(store.close)
            context = await _context(settings, store, routes, orgs, stack, starting.myself)
            assert context is not None, "nobody stops it"  # noqa: S101
            return await _why(context, message)
        except SlackTransient as later:
            raise ConfigError(
                f"Slack does not answer ({later}); try again in a minute, or ask case-insights doctor."
            ) from later
        except SlackPermanent as refused:
            raise ConfigError(refused_by_slack(refused)) from refused


async def _why(context: Context, message: Permalink) -> str:
    """Tries each workspace: the address does not name it."""
    error = SlackPermanent("not_installed")
    for workspace in await context.workspaces.installed():
        try:
            return await in_plain_text(context, workspace, message)
        except UserError as answer:
            return str(answer)
        except SlackPermanent as refused:
            error = refused
    raise error


async def _store(settings: Settings, stack: contextlib.AsyncExitStack) -> Store:
    store = Store(settings.database_url)
    stack.push_async_callback(store.close)
    return store


async def _context(
    settings: Settings,
    store: Store,
    routes: Routes,
    orgs: Sequence[OrganizationConfig],
    stack: contextlib.AsyncExitStack,
    ask_who: Callable[[Slack], Awaitable[Myself | None]],
) -> Context | None:
    """All clients. `ask_who` asks Slack who the bot is (not with OAuth); None: it gave no answer."""
    timeout = min(CALL_SECONDS, settings.lease / 4)
    session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout)))

    def connect(token: SecretStr) -> Slack:
        return Slack(web_client(settings.slack_api_url, session, token.get_secret_value()), settings.contact)

    workspaces = await _workspaces(settings, store, connect, ask_who)
    if workspaces is None:
        return None
    installed = await workspaces.installed()
    for problem in filter(None, (org.unseen_teams(installed) for org in orgs)):
        if settings.oauth is None:
            raise ConfigError(problem)
        log.warning("teams.in_vain", problem=problem)  # the workspace may install the bot itself, tomorrow
    places = asyncio.Semaphore(AT_ONCE_IN_ALL)
    return Context(
        store=store,
        workspaces=workspaces,
        orgs={org.hosts.name: _organization(org, settings, timeout, places, stack) for org in orgs},
        routes=routes,
        confirmers=settings.policy,
        lease=settings.lease,
        retry_cap=settings.retry_cap,
        give_up_after=settings.give_up_after,
        keep=settings.keep,
        timing=Timing(settings.card_delay, comment=_comment_after(settings)),
        mode=settings.mode,
        shared=settings.shared_channels,
        notes=settings.notes and settings.comment,
    )


def _comment_after(settings: Settings) -> float | None:
    """Seconds without a change until a thread's comment is written: 30, fewer with quicker cards; None: never."""
    return min(COMMENT_SECONDS, 15 * settings.card_delay) if settings.comment else None


async def _workspaces(
    settings: Settings,
    store: Store,
    connect: Callable[[SecretStr], Slack],
    ask_who: Callable[[Slack], Awaitable[Myself | None]],
) -> Workspaces | None:
    if settings.oauth is not None:
        from bot.services import installations

        return await installations.workspaces(settings.oauth, store, connect)
    assert settings.slack_bot_token is not None, "the settings have one of the two"  # noqa: S101
    slack = connect(settings.slack_bot_token)
    myself = await ask_who(slack)
    return None if myself is None else OneWorkspace(Workspace(slack, myself))


async def _work(
    settings: Settings,
    context: Context,
    http: server.HttpRoutes,
    stop_listening: Callable[[], Awaitable[None]],
    stopping: asyncio.Event,
) -> None:
    worker, last_event = Worker(context), LastEvent()
    responder = Responder(context)
    async with aiohttp.ClientSession() as session:
        client = web_client(settings.slack_api_url, session, None)
        app = _bolt_app(context, client, responder, settings)
        transport: Transport
        if settings.slack_signing_secret is not None:
            transport = HttpMode(app, settings.slack_signing_secret.get_secret_value(), last_event, stop_listening)
            http.events = transport.answer
            if settings.oauth is not None:
                from bot.services import installations

                pages = installations.pages(settings.oauth, context.store, client, settings.slack_api_url)
                http.begin, http.finish = pages.begin, pages.finish
        else:
            assert settings.slack_app_token is not None, "the settings have one of the two"  # noqa: S101
            transport = SocketMode(app, settings.slack_app_token.get_secret_value(), client, last_event)
        state = health.Health(context, worker, transport, last_event)
        http.probes = state.probes
        watches = (state.keys.run(), state.log_changes(), health.beat(context, last_event))
        works = (transport.run(), worker.run(), *watches)
        listening, *others = [asyncio.create_task(work) for work in works]
        log.info("bot.ready", workspaces=await context.workspaces.installed(), orgs=sorted(context.orgs))
        stopped = asyncio.create_task(stopping.wait())
        done, _ = await asyncio.wait({stopped, listening, *others}, return_when=asyncio.FIRST_COMPLETED)
        log.info("bot.stopping")
        await _cancel(listening)
        await transport.close()
        await _cancel(stopped, *others)
        await worker.drain(DRAIN_SECONDS)
        await responder.drain(1.0)
        await _raise_errors(done)


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _raise_errors(done: set[asyncio.Task[Any]]) -> None:
    """The error that ended the bot, if one did; as a sentence where the next step is known."""
    try:
        await asyncio.gather(*done)
    except SocketModeEnd as error:
        raise ConfigError(str(error)) from error


def _bolt_app(context: Context, client: AsyncWebClient, responder: Responder, settings: Settings) -> AsyncApp:
    # A single workspace's token is Slack's to refuse: the guard would cost every event a tenth of its time.
    guard = None if isinstance(context.workspaces, OneWorkspace) else workspace_guard.guarding(context)
    app = bolt.create(context, client, before_authorize=guard, contact=settings.contact)
    messages.register(app, context)
    clicks.register(app, context, responder)
    choices.register(app, context, responder)
    commands.register(app, context, responder)
    modal.register(app, context, responder)
    creation.register(app, context, responder)
    home.register(app, context, responder)
    if settings.reaction:
        reactions.register(app, context, responder, settings.reaction)
    errors.register(app, responder)
    bolt.acknowledge_everything_else(app)
    return app


def _organization(
    config: OrganizationConfig,
    settings: Settings,
    timeout: float,
    places: asyncio.Semaphore,
    stack: contextlib.AsyncExitStack,
) -> Organization:
    probe = min(PROBE_SECONDS, settings.retry_cap)
    datadog = Datadog(config.url, config.credentials(), timeout=timeout, renewed=config.renewed, probe=probe)
    stack.push_async_callback(datadog.close)
    titles = Titles(datadog, config.hosts.name, places)
    stack.push_async_callback(titles.close)
    return Organization(config.hosts, datadog, titles, f"https://{config.case_host}{settings.case_path}", config.teams)


@contextlib.asynccontextmanager
async def _serving(settings: Settings, http: server.HttpRoutes) -> AsyncGenerator[Callable[[], Awaitable[None]]]:
    """The HTTP server; yields a function that stops it and returns when every request has its answer."""
    http_mode, installs = settings.slack_signing_secret is not None, settings.oauth is not None
    try:
        runner, port = await server.serve(settings.host, settings.port, http, http_mode=http_mode, installs=installs)
    except OSError as error:
        raise ConfigError(
            f"CASE_INSIGHTS_PORT: {settings.host}:{settings.port} cannot be used ({error.strerror}); "
            "choose another port, or 0 for any free one."
        ) from error
    log.info("server.ready", address=f"http://{settings.host}:{port}/healthz")
    try:
        yield runner.cleanup
    finally:
        await runner.cleanup()
