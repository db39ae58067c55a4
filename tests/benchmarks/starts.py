"""How long it takes until the command line answers and until the bot is there for Slack."""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bot.sandbox.bot_process import BotProcess, environment
from tests.benchmarks import peers
from tests.benchmarks.measure import Row
from tests.e2e.bench import Bench, monitor

EXPLAINS, RUNS = 12, 5
HEAVY = ("slack_sdk", "slack_bolt", "sqlalchemy", "aiohttp", "alembic")


async def run() -> list[Row]:
    return [await _explain(), await _run()]


async def _timed(*command: str) -> float:
    env = {"PYTHONPATH": str(peers.ROOT), "HOME": tempfile.gettempdir()}
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, env=env, cwd=tempfile.gettempdir(), stdout=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0
    return time.perf_counter() - began


async def _explain() -> Row:
    ours, floors = [], []
    for _ in range(EXPLAINS):
        floors.append(await _timed("-c", "pass"))
        ours.append(await _timed("-m", "bot", "explain", monitor(1)))
    heavy = await _imported("-m", "bot", "explain", monitor(1))
    value, floor = median(ours) * 1e3, median(floors) * 1e3
    return Row(
        "case-insights explain LINK",
        "ms",
        value,
        floor,
        holds=value - floor <= 200 and not heavy,
        goal="<= + 200 ms",
        more={"more_ms": round(value - floor), "imported_of_slack_and_database": heavy},
    )


async def _imported(*command: str) -> list[str]:
    """Which heavy packages this command imports."""
    env = {"PYTHONPATH": str(peers.ROOT), "HOME": tempfile.gettempdir()}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-X",
        "importtime",
        *command,
        env=env,
        cwd=tempfile.gettempdir(),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate()
    return _heavy(told.decode())


def _heavy(told: str) -> list[str]:
    names = {line.rpartition("|")[2].strip().partition(".")[0] for line in told.splitlines()}
    return [each for each in HEAVY if each in names]


async def _run() -> Row:
    """From the start of the process until its websocket stands, in turns."""
    async with peers.bot() as b:
        await b.bot.stop()
        ours, floors = [], []
        for _ in range(RUNS):
            floors.append(await _bare_start(b))
            ours.append(await _bot_start(b))
        heavy = await _imported_by_run(b)
    value, floor = median(ours) * 1e3, median(floors) * 1e3
    return Row(
        "case-insights run -> ready (websocket stands)",
        "ms",
        value,
        floor,
        holds=value - floor <= 1000 and "alembic" not in heavy,
        goal="<= + 1 s, no Alembic",
        more={"more_ms": round(value - floor), "alembic_imported": "alembic" in heavy},
    )


async def _connected(b: Bench, began: float) -> float:
    await b.control.until(lambda: b.slack.socket.connections, what="a websocket")
    return time.perf_counter() - began


async def _gone(b: Bench) -> None:
    await b.control.until(lambda: not b.slack.socket.connections, what="the websocket to close")


async def _bare_start(b: Bench) -> float:
    began = time.perf_counter()
    async with peers.bare(b.slack.url, "socket"):
        took = await _connected(b, began)
    await _gone(b)
    return took


async def _bot_start(b: Bench) -> float:
    began = time.perf_counter()
    await b.bot.start()
    took = await _connected(b, began)
    await b.bot.stop()
    await _gone(b)
    return took


async def _imported_by_run(b: Bench) -> list[str]:
    with tempfile.TemporaryDirectory() as home:
        env = {**environment(b.slack.url, b.datadog.url, b.database), "PYTHONPROFILEIMPORTTIME": "1"}
        child = BotProcess(env, Path(home))
        await child.start()
        await _connected(b, time.perf_counter())
        await child.stop()
        return _heavy(child.log.read_text(encoding="utf-8"))
