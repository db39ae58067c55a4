"""The checks that Block Kit's rules are made of; small ones are combined into larger ones.

A check takes a value and its JSON pointer, and yields Slack's sentence for each problem.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

Json = dict[str, Any]
Check = Callable[[Any, str], Iterator[str]]


def problem(sentence: str, pointer: str) -> str:
    """`must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]`, as Slack sends it."""
    return f"{sentence} [json-pointer:{pointer}]"


def string(most: int, least: int = 1) -> Check:
    """A string of `least` to `most` characters."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield problem("must provide a string", pointer)
        elif len(value) < least:
            yield problem(f"must be more than {least - 1} characters", pointer)
        elif len(value) > most:
            yield problem(f"must be less than {most + 1} characters", pointer)

    return check


def web_address(most: int) -> Check:
    """An http, https or other absolute URL of at most `most` characters."""
    length = string(most)

    def check(value: Any, pointer: str) -> Iterator[str]:
        yield from length(value, pointer)
        if isinstance(value, str) and "://" not in value and not value.startswith("mailto:"):
            yield problem("must provide a valid URL", pointer)

    return check


def boolean(value: Any, pointer: str) -> Iterator[str]:
    """True or false."""
    if not isinstance(value, bool):
        yield problem("must provide a boolean", pointer)


def whole(least: int, most: int) -> Check:
    """A whole number from `least` to `most`."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield problem("must provide an integer", pointer)
        elif not least <= value <= most:
            yield problem(f"must be between {least} and {most}", pointer)

    return check


def one_of(*values: str) -> Check:
    """One of these strings."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        if value not in values:
            yield problem("must be a valid enum value", pointer)

    return check


def anything(_value: Any, _pointer: str) -> Iterator[str]:
    """Anything: these rules do not check it."""
    yield from ()


def several(item: Check, most: int, least: int = 1) -> Check:
    """A list of `least` to `most` items, each checked."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield problem("must provide an array", pointer)
            return
        items = cast(list[Any], value)
        if len(items) < least:
            yield problem(f"no fewer than {least} items allowed", pointer)
        if len(items) > most:
            yield problem(f"no more than {most} items allowed", pointer)
        for index, entry in enumerate(items):
            yield from item(entry, f"{pointer}/{index}")

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these fields and no other."""
    fields = {**required, **(optional or {})}

    def check(value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield problem("must provide an object", pointer)
            return
        for name in required:
            if name not in value:
                yield problem(f"missing required field: {name}", pointer)
        for name, inner in cast(Json, value).items():
            if name not in fields:
                yield problem(f"invalid additional property: {name}", pointer)
            else:
                yield from fields[name](inner, f"{pointer}/{name}")

    return check


def by_type(kinds: Mapping[str, Check]) -> Check:
    """An object whose `type` selects its check."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield problem("must provide an object", pointer)
            return
        kind = cast(Json, value).get("type")
        if not isinstance(kind, str):
            yield problem("missing required field: type", pointer)
        elif kind not in kinds:
            yield problem(f"unsupported type: {kind}", f"{pointer}/type")
        else:
            yield from kinds[kind](cast(Json, value), pointer)

    return check


def both(*checks: Check) -> Check:
    """All of these checks, in order."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        for one in checks:
            yield from one(value, pointer)

    return check


def typed(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """Like `record`, for an object whose `type` was checked by `by_type`."""
    return record({"type": anything, **required}, optional)
