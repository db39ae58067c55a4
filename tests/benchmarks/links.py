"""Reading links, in this process: it is pure computation."""

import timeit
import tomllib
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from bot.links import extract, load, parse
from tests.benchmarks import measure
from tests.benchmarks.load import WORDS
from tests.benchmarks.measure import Row

CORPUS = Path(__file__).parents[1] / "links"
ROUNDS = 15


async def run() -> list[Row]:
    return [_extract(), _parse()]


def _seconds(work: Callable[[], Any], number: int) -> float:
    return timeit.timeit(work, number=number) / number


def _extract() -> Row:
    """A reply of 4 kB as Slack sends it: the text twice, once in the blocks."""
    text = (WORDS * 50)[:2_000]
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    message = {"type": "message", "user": "U0ANA", "ts": "1.2", "thread_ts": "1.1", "text": text}
    message["blocks"] = [{"type": "rich_text", "block_id": "b1Ux", "elements": [section]}]  # type: ignore[assignment]
    texts = (text, str(text[:1000] + text[1000:]))
    values, floors = [], []
    for _ in range(ROUNDS):
        values.append(_seconds(lambda: extract(message), 2_000))
        floors.append(_seconds(lambda: any("://" in part for part in texts), 2_000))
    value, floor = measure.paired(values, floors)
    return Row("links.extract, a message of 4 kB without links", "µs", value * 1e6, floor * 1e6, 5.0)


def _parse() -> Row:
    """The median over the corpus of each link's ratio to `urlsplit` without its cache."""
    routes, uncached = load(), urlsplit.__wrapped__  # type: ignore[attr-defined]
    files = sorted(CORPUS.rglob("*.toml"))
    urls = [row["url"] for file in files for row in tomllib.loads(file.read_text("utf-8"))["link"]]
    splittable = [url for url in urls if _splits(uncached, url)]
    ours, theirs, ratios = [], [], []
    for url in splittable:
        both = [(_seconds(lambda: parse(url, routes), 200), _seconds(lambda: uncached(url), 200)) for _ in range(3)]  # noqa: B023
        value, floor = (min(seconds) for seconds in zip(*both, strict=True))
        ours.append(value)
        theirs.append(floor)
        ratios.append(value / floor)
    floor = median(theirs)
    more = {
        "links": len(splittable),
        "slowest_us": round(max(ours) * 1e6, 1),
        "p95_ratio": round(measure.percentile(ratios, 95), 2),
    }
    return Row("links.parse, median over the corpus", "µs", median(ratios) * floor * 1e6, floor * 1e6, 5.0, more=more)


def _splits(work: Callable[[str], Any], url: str) -> bool:
    try:
        work(url)
    except ValueError:
        return False
    return True
