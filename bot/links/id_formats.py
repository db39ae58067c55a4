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
_BASE64 = re.compile(r"[A-Za-z0-9_-]{1,510}={0,2}")
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,64}")
_INCIDENT = re.compile(r"(?:IR-)?([1-9][0-9]{0,18})", re.IGNORECASE)
_INCIDENT_OF_TYPE = re.compile(r"(?!IR-)[A-Z][A-Z0-9]{0,15}-([1-9][0-9]{0,18})", re.IGNORECASE)
_CASE_KEY = re.compile(r"(?=[0-9]{0,9}[A-Za-z])[A-Za-z0-9]{1,10}-[1-9][0-9]{0,11}")

_SENTENCE = re.compile(r"[^!-~]|[.,;:!?*~'\"`)\]}]+$|[.,;!?][A-Z][a-z]*$|\.\.|'s$")
"""What a resource's name holds only where a sentence goes on behind the link."""
_AFTER_ID = re.compile(r"[^A-Za-z0-9_=-]")
# What may be the rest of an id behind such a character: a digit (12,345), the rest of a cut link or of a template, a
# letter behind a mark of style or something invisible (0a1b*2c*), a sign that changes the one before it.
_REST = re.compile(
    r"(?!(?::[a-z0-9_+'-]+:)+(?![A-Za-z0-9]))"  # :100:
    r"\W*?(?:\d|\.\.|[…${}%\\\u0300-\u036f\u20e3\ufe00-\ufe0f]|[*~`\s\u00ad\u200b-\u200f\u2060\ufeff]\W*[A-Za-z])"
)

# What programs write for a missing value.
_NO_VALUE = frozenset({"undefined", "null", "none", "nan", "true", "false", "nil", "new", "all"})


def at_start(shape: Shape, text: str) -> tuple[str | None, int]:
    """The id that a text is or begins with, and its length there.

    People and apps write on without a blank: `1.Please look`, `1's`, `1:fire:`, `1を見て`. What may be a part of the
    id, or of one that was cut, makes it none.
    """
    found = shape(text)
    if found:
        return found, len(text)
    after = _AFTER_ID.search(text)
    if after and (not after.start() or _REST.match(text, after.start())):
        return None, 0
    word = text[: after.start()] if after else text
    ending = word.rstrip("_-")
    return (shape(word), len(word)) if after and shape(word) else (shape(ending), len(ending))


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


def base64(value: str) -> str | None:
    """An opaque id in base64url, as Datadog writes those of events, signals and findings."""
    return value if _BASE64.fullmatch(value) and value.lower() not in _NO_VALUE else None


def incident(value: str) -> str | None:
    """An incident's public number: 22, also as `IR-22`."""
    match = _INCIDENT.fullmatch(value)
    return match[1] if match else None


def incident_candidate(value: str) -> str | None:
    """What may be an incident's id: the API's, or a number behind the prefix that its type sets (`SEC-22`)."""
    match = _INCIDENT_OF_TYPE.fullmatch(value)
    return match[1] if match else uuid(value)


def slug(value: str) -> str | None:
    return value if _SLUG.fullmatch(value) else None


def numbered(value: str) -> str | None:
    """An opaque id with a digit: a path segment without one is more likely a page's name."""
    return base64(value) if any("0" <= character <= "9" for character in value) else None


def finding_panel(value: str) -> str | None:
    """The finding in a compliance panel: base64url of `rule~resource`.

    As Datadog records it: `cpfinding|event|ruleId:yk0-blt-afn|resourceId:i-024ea8035de550b0a`.
    """
    kind, *fields = value.split("|")
    named = dict(field.split(":", 1) for field in fields if ":" in field)
    rule, resource = named.get("ruleId"), named.get("resourceId")
    if kind != "cpfinding" or not rule or not resource or len(value) > 360 or _SENTENCE.search(value):
        return None
    return urlsafe_b64encode(f"{rule}~{resource}".encode()).decode()


def case_key(value: str) -> str | None:
    """A case's key in upper case."""
    return value.upper() if _CASE_KEY.fullmatch(value) else None


def case(value: str) -> str | None:
    """A case as its pages name it: by key or UUID."""
    return case_key(value) or uuid(value)


_SHAPES = (integer, uuid, md5, story, sha, token, base64, incident, incident_candidate, slug, numbered, finding_panel)
SHAPES: dict[str, Shape] = {shape.__name__: shape for shape in _SHAPES}
"""By the name that a route's `shape` gives."""
