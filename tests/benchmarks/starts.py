"""How long the command line takes to answer, and the bot to connect to Slack."""

import asyncio
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE
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


async def _timed(*command: str) -> tuple[float, str]:
    """Seconds that a command of Python's takes, and its standard error."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, env=peers.CLEAN_ENVIRONMENT, cwd=tempfile.gettempdir(), stdout=DEVNULL, stderr=PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 0
    return time.perf_counter() - began, errors.decode()


async def _explain() -> Row:
    ours, floors = [], []
    for _ in range(EXPLAINS):
        floors.append((await _timed("-c", "pass"))[0])
        ours.append((await _timed("-m", "bot", "explain", monitor(1)))[0])
    heavy = _heavy((await _timed("-X", "importtime", "-m", "bot", "explain", monitor(1)))[1])
    value, floor = median(ours) * 1e3, median(floors) * 1e3
    holds = value - floor <= 200 and not heavy
    more = {"more_ms": round(value - floor), "imported_of_slack_and_database": heavy}
    return Row("case-insights explain LINK", "ms", value, floor, holds=holds, goal="<= + 200 ms", more=more)


def _heavy(import_times: str) -> list[str]:
    """Which heavy packages are in the output of `-X importtime`."""
    names = {line.rpartition("|")[2].strip().partition(".")[0] for line in import_times.splitlines()}
    return [name for name in HEAVY if name in names]


async def _run() -> Row:
    """From the start of the process until its websocket is open, in turns."""
    async with peers.bot() as b:
        await b.bot.stop()
        ours, floors = [], []
        for _ in range(RUNS):
            floors.append(await _bare_start(b))
            ours.append(await _bot_start(b))
        heavy = await _imported_by_run(b)
    value, floor = median(ours) * 1e3, median(floors) * 1e3
    holds = value - floor <= 1000 and "alembic" not in heavy
    more = {"more_ms": round(value - floor), "alembic_imported": "alembic" in heavy}
    name = "case-insights run -> ready (websocket stands)"
    return Row(name, "ms", value, floor, holds=holds, goal="<= + 1 s, no Alembic", more=more)


async def _connected(b: Bench, began: float) -> float:
    await b.control.until(lambda: b.slack.socket.connections, what="a websocket")
    return time.perf_counter() - began


async def _bare_start(b: Bench) -> float:
    began = time.perf_counter()
    async with peers.bare(b.slack.url, "socket"):
        took = await _connected(b, began)
    await b.control.until(lambda: not b.slack.socket.connections, what="the websocket to close")
    return took


async def _bot_start(b: Bench) -> float:
    began = time.perf_counter()
    await b.bot.start()
    took = await _connected(b, began)
    await b.bot.stop()
    await b.control.until(lambda: not b.slack.socket.connections, what="the websocket to close")
    return took


async def _imported_by_run(b: Bench) -> list[str]:
    with tempfile.TemporaryDirectory() as home:
        env = {**environment(b.slack.url, b.datadog.url, b.database), "PYTHONPROFILEIMPORTTIME": "1"}
        child = BotProcess(env, Path(home))
        await child.start()
        await _connected(b, time.perf_counter())
        await child.stop()
        return _heavy(child.log.read_text(encoding="utf-8"))
