"""The bot's one HTTP server: whether it lives, whether it can work and why not, what it counts; and Slack's requests.

It is up before anything else, so that an orchestrator is answered while the bot still waits for Slack.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from bot import metrics
from bot.model import EVENTS_PATH, INSTALL_PATH, REDIRECT_PATH

Page = Callable[[web.Request], Awaitable[web.StreamResponse]]
LARGEST_BODY = 1024 * 1024
"""Bytes, of any request: Slack's are a few kB."""
FINISH_SECONDS = 4.0
"""How long requests under way may take when the bot stops: Slack waits for 3."""


@dataclass(frozen=True, slots=True)
class Probes:
    """What the bot says of itself: `ready` names what does not work (nothing: all does), `measure` renews gauges.

    `warnings`: what somebody should look at while the bot works.
    """

    ready: Callable[[], Awaitable[list[str]]]
    warnings: Callable[[], Awaitable[list[str]]]
    measure: Callable[[], Awaitable[None]]


@dataclass(slots=True)
class HttpRoutes:
    """What the server shows, put in place as the bot starts.

    `events` answers Slack's requests, in HTTP mode; `begin` and `finish` are for workspaces that install the bot.
    """

    probes: Probes
    events: Page | None = None
    begin: Page | None = None
    finish: Page | None = None

    async def readyz(self, _: web.Request) -> web.Response:
        reasons = await self.probes.ready()
        told = {"ready": not reasons, "reasons": reasons, "warnings": await self.probes.warnings()}
        return web.json_response(told, status=503 if reasons else 200)

    async def metrics(self, _: web.Request) -> web.Response:
        await self.probes.measure()
        return web.Response(body=metrics.exposition(), headers={"Content-Type": metrics.CONTENT_TYPE})

    async def slack(self, request: web.Request) -> web.StreamResponse:
        return await _by(self.events, request)

    async def install(self, request: web.Request) -> web.StreamResponse:
        return await _by(self.begin, request)

    async def installed(self, request: web.Request) -> web.StreamResponse:
        return await _by(self.finish, request)


async def _by(page: Page | None, request: web.Request) -> web.StreamResponse:
    if page is None:  # the bot is starting: Slack sends it again
        return web.json_response({"error": "not ready"}, status=503)
    return await page(request)


async def serve(
    host: str, port: int, front: HttpRoutes, *, http_mode: bool, installs: bool
) -> tuple[web.AppRunner, int]:
    """Serve; the runner to clean up, and the port (for 0: the one that was free)."""
    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/readyz", front.readyz)
    app.router.add_get("/metrics", front.metrics)
    if http_mode:
        app.router.add_post(EVENTS_PATH, front.slack)
    if installs:
        app.router.add_get(INSTALL_PATH, front.install)
        app.router.add_get(REDIRECT_PATH, front.installed)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=FINISH_SECONDS)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, int(runner.addresses[0][1])


async def _healthz(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})
