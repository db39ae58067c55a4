"""Wires settings, store, clients, listeners and delivery into one running bot."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

import asyncio
import contextlib
import functools
import logging
import re
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any

import aiohttp
import structlog
from prometheus_client import Counter
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp, AsyncBoltContext, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot import commands as commands_of
from bot import metrics
from bot.config import ConfigError
from bot.config.organizations import OrganizationConfig
from bot.config.settings import Settings
from bot.datadog.client import Datadog
from bot.datadog.titles import Titles
from bot.links import Routes
from bot.listeners import clicks, commands, errors, home, installs, modal, threads
from bot.ops import health, server
from bot.services.context import Context, Organization
from bot.services.responder import Responder, refused_by_slack
from bot.services.why import why as why_of
from bot.slack.client import Myself, Slack, SlackPermanent, SlackTransient
from bot.slack.http_mode import HttpMode
from bot.slack.last_event import LastEvent
from bot.slack.socket_mode import SocketMode, SocketModeEnd
from bot.slack.transport import Transport
from bot.slack.workspaces import InstalledWorkspaces, OneWorkspace, Workspace
from bot.store import Store, migrate
from bot.store.cards import Timing
from bot.worker.loop import Worker

CALL_SECONDS = 8.0
"""No call to Slack or Datadog lasts longer, and all of one job's together less than its lease."""
DRAIN_SECONDS = 8.0
HELLO_SECONDS = 5.0

log = structlog.get_logger(__name__)


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; raises ConfigError when what it was given cannot work."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopping.set)
    routes, orgs = settings.routes(), settings.orgs()
    async with contextlib.AsyncExitStack() as stack:
        waits_for = ["The database is being opened."]
        front = server.HttpRoutes(health.starting(lambda: waits_for[-1]))
        close_door = await stack.enter_async_context(_serving(settings, front))
        context = await _context(settings, routes, orgs, stack, stopping, waits_for.append)
        if context is not None:
            await _work(settings, context, front, close_door, stopping)


async def why(settings: Settings, address: str) -> str:
    """What became of the links of the message at this address; raises ConfigError for what cannot be asked."""
    message = commands_of.permalink(address)
    if message is None:
        raise ConfigError("That is no address of a Slack message: ⋯ on the message, Copy link.")
    routes, orgs = settings.routes(), settings.orgs()
    async with contextlib.AsyncExitStack() as stack:
        context = await _context(settings, routes, orgs, stack, asyncio.Event(), lambda _: None)
        if context is None:
            raise ConfigError("Slack does not answer; try again in a minute.")
        try:
            return await _why(context, message)
        except SlackTransient as later:
            raise ConfigError(f"Slack does not answer ({later}); try again in a minute.") from later
        except SlackPermanent as end:
            raise ConfigError(refused_by_slack(end)) from end


async def _why(context: Context, message: commands_of.Permalink) -> str:
    """Asked in each workspace: the address does not tell which it is."""
    refused = SlackPermanent("not_installed")
    for workspace in await context.workspaces.installed():
        try:
            return await why_of(context, workspace, message)
        except SlackPermanent as end:
            refused = end
    raise refused


async def _context(
    settings: Settings,
    routes: Routes,
    orgs: Sequence[OrganizationConfig],
    stack: contextlib.AsyncExitStack,
    stopping: asyncio.Event,
    wait_for: Callable[[str], object],
) -> Context | None:
    """Everything the bot reaches out with; None when it was told to stop before Slack answered."""
    timeout = min(CALL_SECONDS, settings.lease / 4)
    store = Store(settings.database_url)
    stack.push_async_callback(store.close)
    await migrate.upgrade(store)
    session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout)))

    def connect(token: SecretStr) -> Slack:
        return Slack(_client(settings, session, token.get_secret_value()))

    if settings.oauth is not None:
        from bot.services import oauth

        workspaces = await oauth.workspaces(settings.oauth, store, connect)
    else:
        assert settings.slack_bot_token is not None, "the settings have one of the two"  # noqa: S101
        wait_for("Slack has not answered yet (auth.test).")
        slack = connect(settings.slack_bot_token)
        myself = await _hello(slack, stopping)
        if myself is None:
            return None
        workspaces = OneWorkspace(Workspace(slack, myself))
    return Context(
        store=store,
        workspaces=workspaces,
        orgs={org.hosts.name: _org(org, settings.case_path, timeout, stack) for org in orgs},
        routes=routes,
        confirmers=settings.policy,
        lease=settings.lease,
        retry_cap=settings.retry_cap,
        give_up_after=settings.give_up_after,
        keep=settings.keep,
        timing=Timing(settings.card_delay),
        mode=settings.mode,
        shared=settings.shared_channels,
    )


