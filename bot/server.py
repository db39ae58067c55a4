"""Health over HTTP: whether the process lives."""

from aiohttp import web


async def serve(host: str, port: int) -> tuple[web.AppRunner, int]:
    """Serve `/healthz` on this address; the runner to clean up, and the port (for 0: the one the system chose)."""
    app = web.Application()
    app.router.add_get("/healthz", _healthz)
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
