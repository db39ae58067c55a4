"""Serves the page: its files, the addresses of the two servers, and the buttons that start and stop the bot."""

import socket
from errno import EADDRINUSE
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.sandbox.control import ControlError, body_of, control_route, no_such_route, only_this_machine
from bot.sandbox.supervisor import Supervisor

Json = dict[str, Any]

PAGE = Path(__file__).parent / "static"


class PortTaken(Exception):
    """The page cannot be served on this port; the message is a sentence for the person."""


def bind(port: int) -> socket.socket:
    """A socket for the page, on loopback; port 0 takes a free one. Raises PortTaken."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        why = "taken by another program" if error.errno == EADDRINUSE else f"not available ({error.strerror})"
        raise PortTaken(f"port {port} is {why}; choose a free one with --port") from error


async def serve(supervisor: Supervisor, bound: socket.socket) -> web.AppRunner:
    """Serve the page on a bound socket until the runner is cleaned up."""
    app = web.Application(middlewares=[only_this_machine, _security_headers(supervisor)])
    app.router.add_get("/", _index)
    app.router.add_routes([*_control_routes(supervisor), no_such_route()])
    app.router.add_static("/", PAGE)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.SockSite(runner, bound).start()
    return runner


def _control_routes(supervisor: Supervisor) -> list[web.RouteDef]:
    async def servers(_: web.Request) -> Json:
        return {
            "sandbox": supervisor.id,
            "slack": _origin(supervisor.sandbox.slack.url),
            "datadog": _origin(supervisor.sandbox.datadog.url),
            "bot": supervisor.bot_state,
        }

    async def bot(request: web.Request) -> Json:
        fields = await body_of(request, do=str)
        try:
            await supervisor.do(fields.get("do", ""))
        except KeyError as error:
            raise ControlError("do must be one of start, restart, kill, start_over.") from error
        return supervisor.bot_state

    return [control_route("GET", "/_sandbox/servers", servers), control_route("POST", "/_sandbox/bot", bot)]


async def _index(_: web.Request) -> web.FileResponse:
    return web.FileResponse(PAGE / "index.html")


def _security_headers(supervisor: Supervisor) -> Middleware:
    """The page may load its own files and call the two servers, and nothing else."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        servers = f"{_origin(supervisor.sandbox.slack.url)} {_origin(supervisor.sandbox.datadog.url)}"
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
