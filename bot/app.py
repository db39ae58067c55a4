"""Wires settings, store, clients, listeners and delivery into one running bot."""

# pyright: reportUnknownMemberType=false
# slack_bolt's decorators take bare Patterns, which strict mode calls partially unknown.

import asyncio
import contextlib
import re
import signal
from collections.abc import AsyncGenerator

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot import commands as commands_of
from bot import server
from bot.datadog import AccessToken, Credentials, Datadog, Keys
from bot.datadog_names import Names
from bot.delivery import Delivery, Org, Reach
from bot.delivery.why import why as why_of
from bot.health import probes
from bot.listeners import answers, cards, commands, home, modal, orders, threads, ties
from bot.listeners.answers import Answers
from bot.settings import Settings, SettingsError
from bot.slack import Myself, Slack, SlackEnd, SlackLater
from bot.store import Store, migrate
from bot.store.cards import Timing

CALL_SECONDS = 8.0
"""No call to Slack or Datadog lasts longer, and all of one lane's together less than its lease."""
DRAIN_SECONDS = 8.0
HELLO_SECONDS = 5.0
PING_SECONDS = 3.0
"""How often a websocket that broke without a word is noticed."""

log = structlog.get_logger(__name__)


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; raises SettingsError when what it was given cannot work."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopping.set)
    async with contextlib.AsyncExitStack() as stack:
        reach = await _reach(settings, stack, stopping)
        if reach is None:
            return
        delivery = Delivery(reach)
        await stack.enter_async_context(_serving(settings, probes(reach, delivery)))
        await _work(settings, reach, delivery, stopping)


async def why(settings: Settings, address: str) -> str:
    """What became of the links of the message at this address; raises SettingsError for what cannot be asked."""
    message = commands_of.permalink(address)
    if message is None:
        raise SettingsError("That is no address of a Slack message: ⋯ on the message, Copy link.")
    async with contextlib.AsyncExitStack() as stack:
        reach = await _reach(settings, stack, asyncio.Event())
        if reach is None:
            raise SettingsError("Slack does not answer; try again in a minute.")
        try:
            return await why_of(reach, reach.myself.team, message)
        except SlackLater as later:
            raise SettingsError(f"Slack does not answer ({later}); try again in a minute.") from later
        except SlackEnd as end:
            raise SettingsError(orders.refused_by_slack(end)) from end


async def _reach(settings: Settings, stack: contextlib.AsyncExitStack, stopping: asyncio.Event) -> Reach | None:
    """Everything the bot reaches out with; None when it was told to stop before Slack answered."""
    timeout = min(CALL_SECONDS, settings.lease / 4)
    routes = settings.routes()
    store = Store(settings.database_url)
    stack.push_async_callback(store.close)
    await migrate.upgrade(store)
    session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout)))
    slack = Slack(_client(settings, session, settings.slack_bot_token.get_secret_value()))
    myself = await _hello(slack, stopping)
    if myself is None:
        return None
    datadog = Datadog(settings.datadog_url, _credentials(settings), timeout=timeout)
    stack.push_async_callback(datadog.close)
    names = Names(datadog, settings.org.name)
    stack.push_async_callback(names.close)
    return Reach(
        store=store,
        slack=slack,
        myself=myself,
        orgs={settings.org.name: Org(settings.org, datadog, names, settings.case_url)},
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


async def _work(settings: Settings, reach: Reach, delivery: Delivery, stopping: asyncio.Event) -> None:
    said = Answers(reach.slack)
    async with aiohttp.ClientSession() as session:
        bolt = bolt_app(settings, session, reach, said, delivery)
        sockets = AsyncSocketModeHandler(
            bolt,
            settings.slack_app_token.get_secret_value(),
            web_client=_client(settings, session, None),
            ping_interval=PING_SECONDS,
        )
        delivering = asyncio.create_task(delivery.run())
        await sockets.connect_async()
        log.info("bot.ready", workspace=reach.myself.team_name, site=settings.dd_site)
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({stopped, delivering}, return_when=asyncio.FIRST_COMPLETED)
        log.info("bot.stopping")
        await sockets.close_async()
        delivering.cancel()
        await delivery.drain(DRAIN_SECONDS)
        await said.drain(1.0)
        if not stopping.is_set():
            await delivering


def bolt_app(
    settings: Settings, session: aiohttp.ClientSession, reach: Reach, said: Answers, delivery: Delivery
) -> AsyncApp:
    """Bolt with our listeners. It acknowledges only when a listener has returned: then its transaction stands."""
    me = reach.myself
    token = settings.slack_bot_token.get_secret_value()

    async def authorize() -> AuthorizeResult:
        # Asked once at start-up, not at the first event, so that an event never fails for it.
        return AuthorizeResult(
            enterprise_id=me.enterprise, team_id=me.team, bot_token=token, bot_id=me.bot, bot_user_id=me.user
        )

    app = AsyncApp(
        client=_client(settings, session, None),
        authorize=authorize,
        signing_secret="",  # Socket Mode has no signatures
        process_before_response=True,
    )
    threads.register(app, reach, delivery.wake)
    cards.register(app, reach, said, delivery.wake)
    ties.register(app, reach, said, delivery.wake)
    commands.register(app, reach, said, delivery.wake)
    modal.register(app, reach, said, delivery.wake)
    home.register(app, reach, said, delivery.wake)
    answers.register_errors(app, said)

    @app.event(re.compile(".*"))
    async def on_anything_else() -> None:
        """Whatever else Slack sends is acknowledged: an unhandled type would count as our failure."""

    _ = on_anything_else
    return app


def _client(settings: Settings, session: aiohttp.ClientSession, token: str | None) -> AsyncWebClient:
    """One shared session, and no retries: a post that is repeated blindly would be posted twice."""
    return AsyncWebClient(token, settings.slack_api_url, session=session, retry_handlers=[])


def _credentials(settings: Settings) -> Credentials:
    if settings.dd_access_token is not None:
        return AccessToken(settings.dd_access_token)
    if settings.dd_api_key is None or settings.dd_app_key is None:
        raise SettingsError("DD_API_KEY and DD_APP_KEY are not set: set both, or DD_ACCESS_TOKEN.")
    return Keys(settings.dd_api_key, settings.dd_app_key)


async def _hello(slack: Slack, stopping: asyncio.Event) -> Myself | None:
    """Who we are; waits for Slack as long as it does not answer, unless the bot is told to stop."""
    while not stopping.is_set():
        try:
            return await slack.myself()
        except SlackEnd as end:
            raise SettingsError(
                f"SLACK_BOT_TOKEN: Slack does not take it ({end.reason}); "
                "copy it again from your Slack app's page, OAuth & Permissions; reinstall the app if it was removed."
            ) from end
        except SlackLater as later:
            log.warning("slack.not_answering", why=str(later), next_try_in=HELLO_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HELLO_SECONDS):
                    await stopping.wait()
    return None


@contextlib.asynccontextmanager
async def _serving(settings: Settings, probed: server.Probes) -> AsyncGenerator[None]:
    try:
        runner, port = await server.serve(settings.host, settings.port, probed)
    except OSError as error:
        raise SettingsError(
            f"CASE_INSIGHTS_PORT: {settings.host}:{settings.port} cannot be used ({error.strerror}); "
            "choose another port, or 0 for any free one."
        ) from error
    log.info("server.ready", address=f"http://{settings.host}:{port}/healthz")
    try:
        yield
    finally:
        await runner.cleanup()
