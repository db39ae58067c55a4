"""Slack's JSON, whose shape is not relied on."""

from typing import Any, cast

Json = dict[str, Any]


def as_object(value: Any) -> Json:
    """Empty where it is no object."""
    return cast(Json, value) if isinstance(value, dict) else {}


def as_objects(value: Any) -> list[Json]:
    """Empty where it is no list."""
    return [as_object(element) for element in cast(list[Any], value)] if isinstance(value, list) else []


def next_cursor(response: Json) -> str:
    """Empty after the last page."""
    return str(as_object(response.get("response_metadata")).get("next_cursor") or "")
