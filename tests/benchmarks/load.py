"""A cheap Slack for HTTP mode: signed events on a few connections that stay open."""

import asyncio
import itertools
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote_plus

from bot.sandbox.slack.http_mode import signature
from tests.e2e.bench import CHANNEL, SIGNING_SECRET

Json = dict[str, Any]

CONNECTIONS = 4
WORDS = "Memory keeps growing on the api hosts since the deploy of half past two, who has looked at it? "

_ids = itertools.count(1)


def message(text: str, thread_ts: str, team: str) -> bytes:
    """A `message` event as Slack sends it: a person's reply with blocks, its own id and its own ts."""
    number = next(_ids)
    ts = f"{1_700_000_000 + number}.{number % 1_000_000:06d}"
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    event: Json = {"type": "message", "user": "U0ANA", "text": text, "team": team, "ts": ts, "event_ts": ts}
    event |= {"client_msg_id": f"5d2bc9ea-5a37-4bcf-9d5c-{number:012d}"}
    event |= {"blocks": [{"type": "rich_text", "block_id": "b1Ux", "elements": [section]}]}
    event |= {"channel": CHANNEL, "channel_type": "channel", "thread_ts": thread_ts, "parent_user_id": "U0ANA"}
    who = {"enterprise_id": None, "team_id": team, "user_id": "U0BOT", "is_bot": True, "is_enterprise_install": False}
    body: Json = {"token": "sandbox", "team_id": team, "context_team_id": team, "context_enterprise_id": None}
    body |= {"api_app_id": "A0INSIGHTS", "type": "event_callback", "event": event, "authorizations": [who]}
    body |= {"event_id": f"Ev{number:010d}", "event_time": int(time.time()), "is_ext_shared_channel": False}
    body |= {"event_context": "4-eyJldCI6Im1lc3NhZ2UiLCJ0aWQiOiJUMDAwMSIsImFpZCI6IkEwMDAxIiwiY2lkIjoiQzAwMDEifQ"}
    return json.dumps(body).encode()


def click(card: Json, thread_ts: str, user: str, team: str) -> bytes:
    """A click on a card's Add, with all of its boxes ticked, as Slack sends it."""
    elements = [element for block in card["blocks"] for element in block.get("elements", [])]
    button = next(element for element in elements if element.get("action_id") == "insights.add")
    ticked = {
        block["block_id"]: {
            element["action_id"]: {"type": "checkboxes", "selected_options": element["options"]}
            for element in block["elements"]
        }
        for block in card["blocks"]
        if block["type"] == "actions" and block["elements"][0]["type"] == "checkboxes"
    }
    where = {"type": "message", "message_ts": card["ts"], "channel_id": CHANNEL, "is_ephemeral": False}
    body: Json = {"type": "block_actions", "user": {"id": user, "username": "ben", "team_id": team}}
    body |= {"api_app_id": "A0INSIGHTS", "token": "sandbox", "container": where, "trigger_id": f"1.{next(_ids)}"}
    body |= {"team": {"id": team, "domain": "acme"}, "enterprise": None, "is_enterprise_install": False}
    body |= {"channel": {"id": CHANNEL, "name": "incidents"}, "message": card | {"thread_ts": thread_ts}}
    body |= {"state": {"values": ticked}, "response_url": "https://hooks.slack.com/actions/T0/1/a"}
    body |= {"actions": [button | {"block_id": "b", "action_ts": str(time.time())}]}
    return f"payload={quote_plus(json.dumps(body))}".encode()


class NotAcknowledged(Exception):
    """The server did not answer 200: Slack would send the event again."""


class _Connection(asyncio.Protocol):
    """One request at a time; `answered` gets the status."""

    answered: asyncio.Future[int] | None = None
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"
        )
        if len(body) >= length:
            self._buffer = body[length:]
            assert self.answered is not None, "an answer to no request"
            self.answered.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answered is not None and not self.answered.done():
            self.answered.set_exception(exc or ConnectionError("closed"))


class Sender:
    """Sends events to one server's /slack/events over a fixed number of connections."""

    def __init__(self, connections: list[_Connection]) -> None:
        self._free = asyncio.Queue[_Connection]()
        for connection in connections:
            self._free.put_nowait(connection)
        self._count = len(connections)
        self.refused = 0

    async def post(self, body: bytes) -> float:
        """Send one event: seconds until the 200, without the wait for a free connection."""
        connection = await self._free.get()
        try:
            return await _asked(connection, body)
        finally:
            self._free.put_nowait(connection)

    async def all(self, bodies: Iterable[bytes]) -> list[float]:
        """Send events on all connections at once: the seconds that each took."""
        waiting: Iterator[bytes] = iter(bodies)
        took: list[float] = []

        async def work() -> None:
            took.extend([await self.post(body) for body in waiting])

        await asyncio.gather(*(work() for _ in range(self._count)))
        return took

    async def paced(self, bodies: Iterable[bytes], per_second: float) -> list[float]:
        """Send at this rate whether earlier ones are answered or not: the seconds from when each was due.

        `refused` counts those that were not acknowledged.
        """
        loop = asyncio.get_running_loop()
        begin = loop.time()

        async def at(moment: float, body: bytes) -> float:
            await asyncio.sleep(max(0.0, moment - loop.time()))
            try:
                await self.post(body)
            except NotAcknowledged:
                self.refused += 1
            return loop.time() - moment

        return await asyncio.gather(*(at(begin + number / per_second, body) for number, body in enumerate(bodies)))

    async def close(self) -> None:
        for _ in range(self._count):
            (await self._free.get()).transport.close()


async def _asked(connection: _Connection, body: bytes) -> float:
    at = str(int(time.time()))
    kind = "application/x-www-form-urlencoded" if body.startswith(b"payload=") else "application/json"
    head = (
        "POST /slack/events HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\nAccept: */*\r\n"
        f"X-Slack-Request-Timestamp: {at}\r\nX-Slack-Signature: {signature(SIGNING_SECRET, at, body)}\r\n\r\n"
    )
    connection.answered = asyncio.get_running_loop().create_future()
    began = time.perf_counter()
    connection.transport.write(head.encode() + body)
    status = await connection.answered
    took = time.perf_counter() - began
    if status != 200:
        raise NotAcknowledged(f"an event was answered with {status}")
    return took


async def sender(port: int, connections: int = CONNECTIONS) -> Sender:
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(_Connection, "127.0.0.1", port) for _ in range(connections)]
    return Sender([protocol for _, protocol in made])
