"""The page over HTTP: its files, where the two servers are, and what only the stage can do to the bot."""

import socket
from errno import EADDRINUSE
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.sandbox.control import ControlError, body_of, control_route, no_such_route

Json = dict[str, Any]

PAGE = Path(__file__).parent / "static"


class PortTaken(Exception):
    """The page cannot be served on the port asked for; the message is a sentence for the one who asked."""


class Scene(Protocol):
    """What the page is about. `id` is another one after the sandbox was started anew."""

    @property
    def id(self) -> str: ...
    @property
    def slack_url(self) -> str: ...
    @property
    def datadog_url(self) -> str: ...
    @property
    def bot_state(self) -> Json: ...
    async def do(self, deed: str) -> None:
        """`start`, `restart` or `kill` the bot; raises KeyError for anything else."""
        ...


def bind(port: int) -> socket.socket:
    """The page's socket, on loopback; port 0 takes a free one. Raises PortTaken."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        why = "taken by another program" if error.errno == EADDRINUSE else f"not to be had ({error.strerror})"
        raise PortTaken(f"port {port} is {why}; choose a free one with --port") from error


async def serve(scene: Scene, bound: socket.socket) -> web.AppRunner:
    """Serve the page on a bound socket until the runner is cleaned up."""
    app = web.Application(middlewares=[_guarded(scene)])
    app.router.add_get("/", _index)
    app.router.add_routes([*_deeds(scene), no_such_route()])
    app.router.add_static("/", PAGE)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.SockSite(runner, bound).start()
    return runner


def _deeds(scene: Scene) -> list[web.RouteDef]:
    async def stage(_: web.Request) -> Json:
        return {
            "stage": scene.id,
            "slack": _origin(scene.slack_url),
            "datadog": _origin(scene.datadog_url),
            "bot": scene.bot_state,
        }

    async def bot(request: web.Request) -> Json:
        fields = await body_of(request, do=str)
        try:
            await scene.do(fields.get("do", ""))
        except KeyError as error:
            raise ControlError("do must be one of start, restart, kill, over.") from error
        return scene.bot_state

    return [control_route("GET", "/_sandbox/stage", stage), control_route("POST", "/_sandbox/bot", bot)]


async def _index(_: web.Request) -> web.FileResponse:
    return web.FileResponse(PAGE / "index.html")


def _guarded(scene: Scene) -> Middleware:
    """The page may load its own files and talk to the two servers beside it, and to nothing else in the world."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        # A name that only points at this machine would make this page another site's.
        if not _is_loopback(urlsplit(f"//{request.host}").hostname or ""):
            raise web.HTTPForbidden(text="The sandbox is for this machine alone: open it as http://127.0.0.1.")
        response = await handler(request)
        servers = f"{_origin(scene.slack_url)} {_origin(scene.datadog_url)}"
        response.headers.update(
            {
                "Content-Security-Policy": (
                    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                    f"connect-src 'self' {servers}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
                ),
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
            }
        )
        return response

    return guard


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
