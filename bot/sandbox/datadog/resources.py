"""A few resources that insights point at, so that their titles can be looked up as in a real organization.

Shapes: the official datadog-api-client 2.62, which reads them in the tests.
"""

from typing import Any

from bot.sandbox.datadog.validation import DatadogError

Json = dict[str, Any]

PATHS = {
    "monitor": "/api/v1/monitor/{resource_id}",
    "dashboard": "/api/v1/dashboard/{resource_id}",
    "incident": "/api/v2/incidents/{resource_id}",
    "issue": "/api/v2/error-tracking/issues/{resource_id}",
    "signal": "/api/v2/security_monitoring/signals/{resource_id}",
    "event": "/api/v2/events/{resource_id}",
    "old_event": "/api/v1/events/{resource_id}",
    "notebook": "/api/v1/notebooks/{resource_id}",
    "slo": "/api/v1/slo/{resource_id}",
    "synthetics": "/api/v1/synthetics/tests/{resource_id}",
}
OOM_ISSUE = "2841440d-0b1e-11f0-9a2c-da7ad0900005"
CACHE_ISSUE = "2841440d-e780-4fe2-96cd-6a8c1d194da5"
INCIDENT = "5f6c0a52-3d0e-4f6c-8a2b-7d1f6e0c9b42"
SIGNAL = "AwAAAZWu1M22tVLd-QAAABhBWld1MU0yMkFBRG83eHgtZkdDTU5nQUEAAAAkMDE5NWFlZGY"
EVENT = "AZWu1M22tVLdQAAABhBWld1MU0y"
EVENT_UID = "AY7dwYlHAABKvEd_IhCfngAA"
OLD_EVENT = "5309722366481886321"
SLO = "12341234abcd5678abcd5678abcd5678"
SYNTHETIC_TEST = "abc-def-123"
CREATED = "2025-03-18T14:00:00.000Z"


class Resources:
    """Resources by kind and id, and the kinds that the keys have no permission for."""

    def __init__(self) -> None:
        self.by_kind: dict[str, dict[str, Json]] = _resources()
        self.forbidden: set[str] = set()

    def look_up(self, kind: str, resource_id: str) -> Json:
        """Raises DatadogError 403 for a forbidden kind, 404 for an unknown id."""
        if kind in self.forbidden:
            raise DatadogError(403, "Forbidden", "Failed permission authorization checks")
        resource = self.by_kind[kind].get(resource_id)
        if resource is None:
            raise DatadogError(404, f"{kind.capitalize()} not found")
        return resource

    def forbid(self, kinds: list[str]) -> None:
        """Refuse exactly these kinds (403). Raises ValueError for an unknown kind."""
        for kind in kinds:
            if kind not in PATHS:
                raise ValueError(f"There is no kind {kind!r}; there are: {', '.join(PATHS)}.")
        self.forbidden = set(kinds)


def _resources() -> dict[str, dict[str, Json]]:
    incident = _incident()
    return {
        "monitor": {
            "17131362": _monitor(17131362, "High memory on api", "avg:system.mem.pct_usable{service:api}"),
            "33442485": _monitor(33442485, "CPU high on web", "avg:system.cpu.user{service:web}"),
            "90210": _monitor(90210, "High memory on api", "avg:system.mem.pct_usable{service:api}"),
        },
        "dashboard": {"abc-def-ghi": _dashboard("abc-def-ghi", "API overview")},
        # By UUID as documented, and by the number that links have.
        "incident": {INCIDENT: incident, str(incident["data"]["attributes"]["public_id"]): incident},
        "issue": {issue_id: _issue(issue_id) for issue_id in (OOM_ISSUE, CACHE_ISSUE)},
        "signal": {SIGNAL: _signal()},
        "event": {event_id: _event(event_id) for event_id in (EVENT, EVENT_UID)},
        "old_event": {OLD_EVENT: _old_event()},
        "notebook": {"12345": _notebook(12345)},
        "slo": {SLO: _slo()},
        "synthetics": {SYNTHETIC_TEST: _synthetic_test()},
    }


