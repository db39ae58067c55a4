"""The exact points at which bots are killed: at a held call, a locked database, an acknowledgement. And a failover."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import psycopg

from bot.sandbox.control import Call
from tests.e2e.bench import COMMENT, PUT, Bench
from tests.e2e.test_new_case import CREATE

WITHIN = 90.0
"""Seconds to wait for a chance to kill at a point."""

Point = Callable[[Bench, Sequence[int]], Awaitable[None]]


async def _before_the_store(b: Bench, _: Sequence[int]) -> None:
    """An event or a click has arrived and cannot be committed: kill all bots."""
    before = len(b.control.calls)
    with b.locked_database():
        await _until(b, lambda: any(not call.done for call in _envelopes(b, before)), "an event")
        await b.kill()


async def _after_the_store(b: Bench, _: Sequence[int]) -> None:
    """A message with links is acknowledged, so committed, and its card's job is not due yet."""
    before = len(b.control.calls)
    await _until(b, lambda: any(call.status == 200 and _has_links(call) for call in _envelopes(b, before)), "an answer")
    await b.kill()


def _at(method: str, **how: str) -> Point:
    async def kill(b: Bench, victims: Sequence[int]) -> None:
        b.control.rule("*", method, times=1, **how)  # type: ignore[arg-type]  # "before" or "after"
        await _until(b, lambda: any(call.method == method for call in b.control.held()), method)
        await b.kill(*victims)
        b.control.release()

    return kill


async def _fail_over(b: Bench, _: Sequence[int]) -> None:
    """PostgreSQL becomes a standby for a moment. Sessions that begin meanwhile still cannot write afterwards."""
    await asyncio.to_thread(_change_roles, b.bot.env["DATABASE_URL"], len(b.bots))


def _change_roles(url: str, bots: int) -> None:
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER DATABASE proof SET default_transaction_read_only = on")
        connection.execute(f"SELECT pg_terminate_backend(pid) {others}".encode())
        began = time.monotonic()
        while connection.execute(f"SELECT pg_sleep(0.05), pid {others}".encode()).rowcount < bots:
            assert time.monotonic() - began < WITHIN, "the bots do not come back"
        connection.execute("ALTER DATABASE proof RESET default_transaction_read_only")


POINTS: dict[str, Point] = {
    "before the store": _before_the_store,
    "after the store": _after_the_store,
    "after the claim": _at(PUT, hold="before", drop="before"),
    "after the PUT left": _at(PUT, hold="before"),
    "after Datadog committed": _at(PUT, hold="after"),
    "before the comment was saved": _at(COMMENT, hold="after"),
    "before the case was created": _at(CREATE, hold="before", drop="before"),
    "after the case was created": _at(CREATE, hold="after"),
    "before the card's post was saved": _at("chat.postMessage", hold="after"),
    "before the card's update": _at("chat.update", hold="before"),
}
FAILOVER: dict[str, Point] = {"a failover": _fail_over}
"""Where the database is PostgreSQL; no bot is killed."""


def points(b: Bench) -> dict[str, Point]:
    return POINTS | (FAILOVER if b.bot.env["DATABASE_URL"].startswith("postgresql") else {})


async def kill_at_each_point_twice(b: Bench, chance: random.Random, progress: Callable[[], float]) -> Counter[str]:
    """First all bots, the second time one of them; spread over the work."""
    kills: Counter[str] = Counter()
    for victims in ([], [chance.randrange(len(b.bots))]):
        for name, point in points(b).items():
            due = kills.total() / (2 * len(points(b)) + 2)
            await _until(b, lambda due=due: progress() >= due, "progress")
            await point(b, victims)
            kills[name] += 1
            await b.start()
    return kills


async def _until(b: Bench, predicate: Callable[[], bool], what: str) -> None:
    await b.control.until(predicate, timeout=WITHIN, what=what)


def _envelopes(b: Bench, after: int) -> list[Call]:
    return [call for call in b.control.calls[after:] if call.method in ("socket:events_api", "socket:interactive")]


def _has_links(call: Call) -> bool:
    event = call.arguments["payload"].get("event") or {}
    return "/monitors/" in (event.get("text") or "") and "bot_id" not in event
