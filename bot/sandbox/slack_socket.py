"""Socket Mode: tickets, websockets, envelopes, their acknowledgements, and events sent again without one.

https://docs.slack.dev/apis/events-api/using-socket-mode. Each envelope sent is one journalled call of the service
"slack", named `socket:events_api`, `socket:interactive` or `socket:slash_commands`; its answer is
`{"acknowledged", "payload"}`, and it is under way until then.
"""

import asyncio
import json
import secrets
import time
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import WSMsgType, web

from bot.sandbox.control import Control, Json
from bot.sandbox.slack_people import OUR_APP

MOST_SOCKETS = 10
TICKET_SECONDS = 30.0
HOURS_OPEN = 18_060


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Whether an envelope was acknowledged in time, after how many seconds, and with what payload."""

    acknowledged: bool
    seconds: float
    payload: Any = None


@dataclass(eq=False, slots=True)
class Connection:
    """One open websocket of the app."""

    request: web.Request
    socket: web.WebSocketResponse


class SocketMode:
    """Slack's end of the app's websockets."""

    def __init__(self, control: Control, ack_seconds: float, retry_delays: tuple[float, ...]) -> None:
        self.control = control
        self.ack_seconds = ack_seconds
        self.retry_delays = retry_delays
        self.connections: list[Connection] = []
        self._tickets: dict[str, float] = {}
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrival = asyncio.Event()
        self._turn = 0

    # Connections

    def ticket(self) -> str:
        """A ticket for one websocket, good once and for 30 s."""
        ticket = secrets.token_hex(8)
        self._tickets[ticket] = time.monotonic() + TICKET_SECONDS
        return ticket

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The websocket itself: `GET /link?ticket=…&app_id=…`."""
        if self._tickets.pop(request.query.get("ticket", ""), 0.0) < time.monotonic():
            return web.Response(status=401, text="invalid_ticket")
        socket = web.WebSocketResponse(heartbeat=10.0)
        await socket.prepare(request)
        if len(self.connections) >= MOST_SOCKETS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        connection = Connection(request, socket)
        await self._open(connection)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._receive(message.data)
        finally:
            self.connections.remove(connection)
            self.control.tell("socket", {"connections": len(self.connections)})
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
        arrival, self._arrival = self._arrival, asyncio.Event()
        arrival.set()
        self.control.tell("socket", {"connections": len(self.connections)})

    def _receive(self, text: str) -> None:
        """An acknowledgement. It may come on another socket than the envelope went out on (facts of slack_sdk)."""
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
        """Cut every open websocket without a word; returns how many."""
        cut = [connection.request.transport for connection in self.connections]
        for transport in cut:
            if transport is not None:
                transport.abort()
        return len(cut)

    async def refresh(self, reason: str = "refresh_requested") -> int:
        """Tell every open websocket to reconnect (`warning`, `refresh_requested`, `link_disabled`)."""
        told = list(self.connections)
        for connection in told:
            await connection.socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {}})
        return len(told)

    async def close(self) -> None:
        """End every delivery and every websocket."""
        self.forget_deliveries()
        for connection in list(self.connections):
            await connection.socket.close()

    # Envelopes

    def deliver(self, payload: Json) -> None:
        """Send an event, and again after each of `retry_delays` while it is not acknowledged.

        Without an open websocket it waits for one. A new websocket gets what is due for another try at once.
        """
        self._start(self._deliver(payload))

    def forget_deliveries(self) -> None:
        for task in self._tasks:
            task.cancel()

    @property
    def undelivered(self) -> int:
        """How many events are still on their way, retries included."""
        return len(self._tasks)

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.control.changed()

    async def _deliver(self, payload: Json) -> None:
        retry: Json = {"retry_attempt": 0, "retry_reason": ""}
        for attempt, delay in enumerate((*self.retry_delays, 0.0), 1):
            while not self.connections:
                await self._arrival.wait()
            next_arrival = self._arrival
            if (await self.ask("events_api", payload, **retry)).acknowledged:
                return
            retry = {"retry_attempt": attempt, "retry_reason": "timeout"}
            await _pause(delay, next_arrival)
        self.control.tell("event_lost", {"event_id": payload["event_id"]})

    async def ask(
        self, kind: str, payload: Json, *, accepts_response_payload: bool = False, **more: Any
    ) -> Acknowledgement:
        """Send one envelope and wait for its acknowledgement, `ack_seconds` at most; not sent without a socket."""
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


async def _pause(seconds: float, arrival: asyncio.Event) -> None:
    """Until `seconds` have passed, or another websocket has come since the last try."""
    try:
        async with asyncio.timeout(seconds):
            await arrival.wait()
    except TimeoutError:
        return
