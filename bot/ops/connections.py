"""Connections to the HTTP server: how many, how long a header may take, and that strangers write nothing into the log.

aiohttp bounds neither, and its own log lines quote what it could not read: here each becomes a count in our words.
"""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bot.logs import Seldom

MOST = 500
"""Connections at a time: Slack and a proxy keep some dozens, and a process may open 1,024 files."""
HEADER_SECONDS = 5.0
"""From the first byte to the end of a request's header, and from the connection to the first one's."""
KEEP_ALIVE_SECONDS = 620.0
"""Longer than load balancers keep connections (Google's: 600 s), or they send requests into ones that just closed."""

log = structlog.get_logger(__name__)
unexpected = Seldom(log.error, "unexpected")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Connections:
    """Those of one server. Called, it makes the protocol of the next; `inner` makes aiohttp's."""

    def __init__(self) -> None:
        self.open: dict[asyncio.BaseProtocol, _Connection] = {}
        self.refused = Seldom(log.warning, "http.too_many_connections")
        self.late = Seldom(log.warning, "http.unfinished_header")
        self.malformed = Seldom(log.warning, "http.malformed")

    def listen(self, runner: web.AppRunner, host: str, port: int) -> web.BaseSite:
        return _Site(runner, self, host, port)

    def logger(self) -> logging.Logger:
        """What aiohttp logs to; nobody else does."""
        logger = logging.getLogger(f"{__name__}.aiohttp")
        logger.propagate, logger.handlers = False, [_InOurWords(self.malformed)]
        logger.setLevel(logging.DEBUG)
        return logger

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Tell the connection that the header is complete, and that the next one may begin."""
        connection = self.open.get(request.protocol)
        if connection is None:  # it was closed meanwhile
            raise web.HTTPBadRequest
        connection.stop_waiting()
        try:
            return await handler(request)
        finally:
            connection.busy = False


class _Connection(asyncio.Protocol):
    """Passes everything on to aiohttp's protocol, and closes where a header takes too long."""

    def __init__(self, all_open: Connections, inner: web.RequestHandler) -> None:
        self._all, self._inner = all_open, inner
        self._deadline: asyncio.TimerHandle | None = None
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        if len(self._all.open) >= MOST:
            self._all.refused.note(most=MOST)
            transport.close()
            return
        self._all.open[self._inner] = self
        self._wait()
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._inner not in self._all.open:
            return
        if not self.busy and self._deadline is None:
            self._wait()
        self._inner.data_received(data)

    def eof_received(self) -> None:
        self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_waiting()
        if self._all.open.pop(self._inner, None) is not None:
            self._inner.connection_lost(exc)

    def stop_waiting(self) -> None:
        self.busy = True
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _wait(self) -> None:
        self._deadline = asyncio.get_running_loop().call_later(HEADER_SECONDS, self._close)

    def _close(self) -> None:
        self._all.late.note()
        self._transport.close()


class _Site(web.BaseSite):
    """As aiohttp's `TCPSite`, with our protocol around its own."""

    def __init__(self, runner: web.AppRunner, connections: Connections, host: str, port: int) -> None:
        super().__init__(runner)
        self._connections, self._host, self._port = connections, host, port

    @property
    def name(self) -> str:
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        await super().start()
        make = self._runner.server
        assert make is not None, "the runner is set up"  # noqa: S101  BaseSite has looked
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(self._connections, make()), self._host, self._port, backlog=128
        )


class _InOurWords(logging.Handler):
    """A request that cannot be read is counted; an error of our own pages is told by its type and place alone."""

    def __init__(self, malformed: Seldom) -> None:
        super().__init__()
        self._malformed = malformed

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or isinstance(
            error, (HttpProcessingError, web.RequestPayloadError, ConnectionError, UnicodeError)
        ):
            self._malformed.note()
        else:
            _log_error("An HTTP page failed", error)


def keep_quiet(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Of an event loop whose tasks fail: aiohttp's do, for instance at "CONNECT" without an address."""
    _log_error(context["message"], context.get("exception"))


def _log_error(what: str, error: BaseException | None) -> None:
    """Without its message, in which there may be anything."""
    stack = "".join(traceback.format_tb(error.__traceback__)) if error else ""
    unexpected.note(what=what, error=type(error).__name__, stack=stack)
