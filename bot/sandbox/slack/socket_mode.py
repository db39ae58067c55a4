"""Socket Mode: tickets, websockets, envelopes and their acknowledgements.

https://docs.slack.dev/apis/events-api/using-socket-mode. Each envelope is one call in the journal, of the service
"slack", named `socket:events_api`, `socket:interactive` or `socket:slash_commands`; its answer is
`{"acknowledged", "payload"}`, and it is under way until then.
"""

import asyncio
import json
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import WSMsgType, web

from bot.sandbox.control import Control, ControlError, Json
from bot.sandbox.slack.transport import Acknowledgement, Attempt, Transport
from bot.sandbox.slack.workspace import OUR_APP

MOST_SOCKETS = 10
TICKET_SECONDS = 30.0
HOURS_OPEN = 18_060
PING_SECONDS = 10.0
LEFT_SECONDS = {"warning": 10.0, "refresh_requested": 2.0, "link_disabled": 0.0}
"""Seconds that a websocket stays open after its disconnect frame; documented only for warnings, "about 10 s"."""


@dataclass(eq=False, slots=True)
class Connection:
    """One open websocket of the app. `silent`: it stays open, but nothing is sent or read any more."""

    request: web.Request
    socket: web.WebSocketResponse
    silent: bool = False


class SocketMode(Transport):
    """Slack's end of the app's websockets. `enabled` is the Socket Mode switch of the app."""

    def __init__(
        self, control: Control, ack_seconds: float, retry_delays: tuple[float, ...], *, enabled: bool = True
    ) -> None:
        super().__init__(control, ack_seconds, retry_delays)
        self.enabled = enabled
        self.connections: list[Connection] = []
        self._tickets: dict[str, float] = {}
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._turn = 0

    # Connections

    @property
    def reachable(self) -> bool:
        return bool(self.connections)

    def ticket(self) -> str:
        """A ticket for one websocket, valid once, within 30 s."""
        ticket = secrets.token_hex(8)
        self._tickets[ticket] = time.monotonic() + TICKET_SECONDS
        return ticket

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The websocket itself: `GET /link?ticket=…&app_id=…`."""
        if self._tickets.pop(request.query.get("ticket", ""), 0.0) < time.monotonic():
            return web.Response(status=401, text="invalid_ticket")
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        if len(self.connections) >= MOST_SOCKETS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        connection = Connection(request, socket)
        await self._open(connection)
        pinging = asyncio.create_task(_ping(connection))
        try:
            async for message in socket:
                await self._receive(connection, message.type, message.data)
        finally:
            pinging.cancel()
            self.connections.remove(connection)
            self.control.publish("socket", {"connections": len(self.connections)})
        return socket

    async def _open(self, connection: Connection) -> None:
        hello: Json = {
            "type": "hello",
            "num_connections": len(self.connections) + 1,
            "debug_info": {
                "host": "sandbox",
                "build_number": 1,
                "approximate_connection_time": HOURS_OPEN,
            },
            "connection_info": {"app_id": OUR_APP},
        }
        await connection.socket.send_json(hello)
        self.connections.append(connection)
        self.connected()
        self.control.publish("socket", {"connections": len(self.connections)})

    async def _receive(self, connection: Connection, kind: WSMsgType, data: Any) -> None:
        if connection.silent:
            return
        if kind is WSMsgType.PING:
            await connection.socket.pong(data)
        elif kind is WSMsgType.TEXT:
            self._acknowledge(data)

    def _acknowledge(self, text: str) -> None:
        """It may come on another socket than the envelope was sent on (slack_sdk does so)."""
        try:
            data: object = json.loads(text)
        except ValueError:
            return
        if not isinstance(data, dict):
            return
        answer = cast(Json, data)
        waiting = self._waiting.pop(str(answer.get("envelope_id")), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer.get("payload"))

    def drop(self) -> int:
        """Cut every open websocket without a close frame; returns how many."""
        cut = [connection.request.transport for connection in self.connections]
        for transport in cut:
            if transport is not None:
                transport.abort()
        return len(cut)

    def silence(self) -> int:
        """Keep every websocket open but ignore it from now on; returns how many."""
        for connection in self.connections:
            connection.silent = True
        return len(self.connections)

    async def refresh(self, reason: str = "refresh_requested") -> int:
        """Tell every open websocket to reconnect (`warning`, `refresh_requested`), and close it a little later.

        `link_disabled`: as if Socket Mode were switched off. Returns how many were connections. Raises ControlError.
        """
        if reason not in LEFT_SECONDS:
            raise ControlError(f"Slack knows no reason {reason!r} to disconnect; it knows {', '.join(LEFT_SECONDS)}.")
        connections = list(self.connections)
        for connection in connections:
            await connection.socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {}})
            closing = asyncio.create_task(_close(connection, LEFT_SECONDS[reason]))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        self.enabled = self.enabled and reason != "link_disabled"
        return len(connections)

    async def close(self) -> None:
        """End every delivery and every websocket."""
        self.forget_deliveries()
        for closing in self._closing:
            closing.cancel()
        for connection in list(self.connections):
            await connection.socket.close()

    # Envelopes

    async def send_event(self, payload: Json, attempt: Attempt) -> Acknowledgement:
        return await self._send("events_api", payload, retry_attempt=attempt.number, retry_reason=attempt.reason)

    async def send_interaction(
        self, kind: str, payload: Json, *, accepts_response_payload: bool = False
    ) -> Acknowledgement:
        """Send one envelope and wait up to `ack_seconds` for the acknowledgement; fails without a websocket."""
        return await self._send(kind, payload, accepts_response_payload=accepts_response_payload)

    async def _send(
        self, kind: str, payload: Json, *, accepts_response_payload: bool = False, **more: Any
    ) -> Acknowledgement:
        if not self.connections:
            return Acknowledgement(acknowledged=False, seconds=0.0)
        self._turn += 1
        connection = self.connections[self._turn % len(self.connections)]
        envelope: Json = {
            "type": kind,
            "envelope_id": str(uuid.uuid4()),
            "payload": payload,
            "accepts_response_payload": accepts_response_payload,
            **more,
        }
        return await self._acknowledged(connection, envelope)

    async def _acknowledged(self, connection: Connection, envelope: Json) -> Acknowledgement:
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = waiting
        call = self.control.begin("slack", f"socket:{envelope['type']}", "/link", envelope)
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.ack_seconds):
                if not connection.silent:
                    await connection.socket.send_json(envelope)
                answer = await waiting
        except (TimeoutError, ConnectionError):
            return Acknowledgement(acknowledged=False, seconds=time.monotonic() - started)
        else:
            self.control.finish(call, 200, {"acknowledged": True, "payload": answer})
            return Acknowledgement(acknowledged=True, seconds=time.monotonic() - started, payload=answer)
        finally:
            self._waiting.pop(envelope["envelope_id"], None)
            if not call.done:
                self.control.finish(call, None, {"acknowledged": False})


async def _ping(connection: Connection) -> None:
    """Slack's own pings, until the websocket ends."""
    while not connection.silent and not connection.socket.closed:
        await asyncio.sleep(PING_SECONDS)
        if not connection.silent and not connection.socket.closed:
            await connection.socket.ping(b"sandbox")


async def _close(connection: Connection, after: float) -> None:
    await asyncio.sleep(after)
    await connection.socket.close()