async def _work(
    settings: Settings,
    context: Context,
    front: server.HttpRoutes,
    close_door: Callable[[], Awaitable[None]],
    stopping: asyncio.Event,
) -> None:
    delivery, last_event = Worker(context), LastEvent()
    responder = Responder(context, delivery.wake)
    async with aiohttp.ClientSession() as session:
        bolt = bolt_app(settings, session, context, responder)
        transport: Transport
        if settings.slack_signing_secret is not None:
            transport = HttpMode(bolt, settings.slack_signing_secret.get_secret_value(), last_event, close_door)
            front.events = transport.answer
            if settings.oauth is not None:
                from bot.services import oauth

                client = _client(settings, session, None)
                pages = oauth.pages(settings.oauth, context.store, client, settings.slack_api_url)
                front.begin, front.finish = pages.begin, pages.finish
        else:
            assert settings.slack_app_token is not None, "the settings have one of the two"  # noqa: S101
            token = settings.slack_app_token.get_secret_value()
            transport = SocketMode(bolt, token, _client(settings, session, None), last_event)
        front.probes = health.probes(context, delivery, transport, last_event)
        works = (transport.run(), delivery.run(), health.beat(context, last_event))
        listening, *others = [asyncio.create_task(each) for each in works]
        log.info("bot.ready", workspaces=await context.workspaces.installed(), orgs=sorted(context.orgs))
        stopped = asyncio.create_task(stopping.wait())
        done, _ = await asyncio.wait({stopped, listening, *others}, return_when=asyncio.FIRST_COMPLETED)
        log.info("bot.stopping")
        await _cancelled(listening)
        await transport.close()
        await _cancelled(stopped, *others)
        await delivery.drain(DRAIN_SECONDS)
        await responder.drain(1.0)
        await _ended(done)


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _ended(tasks: set[asyncio.Task[Any]]) -> None:
    """What made the bot stop, where it was not told to: raised, as a sentence where the next step is known."""
    try:
        await asyncio.gather(*tasks)
    except SocketModeEnd as end:
        raise ConfigError(str(end)) from end


def bolt_app(settings: Settings, session: aiohttp.ClientSession, context: Context, responder: Responder) -> AsyncApp:
    """Bolt with our listeners. It acknowledges only when a listener has returned: then its transaction stands."""
    there = context.workspaces
    app = _Counted(
        logger=logging.getLogger("slack_bolt"),  # else Bolt gives each of its loggers the root's level, see `logs`
        client=_client(settings, session, None),
        authorize=_Authorize(context),
        signing_secret="",
        before_authorize=installs.guarding(there) if isinstance(there, InstalledWorkspaces) else None,
        request_verification_enabled=False,  # done by `transport.http` before Bolt sees a request; not in Socket Mode
        process_before_response=True,
        # What Bolt makes for every event and nobody here asks for.
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    threads.register(app, context, responder.wake)
    clicks.register(app, context, responder)
    commands.register(app, context, responder)
    modal.register(app, context, responder, responder.wake)
    home.register(app, context, responder)
    errors.register(app, responder)

    @app.event(re.compile(".*"))
    async def on_anything_else() -> None:
        """Whatever else Slack sends is acknowledged: an unhandled type would count as our failure."""

    _ = on_anything_else
    return app


class _Authorize(AsyncAuthorize):
    """Tells Bolt us from others; it gets no token, because only `bot.slack` calls Slack.

    A class of Bolt's own kind: what a plain function might ask for would be put together for each event.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context

    async def __call__(
        self, *, context: AsyncBoltContext, enterprise_id: str | None, team_id: str | None, **_: object
    ) -> AuthorizeResult:
        me = await self._context.myself(str(enterprise_id if context.is_enterprise_install else team_id))
        return AuthorizeResult(enterprise_id=me.enterprise, team_id=me.team, bot_id=me.bot, bot_user_id=me.user)


class _Counted(AsyncApp):
    """Bolt, which counts what it is handed, in whichever mode."""

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        said = await super().async_dispatch(req)
        body: dict[str, Any] = req.body
        event: dict[str, Any] = body.get("event") or {}
        kind = str(event.get("type") or body.get("type") or "command")
        _counter(kind, "acknowledged" if said.status == 200 else "failed").inc()
        return said


@functools.cache
def _counter(kind: str, outcome: str) -> Counter:
    """To find it among its labels would cost each event more than to count it."""
    return metrics.events.labels(kind, outcome)


def _client(settings: Settings, session: aiohttp.ClientSession, token: str | None) -> AsyncWebClient:
    """One shared session, and no retries: a post that is repeated blindly would be posted twice."""
    return AsyncWebClient(token, settings.slack_api_url, session=session, retry_handlers=[])


def _org(told: OrganizationConfig, case_path: str, timeout: float, stack: contextlib.AsyncExitStack) -> Organization:
    datadog = Datadog(told.url, told.credentials(), timeout=timeout, renewed=told.renewed)
    stack.push_async_callback(datadog.close)
    names = Titles(datadog, told.hosts.name)
    stack.push_async_callback(names.close)
    return Organization(told.hosts, datadog, names, f"https://{told.case_host}{case_path}", told.teams)


async def _hello(slack: Slack, stopping: asyncio.Event) -> Myself | None:
    """Who we are; waits for Slack as long as it does not answer, unless the bot is told to stop."""
    while not stopping.is_set():
        try:
            return await slack.myself()
        except SlackPermanent as end:
            raise ConfigError(
                f"SLACK_BOT_TOKEN: Slack does not take it ({end.reason}); "
                "copy it again from your Slack app's page, OAuth & Permissions; reinstall the app if it was removed."
            ) from end
        except SlackTransient as later:
            log.warning("slack.not_answering", why=str(later), next_try_in=HELLO_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HELLO_SECONDS):
                    await stopping.wait()
    return None


@contextlib.asynccontextmanager
async def _serving(settings: Settings, front: server.HttpRoutes) -> AsyncGenerator[Callable[[], Awaitable[None]]]:
    """The server; yields how it stops listening, which returns when every request has its answer."""
    http_mode = settings.slack_signing_secret is not None
    try:
        runner, port = await server.serve(
            settings.host, settings.port, front, http_mode=http_mode, installs=settings.oauth is not None
        )
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
