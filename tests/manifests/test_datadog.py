"""The dashboard and the monitors: Datadog's own client takes them, and every metric in them exists."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from datadog_api_client.model_utils import validate_and_convert_types
from datadog_api_client.v1.model.dashboard import Dashboard
from datadog_api_client.v1.model.monitor import Monitor

from bot import metrics

FOLDER = Path(__file__).parents[2] / "manifests" / "datadog"
FILES = sorted(FOLDER.glob("*.json"))
SUFFIXES = {"counter": (".count",), "gauge": ("",), "histogram": (".count", ".sum", ".bucket")}
"""How the Agent's OpenMetrics check names them (docs.datadoghq.com/integrations/guide/prometheus-metrics)."""


def in_datadog() -> set[str]:
    return {
        f"{family.name.replace('case_insights_', 'case_insights.', 1)}{suffix}"
        for family in metrics.registry.collect()
        for suffix in SUFFIXES[family.type]
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_datadogs_own_client_takes_it(path: Path):
    """Not merely as an object of unknown kind, which its models let pass."""
    model = Dashboard if path.stem == "dashboard" else Monitor
    read: Any = validate_and_convert_types(
        json.loads(path.read_text(encoding="utf-8")), (model,), ["received"], True, True, {}
    )
    assert not list(unparsed(read))


def unparsed(value: Any) -> Any:
    """Parts that the client could not read as anything it knows."""
    if getattr(value, "_unparsed", False):
        yield value
    for each in getattr(value, "_data_store", {}).values() if hasattr(value, "_data_store") else ():
        yield from unparsed(each)
    if isinstance(value, list):
        for each in value:  # pyright: ignore[reportUnknownVariableType]
            yield from unparsed(each)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_metric_in_it_exists(path: Path):
    named = set(re.findall(r"case_insights\.[a-z_]+(?:\.(?:count|sum|bucket))?", path.read_text(encoding="utf-8")))
    assert named
    assert named <= in_datadog()


def test_every_metric_is_shown_somewhere():
    shown = "".join(path.read_text(encoding="utf-8") for path in FILES)
    assert [name for name in in_datadog() if not name.endswith(".bucket") and name not in shown] == []


def test_a_word_that_datadog_does_not_know_is_noticed():
    monitor = {**json.loads((FOLDER / "monitor-stuck.json").read_text(encoding="utf-8")), "type": "nonsense"}
    assert list(unparsed(validate_and_convert_types(monitor, (Monitor,), ["received"], True, True, {})))
