"""What the bot costs, compared with a minimal app: `python -m tests.benchmarks [name …]`.

Each benchmark measures both sides in one run, in turns. Compare ratios: the figures depend on the machine.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks import calls, cards, cases, events, full, links, memory, starts
from tests.benchmarks.measure import Row

ALL: Mapping[str, Callable[[], Awaitable[list[Row]]]] = {
    "links": links.run,
    "events": events.run,
    "cards": cards.run,
    "calls": calls.run,
    "cases": cases.run,
    "starts": starts.run,
    "memory": memory.run,
}
ALONE: Mapping[str, Callable[[], Awaitable[list[Row]]]] = {"full": full.run}
"""What takes too long to be run with the others."""


def table(rows: Sequence[Row]) -> str:
    """As Markdown, ratios first."""
    lines = ["| ratio | limit | holds | measure | value | floor |", "|---|---|---|---|---|---|"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} x"
        floor = "" if row.floor is None else f"{row.floor:.4g} {row.unit}"
        cells = (ratio, row.wanted, row.verdict, row.name, f"{row.value:.4g} {row.unit}", floor)
        lines.append(f"| {' | '.join(cells)} |")
        lines += [f"|  |  |  | – {name.replace('_', ' ')} | {value} |  |" for name, value in row.more.items()]
    return "\n".join(lines)


def as_json(rows: Sequence[Row], seconds: float) -> str:
    about = {"python": platform.python_version(), "cores": os.cpu_count(), "seconds": round(seconds, 1)}
    measured = [{**asdict(row), "ratio": row.ratio, "verdict": row.verdict} for row in rows]
    return json.dumps({"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **about, "rows": measured}, indent=1)


async def work(names: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    for name in names:
        began = time.monotonic()
        rows += await (ALL | ALONE)[name]()
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[*ALL, *ALONE, []], help="which; without one, all but full")
    parser.add_argument("--json", type=Path, default=Path("benchmarks.json"), help="where the figures are written")
    arguments = parser.parse_args()
    began = time.monotonic()
    rows = asyncio.run(work(arguments.name or list(ALL)))
    arguments.json.write_text(as_json(rows, time.monotonic() - began) + "\n", encoding="utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()
