"""`python -m tests.soak --minutes 3`: people paste and click, Datadog fails, the bot is killed; then the figures.

The real bot runs as a child process between the sandbox's two servers on loopback.
"""

import argparse
import asyncio
import itertools
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox.bot_process import BotProcess
from tests.e2e.bench import PUT, Bench, bench
from tests.proof.work import PATIENT_SLACK, Shown, judge, key, on_case, spoil, wanted, work_a_case

AT_ONCE = 4
"""Threads with work going on at the same time."""
KILL_EVERY = 30.0
MEMORY_EVERY = 5.0
SETTLE_SECONDS = 120.0


@dataclass
class Soak:
    """What happened so far. `memory`: samples of the bot's resident set in MiB."""

    b: Bench
    shown: Shown
    until: float
    roots: dict[int, str] = field(default_factory=dict)
    kills: int = 0
    memory: list[float] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.until


async def soak(minutes: float, seed: int) -> str:
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        # With a PYTHONPATH the bot is started from nothing, not forked: its memory is its own.
        settings = {"PYTHONPATH": str(Path(__file__).parents[2])}
        async with bench(Path(directory), settings=settings, retry_delays=PATIENT_SLACK) as b:
            run = Soak(b, Shown(b), time.monotonic() + 60 * minutes)
            spoil(b, seed)
            numbers = itertools.count()
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(_work(run, numbers))
                group.create_task(_kill(run, random.Random(seed)))  # noqa: S311  repeatable on purpose
                group.create_task(_measure(run))
            await _settled(run)
            return _figures(run, minutes, seed)


async def _work(run: Soak, numbers: "itertools.count[int]") -> None:
    while not run.over:
        number = next(numbers)
        run.b.datadog.add_case(key(number), f"Case {number}")
        run.roots[number] = await work_a_case(run.b, run.shown, number)


async def _kill(run: Soak, chance: random.Random) -> None:
    while True:
        await asyncio.sleep(KILL_EVERY * chance.uniform(0.5, 1.5))
        if run.over:
            return
        await run.b.kill()
        await run.b.start()
        run.kills += 1


async def _measure(run: Soak) -> None:
    while not run.over:
        run.memory += [_resident(bot) for bot in run.b.bots if bot.runs]
        await asyncio.sleep(MEMORY_EVERY)


def _resident(bot: BotProcess) -> float:
    """MiB; 0 where there is no /proc."""
    assert bot._process is not None
    status = Path(f"/proc/{bot._process.pid}/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


async def _settled(run: Soak) -> None:
    """Wait for all confirmed insights; what is missing after two minutes counts as lost."""
    run.b.control.clear_rules()
    try:
        await run.b.control.until(
            lambda: all(on_case(run.b, number).total() >= len(wanted(number)) for number in run.roots),
            timeout=SETTLE_SECONDS,
        )
    except TimeoutError:
        return
    await run.b.control.quiet(3.0, timeout=SETTLE_SECONDS)


def _figures(run: Soak, minutes: float, seed: int) -> str:
    confirmed = sum(len(wanted(number)) for number in run.roots)
    lost = doubled = untrue = 0
    for number, root in run.roots.items():
        counts = on_case(run.b, number)
        lost += len(wanted(number) - set(counts))
        doubled += counts.total() - len(counts)
        try:
            judge(run.b, number, root)
        except AssertionError:
            untrue += 1
    puts = Counter(str(call.status or "no answer") for call in run.b.calls(PUT))
    events = Counter(call.status == 200 for call in run.b.calls("socket:events_api"))
    lines = {
        "minutes, seed": f"{minutes:g}, {seed}",
        "events (acknowledged)": f"{events.total()} ({events[True]})",
        "cases": len(run.roots),
        "insights confirmed": confirmed,
        "PUTs by answer": ", ".join(f"{status}: {count}" for status, count in sorted(puts.items())),
        "kills of the bot": run.kills,
        "insights lost": lost,
        "insights doubled": doubled,
        "threads whose cards or case are not as confirmed": untrue,
        "memory of the bot, MiB (least, most)": f"{min(run.memory):.0f}, {max(run.memory):.0f}",
    }
    return "\n".join(f"{name}: {value}" for name, value in lines.items())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=4523)
    arguments = parser.parse_args()
    print(asyncio.run(soak(arguments.minutes, arguments.seed)))


if __name__ == "__main__":
    main()
