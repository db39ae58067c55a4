"""The bot's one HTTP server: whether the bot lives, whether it can work and why not, its metrics; and Slack's requests.

It starts before anything else, so that an orchestrator gets answers while the bot still waits for Slack.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from bot import metrics
from bot.ops.connections import KEEP_ALIVE_SECONDS, Connections, keep_quiet
from bot.slack.manifest import EVENTS_PATH, INSTALL_PATH, REDIRECT_PATH

Page = Callable[[web.Request], Awaitable[web.StreamResponse]]
LARGEST_BODY = 1024 * 1024
"""Bytes, of any request: Slack's are a few kB."""
FINISH_SECONDS = 4.0
"""How long requests in progress may take when the bot stops: Slack waits for 3."""
LINGER_SECONDS = 1.0
"""How long a client that got its answer early may go on sending: a stranger would otherwise stay for ten."""


@dataclass(frozen=True, slots=True)
class Probes:
    """`ready`: why the bot cannot work (empty: it can); `warnings`: what an operator should look at all the same.

    `measure`: updates the gauges.
    """

    ready: Callable[[], Awaitable[list[str]]]
    warnings: Callable[[], Awaitable[list[str]]]
    measure: Callable[[], Awaitable[None]]


@dataclass(slots=True)
class HttpRoutes:
    """What answers which path; filled in while the bot starts.

    `events`: Slack's requests, in HTTP mode; `begin` and `finish`: for workspaces that install the bot.
    """

    probes: Probes
    events: Page | None = None
    begin: Page | None = None
    finish: Page | None = None

    async def readyz(self, _: web.Request) -> web.Response:
        reasons = await self.probes.ready()
        body = {"ready": not reasons, "reasons": reasons, "warnings": await self.probes.warnings()}
        return web.json_response(body, status=503 if reasons else 200)

    async def metrics(self, _: web.Request) -> web.Response:
        await self.probes.measure()
        return web.Response(body=metrics.exposition(), headers={"Content-Type": metrics.CONTENT_TYPE})


async def _answer(page: Page | None, request: web.Request) -> web.StreamResponse:
    if page is None:  # the bot is starting: Slack sends the request again
        return web.json_response({"error": "not ready"}, status=503)
    return await page(request)


async def serve(
    host: str, port: int, routes: HttpRoutes, *, http_mode: bool, installs: bool
) -> tuple[web.AppRunner, int]:
    """Start listening; the runner to clean up, and the port (for 0: a free one)."""
    asyncio.get_running_loop().set_exception_handler(keep_quiet)
    connections = Connections()
    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[connections.watch])
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/readyz", routes.readyz)
    app.router.add_get("/metrics", routes.metrics)
    if http_mode:
        app.router.add_post(EVENTS_PATH, lambda request: _answer(routes.events, request))
    if installs:
        app.router.add_get(INSTALL_PATH, lambda request: _answer(routes.begin, request))
        app.router.add_get(REDIRECT_PATH, lambda request: _answer(routes.finish, request))
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=connections.logger(),
        auto_decompress=False,  # nobody who may send anything compresses it, and a kilobyte can become a gigabyte
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        lingering_time=LINGER_SECONDS,
        shutdown_timeout=FINISH_SECONDS,
    )
    await runner.setup()
    try:
        await connections.listen(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, int(runner.addresses[0][1])


async def _healthz(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})
