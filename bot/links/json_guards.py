"""Checks of the shape of JSON from outside."""

from collections.abc import Iterator
from typing import Any, TypeGuard

Json = dict[str, Any]


def is_object(value: Any) -> TypeGuard[Json]:
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def objects(values: Any) -> Iterator[Json]:
    """The objects in a list; none if it is no list."""
    return filter(is_object, values if is_list(values) else ())


def listed(value: Any) -> list[Any]:
    """The value itself if it is a list, else a list of it."""
    return value if is_list(value) else [value]
