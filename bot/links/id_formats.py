"""The shapes of ids: each function takes a decoded value and returns the id in Datadog's form, or None."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable

Shape = Callable[[str], str | None]

_INTEGER = re.compile(r"[1-9][0-9]{0,18}")  # no leading zero, at most a signed 64-bit number
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MD5 = re.compile(r"[0-9a-fA-F]{32}")
_SHA = re.compile(r"[0-9a-fA-F]{7,64}")
# Never ends in punctuation, which may belong to the sentence around the link.
_TOKEN = re.compile(r"[A-Za-z0-9_.:~=-]{0,511}[A-Za-z0-9_=-]")
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CASE_KEY = re.compile(r"(?=[0-9]{0,9}[A-Za-z])[A-Za-z0-9]{1,10}-[1-9][0-9]{0,11}")

# What programs write for a missing value.
_NO_VALUE = frozenset({"undefined", "null", "none", "nan", "true", "false", "nil", "new", "all"})


def integer(value: str) -> str | None:
    return value if _INTEGER.fullmatch(value) else None


def uuid(value: str) -> str | None:
    return value.lower() if _UUID.fullmatch(value) else None


def md5(value: str) -> str | None:
    return value.lower() if _MD5.fullmatch(value) else None


def story(value: str) -> str | None:
    """A Watchdog story's key: 32 hexadecimal digits (2021), a UUID since."""
    return md5(value) or uuid(value)


def sha(value: str) -> str | None:
    return value if _SHA.fullmatch(value) else None


def token(value: str) -> str | None:
    """An opaque id, as in the link."""
    return value if _TOKEN.fullmatch(value) and value.lower() not in _NO_VALUE else None


def slug(value: str) -> str | None:
    return value if _SLUG.fullmatch(value) else None


def numbered(value: str) -> str | None:
    """An opaque id with a digit: a path segment without one is more likely a page's name."""
    return token(value) if any("0" <= character <= "9" for character in value) else None


def finding_panel(value: str) -> str | None:
    """The finding in a compliance panel: base64url of `rule~resource`.

    As Datadog records it: `cpfinding|event|ruleId:yk0-blt-afn|resourceId:i-024ea8035de550b0a`.
    """
    kind, *fields = value.split("|")
    named = dict(field.split(":", 1) for field in fields if ":" in field)
    rule, resource = named.get("ruleId"), named.get("resourceId")
    if kind != "cpfinding" or not rule or not resource or len(value) > 360:
        return None
    return urlsafe_b64encode(f"{rule}~{resource}".encode()).decode()


def case_key(value: str) -> str | None:
    """A case's key in upper case."""
    return value.upper() if _CASE_KEY.fullmatch(value) else None


SHAPES: dict[str, Shape] = {
    shape.__name__: shape for shape in (integer, uuid, md5, story, sha, token, slug, numbered, finding_panel)
}
"""By the name that a route's `shape` gives."""