def _monitor(monitor_id: int, name: str, metric: str) -> Json:
    return {
        "id": monitor_id,
        "name": name,
        "type": "metric alert",
        "query": f"avg(last_5m):{metric} > 90",
        "message": "@slack-alerts",
        "tags": ["team:platform"],
        "overall_state": "Alert",
        "created": CREATED,
        "modified": CREATED,
        "multi": False,
    }


def _dashboard(dashboard_id: str, title: str) -> Json:
    memory = {
        "type": "timeseries",
        "title": "Memory by pod",
        "requests": [{"q": "avg:kubernetes.memory.usage{*}"}],
    }
    note = {"type": "note", "content": "Ask #api-oncall"}
    return {
        "id": dashboard_id,
        "title": title,
        "layout_type": "ordered",
        "url": f"/dashboard/{dashboard_id}/api-overview",
        "created_at": CREATED,
        "modified_at": CREATED,
        "widgets": [{"id": 21, "definition": memory}, {"id": 22, "definition": note}],
    }


def _incident() -> Json:
    attributes = {
        "public_id": 421,
        "title": "API answers slowly after deploy",
        "customer_impacted": True,
        "severity": "SEV-2",
        "state": "active",
        "created": CREATED,
        "modified": CREATED,
    }
    return {"data": {"id": INCIDENT, "type": "incidents", "attributes": attributes}}


def _issue(issue_id: str) -> Json:
    attributes = {
        "error_type": "MemoryError",
        "error_message": "cannot allocate 512 MiB for the response cache",
        "file_path": "api/cache.py",
        "function_name": "remember",
        "service": "api",
        "platform": "BACKEND",
        "languages": ["PYTHON"],
        "state": "OPEN",
        "is_crash": False,
        "first_seen": 1742306400000,
        "last_seen": 1742395750888,
    }
    return {"data": {"id": issue_id, "type": "issue", "attributes": attributes}}


def _signal() -> Json:
    attributes = {
        "message": "Many failed logins from one address",
        "tags": ["source:gcp", "team:platform"],
        "timestamp": CREATED,
        "custom": {"title": "Many failed logins from one address"},
    }
    return {"data": {"id": SIGNAL, "type": "signal", "attributes": attributes}}


def _event(event_id: str) -> Json:
    attributes = {
        "message": "Deployed api 4.7.1",
        "tags": ["service:api"],
        "timestamp": CREATED,
        "attributes": {"title": "Deployed api 4.7.1", "service": "api", "status": "info"},
    }
    return {"data": {"id": event_id, "type": "event", "attributes": attributes}}


def _old_event() -> Json:
    event = {
        "id": int(OLD_EVENT),
        "id_str": OLD_EVENT,
        "title": "Nightly backup finished",
        "text": "All volumes",
        "date_happened": 1742306400,
        "tags": ["service:backup"],
        "url": f"/event/event?id={OLD_EVENT}",
    }
    return {"event": event, "status": "ok"}


def _notebook(notebook_id: int) -> Json:
    attributes: Json = {
        "name": "Postmortem of the memory leak",
        "author": {"handle": "ana@example.com", "name": "Ana", "email": "ana@example.com"},
        "cells": [],
        "time": {"live_span": "1h"},
        "status": "published",
        "created": CREATED,
        "modified": CREATED,
    }
    return {"data": {"id": notebook_id, "type": "notebooks", "attributes": attributes}}


def _slo() -> Json:
    data = {
        "id": SLO,
        "name": "API availability",
        "type": "metric",
        "description": "",
        "query": {"numerator": "sum:api.ok{*}", "denominator": "sum:api.all{*}"},
        "thresholds": [{"timeframe": "30d", "target": 99.9}],
        "tags": ["service:api"],
        "created_at": 1742306400,
        "modified_at": 1742306400,
    }
    return {"data": data, "errors": []}


def _synthetic_test() -> Json:
    return {
        "public_id": SYNTHETIC_TEST,
        "name": "Checkout works",
        "type": "api",
        "subtype": "http",
        "status": "live",
        "message": "",
        "tags": ["service:checkout"],
        "locations": ["aws:eu-central-1"],
        "monitor_id": 12345678,
        "config": {"assertions": [], "request": {"method": "GET", "url": "https://example.com"}},
        "options": {"tick_every": 60},
    }
