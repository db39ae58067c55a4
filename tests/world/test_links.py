"""What Slack, apps and mail programs really send, as values: each row says whence it is and what must be offered.

A link that is misread, or not found, becomes a row of its kind here first.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot.links import extract, load, parse
from bot.model import CaseLink, Insight

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
