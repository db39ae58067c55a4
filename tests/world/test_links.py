"""What Slack, apps and mail programs really send, as values: each row says whence it is and what must be offered.

A link that is misread, or not found, becomes a row of its kind here first.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.links import extract, load, parse
from bot.links.outcomes import CaseLink
from bot.model import Insight
from bot.store.schema import cases, insights
from tests.e2e.bench import CHANNEL, Bench

HERE = Path(__file__).parent
ROUTES = load()
TEXTS = ("links_clinging", "links_cut", "links_wrapped")


def offered(message: dict[str, Any]) -> list[str]:
    """What is certain in a message."""
    found = (parse(link, ROUTES) for link in extract(message))
    return [
        f"case {outcome.case}" if isinstance(outcome, CaseLink) else f"{outcome.type} {outcome.resource_id}"
        for outcome in found
        if isinstance(outcome, CaseLink | Insight)
    ]


def texts() -> list[Any]:
    return [
        pytest.param(row, id=f"{name}-{number}")
        for name in TEXTS
        for number, row in enumerate(tomllib.loads((HERE / f"{name}.toml").read_text("utf-8"))["row"], 1)
    ]


def carriers() -> list[Any]:
    rows = json.loads((HERE / "carriers.json").read_text("utf-8"))
    return [pytest.param(row, id=f"carriers-{number}") for number, row in enumerate(rows, 1)]


@pytest.mark.parametrize("row", texts())
def test_a_text_offers_its_links_and_nothing_else(row: dict[str, Any]) -> None:
    for message in ({"text": row["text"]}, {"attachments": [{"fallback": row["text"]}]}):
        assert offered(message) == row["offers"], row["source"]


@pytest.mark.parametrize("row", carriers())
def test_every_carrier_of_text_and_addresses_is_read(row: dict[str, Any]) -> None:
    assert offered(row["message"]) == row["offers"], row["source"]


async def test_the_bot_offers_what_the_rows_say_and_nothing_else(b: Bench) -> None:
    """Each row is a reply in a thread about a case of its own, whose links are then known."""
    written = [{"message": {"text": row.values[0]["text"]}, "offers": row.values[0]["offers"]} for row in texts()]
    rows: dict[str, Any] = {f"ROW-{n}": row for n, row in enumerate([*written, *(c.values[0] for c in carriers())], 1)}
    for key, row in rows.items():
        b.datadog.add_case(key, "A row")
        root = b.start_thread(f"see https://app.datadoghq.com/cases/{key}")
        b.slack.conversations.add(b.slack.channel(CHANNEL), {"user": "U0ANA", **row["message"], "thread_ts": root})
    await b.handled()
    of_case = (cases.c.org == insights.c.org) & (cases.c.case_id == insights.c.case_id)
    certain = select(cases.c.key, insights.c.type, insights.c.resource_id).where(of_case, ~insights.c.draft)
    async with b.transaction() as tx:
        found = sorted((key, f"{kind} {resource_id}") for key, kind, resource_id in await tx.execute(certain))
    assert found == sorted((key, one) for key, row in rows.items() for one in row["offers"] if one[:5] != "case ")
