"""Health and metrics over HTTP: whether the process lives, whether it can do its work and why not, what it counts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from bot import metrics


@dataclass(frozen=True, slots=True)
class Probes:
    """What the bot says of itself: `ready` names what does not work (nothing: all does), `measure` renews gauges."""

    ready: Callable[[], Awaitable[list[str]]]
    measure: Callable[[], Awaitable[None]]


async def serve(host: str, port: int, probes: Probes) -> tuple[web.AppRunner, int]:
    """Serve `/healthz`, `/readyz`, `/metrics`; the runner to clean up, and the port (for 0: the one that was free)."""

    async def readyz(_: web.Request) -> web.Response:
        reasons = await probes.ready()
        return web.json_response({"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200)

    async def exposition(_: web.Request) -> web.Response:
        await probes.measure()
        return web.Response(body=metrics.exposition(), headers={"Content-Type": metrics.CONTENT_TYPE})

    app = web.Application()
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", exposition)
    runner = web.AppRunner(app, access_log=None)
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
