"""The corpus: link → outcome. A misread link becomes three lines there first."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from alone import ROUTES, claimants

from bot import links
from bot.model import InsightType

HERE = Path(__file__).parent
FIELDS = {"outcome": "outcome", "id": "resource_id", "scope": "scope", "ref": "ref", "case": "case", "reason": "reason"}


def rows() -> list[Any]:
    found: list[Any] = []
    for file in sorted(HERE.rglob("*.toml")):
        for number, row in enumerate(tomllib.loads(file.read_text("utf-8"))["link"], 1):
            found.append(pytest.param(file.stem, row, id=f"{file.stem}-{number}"))
    return found


@pytest.mark.parametrize(("file", "row"), rows())
def test_a_link_is_read_as_the_corpus_says(file: str, row: dict[str, str]) -> None:
    read = links.as_row(links.explain(row["url"], ROUTES))
    expected = {FIELDS[name]: value or None for name, value in row.items() if name in FIELDS}
    if row["outcome"] in ("insight", "draft"):
        expected["type"] = row.get("type", file.upper())
    assert {name: read[name] for name in expected} == expected


def test_every_insight_type_has_its_file_in_the_corpus() -> None:
    assert {file.stem.upper() for file in HERE.glob("*.toml")} == set(InsightType)


def test_no_link_of_the_corpus_is_claimed_by_two_routes() -> None:
    claimed = {row.values[1]["url"]: claimants(row.values[1]["url"]) for row in rows()}
    assert {url: routes for url, routes in claimed.items() if len(routes) > 1} == {}


def test_a_corpus_file_holds_no_link_twice() -> None:
    urls = [row.values[1]["url"] for row in rows()]
    assert len(urls) == len(set(urls))
