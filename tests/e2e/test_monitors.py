"""The shipped monitors and dashboard, on what the bot's own /metrics tell: each fires for its fault, none without."""

import asyncio
import json
import operator
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.bench import CHANNEL, PUT, Bench, monitor
from tests.e2e.test_health import fetch

FOLDER = Path(__file__).parents[2] / "manifests" / "datadog"
MONITORS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("monitor-*.json")}
QUERY = re.compile(
    r"(?P<over>min|max|sum)\(last_\d+m\):(?P<among>min|max|sum):(?P<name>[\w.]+)\{(?P<tags>[^}]*)\}"
    r"(?: by \{\w+\})?(?P<count>\.as_count\(\))? (?P<compare>[<>]) (?P<limit>[\d.]+)"
)
COMBINE: Mapping[str, Callable[[Sequence[float]], float]] = {"min": min, "max": max, "sum": sum}


@dataclass(frozen=True)
class Scrape:
    """What the Agent's OpenMetrics check reads, under the names that it sends."""

    text: str

    def values(self, name: str, tags: Sequence[str]) -> list[float]:
        """Of the series of this name with these tags (`key:value`; `*` and `$variable`: any)."""
        asked = dict(tag.split(":") for tag in tags if tag[0] not in "*$!")
        return [
            sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
            if _sent_as(sample.name) == name and asked.items() <= sample.labels.items()
        ]


def _sent_as(name: str) -> str:
    return re.sub(r"_(?:total|(count)|(sum))$", lambda end: f".{end[1] or end[2] or 'count'}", name).replace(
        "case_insights_", "case_insights.", 1
    )


async def scrape(b: Bench) -> Scrape:
    return Scrape((await fetch(b, "/metrics")).text)


def fires(query: str, window: Sequence[Scrape]) -> bool:
    """Whether a monitor's query alerts on these scrapes; a count is what was added between them."""
    asked = QUERY.fullmatch(query)
    assert asked, query
    tags = asked["tags"].split(",")
    points = [COMBINE[asked["among"]](values) for each in window if (values := each.values(asked["name"], tags))]
    if asked["count"]:
        points = [points[-1] - (points[0] if len(points) == len(window) else 0.0)] if points else []
    compare = operator.lt if asked["compare"] == "<" else operator.gt
    return bool(points) and compare(COMBINE[asked["over"]](points), float(asked["limit"]))


async def until_fires(b: Bench, name: str, before: Scrape | None = None) -> Scrape:
    """The first scrape on which this monitor fires; `before`: the one that counts are counted from."""
    async with asyncio.timeout(60):
        while True:
            now = await scrape(b)
            if name in firing([before or now, now]):
                return now
            await asyncio.sleep(0.05)


def firing(window: Sequence[Scrape]) -> set[str]:
    return {name for name, shipped in MONITORS.items() if fires(shipped["query"], window)}


async def test_on_a_healthy_day_none_fires_and_the_dashboard_shows_data(b: Bench) -> None:
    before = await scrape(b)
    root, card = await b.offer(2)
    b.control.rule("datadog", PUT, status=503, times=1)
    await b.click(card, "insights.add")
    await b.card(root, "Added to CASEM-4523")
    root, card = await b.offer(1)
    b.control.rule("datadog", PUT, status=400, times=2)
    await b.click(card, "insights.add")
    await b.handled()
    window = [before, await scrape(b)]
    assert firing(window) == set()
    shown = re.findall(r"\w+:(case_insights[\w.]+)\{([^}]*)\}", (FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    empty = {name for name, tags in shown if not window[1].values(name, tags.split(","))}
    assert empty <= {"case_insights.leases_lost.count"}, "which a healthy day has none of"


async def test_work_that_was_confirmed_and_waits_is_told_whenever_its_next_try_is(b: Bench) -> None:
    root, card = await b.offer(1)
    b.control.rule("datadog", PUT, status=503)
    await b.click(card, "insights.add")
    with sqlite3.connect(b.database) as connection:
        connection.execute("UPDATE insights SET at = at - 700 WHERE state = 'confirmed'")
    connection.close()
    now = await until_fires(b, "monitor-stuck")
    assert firing([now, now]) == {"monitor-stuck"}
    b.control.clear_rules()
    await b.card(root, "Added to CASEM-4523")


async def test_refused_keys_are_told(b: Bench) -> None:
    root, card = await b.offer(1)
    b.datadog.keys_valid = False
    await b.click(card, "insights.add")
    now = await until_fires(b, "monitor-keys-refused")
    assert firing([now, now]) == {"monitor-keys-refused"}
    b.datadog.keys_valid = True
    await b.card(root, "Added to CASEM-4523")


async def test_a_database_that_takes_no_writes_and_the_events_that_it_costs_are_told(own: Bench) -> None:
    await own.offer(1)
    with sqlite3.connect(own.database, isolation_level=None) as connection:
        connection.execute("BEGIN IMMEDIATE")
        before = await scrape(own)  # the bot's first, so it tries to write: it does so every ten seconds at most
        for number in range(2, 9):
            own.slack.message(CHANNEL, "U0ANA", f"{monitor(number)} https://app.datadoghq.com/cases/CASEM-4523")
        await until_fires(own, "monitor-events-fail", before)
        now = await until_fires(own, "monitor-cannot-write")
        assert firing([now, now]) == {"monitor-cannot-write", "monitor-not-ready"}
        connection.execute("ROLLBACK")
    connection.close()


async def test_a_day_without_an_event_is_told(b: Bench) -> None:
    age = re.compile(r"(?<=^case_insights_last_event_age_seconds )\S+", re.MULTILINE)
    now = (await scrape(b)).text
    assert firing([Scrape(age.sub(str(24 * 3600 + 1), now))]) == {"monitor-events-stop"}
