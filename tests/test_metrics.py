"""What the bot counts: told in the documents, and a call counted by how it ended."""

import contextlib
import re
from pathlib import Path

import pytest

from bot import metrics

DOCUMENT = Path(__file__).parents[1] / "docs" / "operating.md"


class DatadogTransient(Exception):
    pass


def test_the_readme_tells_of_every_metric_and_of_no_other():
    told = set(re.findall(r"^\| `(case_insights_[a-z_]+)` \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE))
    assert told == {family.name for family in metrics.registry.collect()}


@pytest.mark.parametrize(("error", "result"), [(None, "ok"), (DatadogTransient(), "later"), (ValueError(), "refused")])
def test_a_call_is_counted_by_its_result(error: Exception | None, result: str):
    counter = metrics.calls.labels("test", "call", result)
    before = counter._value.get()
    with contextlib.suppress(DatadogTransient, ValueError), metrics.counted("test", "call", DatadogTransient):
        if error is not None:
            raise error
    assert counter._value.get() == before + 1
