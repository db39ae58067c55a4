"""Where Datadog tells the name of an insight: the endpoint, the permission it needs, and the name in its answer.

Facts: datadog-api-client 2.62 (paths, fields); docs.datadoghq.com/api/latest/scopes (permissions). Six of the 16 types
have such an endpoint, and four kinds of notes. Anybody can paste a link, and we ask with the organisation's
credentials: an id goes into a path only if it looks like an id, so that no link reaches another endpoint.
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bot.datadog.answers import Part
from bot.links.id_formats import uuid
from bot.messages.text import TITLE_CHARS, clean
from bot.model import Identity, InsightType, ItemType, NoteType

ANY_ID = ""

Names = Mapping[str, str]
"""Names by the insight's resource id; under `ANY_ID` the name whatever the id is."""


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One endpoint. `is_id`: whether a text looks like an id; `scope`: the permission that reading needs.

    `names`: the names in an answer, possibly empty ones: each is read for itself. `note`: what the notes show that it
    names.
    """

    insight: ItemType
    is_id: Callable[[str], object]
    path: str
    scope: str
    names: Callable[[Part], Names]
    note: str = ""


def type_of(insight: Identity) -> tuple[ResourceType, str] | None:
    """The endpoint that tells an insight's name, and the id to ask it for; None: there is no such endpoint."""
    resource_id = insight.scope if insight.type is InsightType.WIDGET else insight.resource_id
    for resource_type in TYPES:
        of_type = resource_type.insight is insight.type and resource_type.note in ("", insight.scope)
        if of_type and resource_type.is_id(resource_id):
            return resource_type, event_uid(resource_id) if resource_type.path == _EVENT else resource_id
    return None


def event_uid(event_id: str) -> str:
    """The UID of an event: links of the explorer carry a longer record, in base64url, that contains it as text.

    `AQAAAY7dwYlHw2AcXwAAAABBWTdkd1lsSEFBQkt2RWRfSWhDZm5nQUE` holds 17 bytes and `AY7dwYlHAABKvEd_IhCfngAA`.
    """
    try:
        record = base64.urlsafe_b64decode(event_id + "=" * (-len(event_id) % 4))
        uid = record[17:41].decode("ascii")
    except ValueError:
        return event_id
    return uid if re.fullmatch(r"A[A-Za-z0-9_-]{23}", uid) else event_id


def _first(*paths: str) -> Callable[[Part], Names]:
    """The first of these texts that is not empty."""
    return lambda body: {ANY_ID: next(filter(None, (_text(body, path) for path in paths)), "")}


def _issue(body: Part) -> Names:
    parts = (_text(body, f"data.attributes.{part}") for part in ("error_type", "error_message"))
    return {ANY_ID: ": ".join(filter(None, parts))}


def _incident(body: Part) -> Names:
    """The endpoint is documented with a UUID, but a link has only the number that people see.

    Whether Datadog takes the number too is not documented, so a name counts only if the answer has that id or number.
    """
    title = _text(body, "data.attributes.title")
    ids = (_text(body, path) for path in ("data.id", "data.attributes.public_id"))
    return {resource_id: title for resource_id in ids if resource_id}


def _widgets(body: Part) -> Names:
    """All widgets of a dashboard; groups contain further widgets."""
    names = ((_text(widget, "id"), _text(widget, "definition.title")) for widget in _nested(body.at("widgets")))
    return {resource_id: title for resource_id, title in names if resource_id}


def _nested(widgets: Part) -> Iterator[Part]:
    waiting = widgets.entries
    while waiting:
        yield (widget := waiting.pop())
        waiting += widget.at("definition.widgets").entries


def _text(body: Part, path: str) -> str:
    """The text at a path, cleaned; "" where there is none."""
    return clean(body.at(path).scalar or "", TITLE_CHARS)


_number, _opaque, _dashboard, _hexadecimal = (
    re.compile(shape).fullmatch
    for shape in (r"[0-9]{1,20}", r"[A-Za-z0-9_=-]{8,300}", r"[a-z0-9]+(?:-[a-z0-9]+)*", r"[0-9a-f]{32}")
)
_ISSUE, _SIGNAL = "/api/v2/error-tracking/issues/{}", "/api/v2/security_monitoring/signals/{}"
_EVENT = "/api/v2/events/{}"
_SIGNAL_NAME = _first("data.attributes.custom.title", "data.attributes.message")
_EVENT_NAME = _first("data.attributes.attributes.title", "data.attributes.message")

TYPES = (
    ResourceType(InsightType.MONITOR, _number, "/api/v1/monitor/{}", "monitors_read", _first("name")),
    ResourceType(InsightType.WIDGET, _dashboard, "/api/v1/dashboard/{}", "dashboards_read", _widgets),
    ResourceType(
        InsightType.INCIDENT,
        lambda text: _number(text) or uuid(text),
        "/api/v2/incidents/{}",
        "incident_read",
        _incident,
    ),
    ResourceType(InsightType.ERROR_TRACKING, uuid, _ISSUE, "error_tracking_read", _issue),
    ResourceType(InsightType.SECURITY_SIGNAL, _opaque, _SIGNAL, "security_monitoring_signals_read", _SIGNAL_NAME),
    # Events had numbers before they had a UID, and those have another endpoint: the first row that fits counts.
    ResourceType(InsightType.EVENT, _number, "/api/v1/events/{}", "events_read", _first("event.title")),
    ResourceType(InsightType.EVENT, _opaque, _EVENT, "events_read", _EVENT_NAME),
    ResourceType(
        *(NoteType.NOTE, _dashboard, "/api/v1/dashboard/{}", "dashboards_read", _first("title")), note="Dashboard"
    ),
    ResourceType(
        *(NoteType.NOTE, _number, "/api/v1/notebooks/{}", "notebooks_read", _first("data.attributes.name")),
        note="Notebook",
    ),
    ResourceType(*(NoteType.NOTE, _hexadecimal, "/api/v1/slo/{}", "slos_read", _first("data.name")), note="SLO"),
    ResourceType(
        *(NoteType.NOTE, _dashboard, "/api/v1/synthetics/tests/{}", "synthetics_read", _first("name")),
        note="Synthetic test",
    ),
)
