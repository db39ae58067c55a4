"""JSON from outside, asked for its shape before it is read."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeGuard

Json = dict[str, Any]


def is_object(value: Any) -> TypeGuard[Json]:
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def objects(values: Any) -> Iterator[Json]:
    """The objects of a list; nothing, if it is no list."""
    items: Iterable[Any] = values if is_list(values) else ()
    return (value for value in items if is_object(value))


def listed(value: Any) -> list[Any]:
    """The value as a list: itself, or alone in one."""
    return value if is_list(value) else [value]
