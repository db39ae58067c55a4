"""Validates the bodies of requests, with the errors recorded from the real API.

Sources: the official datadog-api-client 2.62 (schemas) and its public recordings (errors).
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from aiohttp import web

from bot.sandbox.datadog.cases import CaseInsight

Json = dict[str, Any]

JSON_API = "application/vnd.api+json"
MOST_INSIGHTS = 100
INSIGHT_FIELDS = ("type", "resource_id", "ref")
INSIGHT_TYPES = (
    "SECURITY_SIGNAL",
    "MONITOR",
    "EVENT_CORRELATION",
    "ERROR_TRACKING",
    "CLOUD_COST_RECOMMENDATION",
    "INCIDENT",
    "SENSITIVE_DATA_SCANNER_ISSUE",
    "EVENT",
    "WATCHDOG_STORY",
    "WIDGET",
    "SECURITY_FINDING",
    "INSIGHT_SCORECARD_CAMPAIGN",
    "RESOURCE_POLICY",
    "APM_RECOMMENDATION",
    "SCM_URL",
    "PROFILING_DOWNSIZING_EXPERIMENT",
)


class DatadogError(Exception):
    """An error answer: a status and a list of errors, objects or strings."""

    def __init__(self, status: int, *errors: Json | str) -> None:
        super().__init__(status, *errors)
        self.status = status
        self.errors = errors

    def response(self) -> web.Response:
        return answer({"errors": list(self.errors)}, self.status)


def answer(data: Json, status: int = 200) -> web.Response:
    return web.Response(status=status, body=json.dumps(data).encode(), headers={"Content-Type": JSON_API})


def bad_request(detail: str) -> DatadogError:
    return DatadogError(400, {"status": "400", "title": "Bad Request", "detail": detail})


def resource_not_found(what: str) -> DatadogError:
    return DatadogError(404, {"code": "resource_not_found", "title": f"{what} not found"})


def parse_json(content_type: str, text: str) -> object:
    """The decoded body. Raises DatadogError when it is not JSON or its content type is not."""
    if "json" not in content_type:
        raise bad_request(f'unsupported content type "{content_type}"')
    try:
        return json.loads(text)
    except ValueError as error:
        raise bad_request(f"invalid JSON: {error}") from error


def parse_insights(body: object) -> list[CaseInsight]:
    """The insights of a PUT or DELETE: 1 to 100, three non-empty strings each, one of the 16 types."""
    insights = _attributes(body, "insights")["insights"]
    if not isinstance(insights, list):
        raise bad_request("data.attributes.insights must be an array")
    items = cast(list[object], insights)
    if not 1 <= len(items) <= MOST_INSIGHTS:
        raise bad_request(f"data.attributes.insights must hold 1 to {MOST_INSIGHTS} items, got {len(items)}")
    return [_insight(item, f"data.attributes.insights[{index}]") for index, item in enumerate(items)]


def parse_comment(body: object) -> str:
    """The text of a comment."""
    return text_of(_attributes(body, "comment"), "comment", "data.attributes")


def _attributes(body: object, *names: str) -> Json:
    return object_with(typed_data(body, ("attributes",))["attributes"], "data.attributes", names)


def typed_data(body: object, names: tuple[str, ...]) -> Json:
    """The `data` of a document about a case, with exactly these fields beside its type."""
    outer = object_with(body, "the document", ("data",))
    data = object_with(outer["data"], "data", ("type", *names))
    if data["type"] != "case":
        raise bad_request(f'got type "{data["type"]}" expected one of "case"')
    return data


def _insight(item: object, where: str) -> CaseInsight:
    fields = object_with(item, where, INSIGHT_FIELDS)
    insight = CaseInsight(*(text_of(fields, name, where) for name in INSIGHT_FIELDS))
    if insight.type not in INSIGHT_TYPES:
        expected = ", ".join(INSIGHT_TYPES)
        raise bad_request(f"{where}.type: invalid insight type {insight.type}. Must be one of {expected}")
    return insight


def object_with(value: object, where: str, names: tuple[str, ...], optional: tuple[str, ...] = ()) -> Json:
    """An object with exactly these fields, and `optional` ones."""
    if not isinstance(value, Mapping):
        raise bad_request(f"{where} must be an object")
    fields = dict(cast(Mapping[str, Any], value))
    for name in names:
        if name not in fields:
            raise bad_request(f"{where}: missing field {name}")
    for name in fields:
        if name not in (*names, *optional):
            raise bad_request(f"{where}: unknown field {name}")
    return fields


def text_of(fields: Json, name: str, where: str) -> str:
    """A field that is a string and not empty."""
    value = fields[name]
    if not isinstance(value, str):
        raise bad_request(f"{where}.{name} must be a string")
    if not value.strip():
        raise bad_request(f"{where}.{name} must not be empty")
    return value
