"""Which of Datadog's endpoints tells an insight's name, what permission that needs, and where the name stands.

Facts: datadog-api-client 2.62 (paths, fields); docs.datadoghq.com/api/latest/scopes (permissions). Of the 16 types,
six can be asked for. Ids come from links that anybody may have pasted, and the credentials are the organisation's:
an id goes into a path only in its own shape, so that no link reaches another endpoint.
"""

import base64
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from bot.model import Identity, InsightType

NAME_CHARS = 200


def _plain(text: object) -> object:
    """One line without control and direction characters; a null is no text."""
    if text is None:
        return ""
    if not isinstance(text, str):
        return text
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:NAME_CHARS]


Text = Annotated[str, BeforeValidator(_plain)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, frozen=True)


class Resource(_Part, ABC):
    """What an endpoint answers, as far as it tells a name; all else is passed over."""

    @abstractmethod
    def name_of(self, resource_id: str) -> str:
        """The name of the insight with this id; empty where the answer has none, or is about something else."""


class Monitor(Resource):
    """`GET /api/v1/monitor/{monitor_id}`."""

    name: Text

    def name_of(self, resource_id: str) -> str:
        return self.name


class _Definition(_Part):
    title: Text = ""
    widgets: "tuple[_Widget, ...]" = ()


class _Widget(_Part):
    id: str = ""
    definition: _Definition


class Dashboard(Resource):
    """`GET /api/v1/dashboard/{dashboard_id}`; groups hold widgets in turn. A widget need not have a title."""

    widgets: tuple[_Widget, ...] = ()

    def name_of(self, resource_id: str) -> str:
        return next((each.definition.title for each in _within(self.widgets) if each.id == resource_id), "")


def _within(widgets: tuple[_Widget, ...]) -> Iterator[_Widget]:
    for widget in widgets:
        yield widget
        yield from _within(widget.definition.widgets)


class _IncidentAttributes(_Part):
    public_id: str | None = None
    title: Text = ""


class _IncidentData(_Part):
    id: str
    attributes: _IncidentAttributes


class Incident(Resource):
    """`GET /api/v2/incidents/{incident_id}`: documented with a UUID; a link only has the number that people see.

    Whether Datadog takes the number too is documented nowhere, so a name counts only if the answer has that number.
    """

    data: _IncidentData

    def name_of(self, resource_id: str) -> str:
        return self.data.attributes.title if resource_id in (self.data.id, self.data.attributes.public_id) else ""


class _IssueAttributes(_Part):
    error_type: Text = ""
    error_message: Text = ""


class _IssueData(_Part):
    attributes: _IssueAttributes


class Issue(Resource):
    """`GET /api/v2/error-tracking/issues/{issue_id}`."""

    data: _IssueData

    def name_of(self, resource_id: str) -> str:
        told = self.data.attributes
        return ": ".join(each for each in (told.error_type, told.error_message) if each)


class _Titled(_Part):
    title: Text = ""


class _SignalAttributes(_Part):
    custom: _Titled = _Titled()
    message: Text = ""


class _SignalData(_Part):
    attributes: _SignalAttributes


class Signal(Resource):
    """`GET /api/v2/security_monitoring/signals/{signal_id}`; `message` is the rule's text, where there is no title."""

    data: _SignalData

    def name_of(self, resource_id: str) -> str:
        return self.data.attributes.custom.title or self.data.attributes.message


class OldEvent(Resource):
    """`GET /api/v1/events/{event_id}`, for the numbers that events had before they had a UID."""

    event: _Titled

    def name_of(self, resource_id: str) -> str:
        return self.event.title


class _EventAttributes(_Part):
    attributes: _Titled = _Titled()
    message: Text = ""


class _EventData(_Part):
    attributes: _EventAttributes


class Event(Resource):
    """`GET /api/v2/events/{event_id}`, which takes the event's UID."""

    data: _EventData

    def name_of(self, resource_id: str) -> str:
        return self.data.attributes.attributes.title or self.data.attributes.message


@dataclass(frozen=True, slots=True)
class ResourceType:
    """Things of one endpoint: `shape` is what an id there looks like, `scope` the permission that reading needs."""

    insight: InsightType
    shape: re.Pattern[str]
    path: str
    scope: str
    resource: type[Resource]


_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_NUMBER = r"[0-9]{1,20}"
_OPAQUE = r"[A-Za-z0-9_=-]{8,300}"
_ISSUES, _SIGNALS = "/api/v2/error-tracking/issues/{}", "/api/v2/security_monitoring/signals/{}"

TYPES = tuple(
    ResourceType(kind, re.compile(shape), path, scope, resource)
    for kind, shape, path, scope, resource in (
        (InsightType.MONITOR, _NUMBER, "/api/v1/monitor/{}", "monitors_read", Monitor),
        (InsightType.WIDGET, r"[a-z0-9]+(?:-[a-z0-9]+)*", "/api/v1/dashboard/{}", "dashboards_read", Dashboard),
        (InsightType.INCIDENT, f"{_NUMBER}|{_UUID}", "/api/v2/incidents/{}", "incident_read", Incident),
        (InsightType.ERROR_TRACKING, _UUID, _ISSUES, "error_tracking_read", Issue),
        (InsightType.SECURITY_SIGNAL, _OPAQUE, _SIGNALS, "security_monitoring_signals_read", Signal),
        (InsightType.EVENT, _NUMBER, "/api/v1/events/{}", "events_read", OldEvent),
        (InsightType.EVENT, _OPAQUE, "/api/v2/events/{}", "events_read", Event),
    )
)
"""The first that fits counts: an event with a number has another endpoint than one with a UID."""


def type_of(insight: Identity) -> tuple[ResourceType, str] | None:
    """Where an insight's name is told, and the id to ask for there; None where nobody tells it."""
    resource_id = insight.scope if insight.type is InsightType.WIDGET else insight.resource_id
    for kind in TYPES:
        if kind.insight is insight.type and kind.shape.fullmatch(resource_id):
            return kind, event_uid(resource_id) if kind.resource is Event else resource_id
    return None


def event_uid(event_id: str) -> str:
    """The UID of an event: links of the explorer carry a longer record, in base64url, that has it as text.

    `AQAAAY7dwYlHw2AcXwAAAABBWTdkd1lsSEFBQkt2RWRfSWhDZm5nQUE` holds 17 bytes and `AY7dwYlHAABKvEd_IhCfngAA`.
    """
    try:
        record = base64.urlsafe_b64decode(event_id + "=" * (-len(event_id) % 4))
        held = record[17:41].decode("ascii")
    except ValueError:
        return event_id
    return held if re.fullmatch(r"A[A-Za-z0-9_-]{23}", held) else event_id
