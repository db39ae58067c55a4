"""A reading as JSON and in words."""

import json

import pytest

from bot import links
from bot.links.outcomes import Reason
from bot.links.reasons import SENTENCES

ROUTES = links.load()
FIELDS = ["link", "outcome", "type", "resource_id", "scope", "ref", "case", "route", "reason"]
HALF = "https://app.datadoghq.com/security/csm/vm?vulnerability=0123456789abcdef0123456789abcdef"


def row(link: str) -> dict[str, object]:
    return links.as_row(links.explain(link, ROUTES))


def text(link: str) -> str:
    return links.as_text(links.explain(link, ROUTES))


def test_a_row_always_has_the_same_fields_and_absent_is_null() -> None:
    paths = ("/monitors/1", "/cases/ET-1", "/logs", "/apm/recommendations")
    for link in [*(f"https://app.datadoghq.com{path}" for path in paths), "nothing"]:
        assert list(row(link)) == FIELDS
        assert json.loads(json.dumps(row(link))) == row(link)
        assert "" not in row(link).values()


def test_an_insight_s_row() -> None:
    link = "https://app.datadoghq.com/dashboard/abc-def-ghi?tile_focus=7"
    assert row(link) == {
        "link": link,
        "outcome": "insight",
        "type": "WIDGET",
        "resource_id": "7",
        "scope": "abc-def-ghi",
        "ref": "/dashboard/abc-def-ghi?tile_focus=7",
        "case": None,
        "route": "widget",
        "reason": None,
    }


def test_the_text_of_an_insight_names_the_rule_that_matched() -> None:
    assert text("https://app.datadoghq.com/monitors/1").splitlines() == [
        "https://app.datadoghq.com/monitors/1",
        "  Insight: MONITOR",
        "  resource_id  1",
        "  ref          /monitors/1",
        "  route        monitor: /monitors/{id}/**",
    ]


@pytest.mark.parametrize(
    ("link", "words"),
    [
        (HALF, "half of the finding's id"),
        (HALF, "Edit…"),
        ("https://app.datadoghq.com/cost/recommendations", "(missing)"),
        ("https://app.datadoghq.com/event/event?id=1&id=2", "more than one id"),
        ("https://app.datadoghq.com/s/a/b", "Open it and paste the address it leads to"),
        ("https://app.datadoghq.com/logs?query=x", "a note: a link in the case's comment"),
        ("https://app.datadoghq.com/cases/ET-1", "Case: ET-1"),
        ("https://docs.datadoghq.com/monitors/1", "serves no web app"),
        ("https://app.datadoghq.com.evil.example/monitors/1", "not one of Datadog's own"),  # K15
        ("monitor 1", "beginning with https://"),
    ],
)
def test_the_text_says_why_and_what_to_do(link: str, words: str) -> None:
    assert words in text(link)


def test_the_text_of_a_link_with_invisible_characters_can_be_printed() -> None:
    shown = text("https://app.datadoghq.com/\x1b[2J\ud800")
    assert shown.startswith("https://app.datadoghq.com/\ufffd[2J\ufffd\n")


def test_every_reason_has_one_sentence() -> None:
    assert set(SENTENCES) == set(Reason)
    assert len(set(SENTENCES.values())) == len(Reason)
    assert all(links.sentence(reason).endswith(".") for reason in Reason)
