"""CPU and memory of other processes as the operating system counts them, percentiles, and rows of the table."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `value` and `floor` are in `unit`; `limit` is the highest ratio allowed, if any.

    `holds` is given where the goal is not a ratio; `more` are further figures.
    """

    name: str
    unit: str
    value: float
    floor: float | None = None
    limit: float | None = None
    holds: bool | None = None
    goal: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor if self.floor else None

    @property
    def verdict(self) -> str:
        holds = self.holds
        if holds is None and self.limit is not None and self.ratio is not None:
            holds = self.ratio <= self.limit
        return "" if holds is None else "yes" if holds else "NO"

    @property
    def wanted(self) -> str:
        return self.goal or (f"<= {self.limit:g} x" if self.limit is not None else "")


def cpu(pid: int) -> float:
    """Seconds of CPU that all threads of this process have used.

    From the process's CPU clock (the id is made as clock_getcpuclockid(3) does): nanoseconds, where /proc/PID/stat
    counts hundredths of a second.
    """
    return time.clock_gettime((~pid << 3) | 2)


def resident(pid: int) -> float:
    """MB that this process has in memory."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) * 1024 / 1e6


def percentile(values: Sequence[float], of: float) -> float:
    """The smallest value that `of` percent of the values do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * of / 100) - 1)]


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Percentiles in milliseconds."""
    return {f"p{of}_ms": round(percentile(seconds, of) * 1e3, 2) for of in (50, 95, 99)}


def paired(values: Sequence[float], floors: Sequence[float]) -> tuple[float, float]:
    """A typical value and its floor, whose ratio is the median of the rounds' ratios, as the machine's load varies."""
    floor = median(floors)
    return median(value / other for value, other in zip(values, floors, strict=True)) * floor, floor
