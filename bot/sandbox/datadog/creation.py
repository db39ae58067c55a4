"""What a new case needs: a project and a type; and the body of the request that creates it.

Shapes: the official datadog-api-client 2.62 and its recordings. An assignee and custom attributes are not taken here.
"""

from dataclasses import dataclass
from typing import Any

from bot.sandbox.datadog.cases import PRIORITIES, STANDARD, STATUS_NAMES
from bot.sandbox.datadog.validation import DatadogError, bad_request, object_with, text_of, typed_data

Json = dict[str, Any]

SECURITY = "00000000-0000-0000-0000-000000000003"
POSTMORTEM, DELETED = "38d28f4f-7ce8-4fbd-ae42-326edf758eb8", "5755912a-fb4b-4597-b118-1b0b40f7bb85"
TYPES = {STANDARD: "Standard", SECURITY: "Security", POSTMORTEM: "Postmortem", DELETED: "Worldwide"}
"""Name by id: two of Datadog's own, two of the organisation's, of which one is deleted."""


@dataclass(frozen=True, slots=True)
class NewCase:
    """What a valid request asks for."""

    title: str
    type_id: str
    project_id: str
    description: str
    priority: str
    status: str


def types() -> Json:
    """The answer that lists the types."""
    return {"data": [_type(type_id, name) for type_id, name in TYPES.items()]}


def _type(type_id: str, name: str) -> Json:
    own = type_id.startswith("00000000-")
    attributes: Json = {"name": name, "description": f"{name} cases", "emoji": "" if own else "👑", "internal": own}
    if type_id == DELETED:
        attributes["deleted_at"] = "2025-08-19T09:09:06.196109Z"
    return {"id": type_id, "type": "case_type", "attributes": attributes}


def project(project_id: str, key: str, name: str) -> Json:
    """A project as the API lists it."""
    attributes = {"key": key, "name": name, "restricted": False, "enabled_custom_case_types": [POSTMORTEM]}
    return {"id": project_id, "type": "project", "attributes": attributes}


def parse_new_case(body: object) -> NewCase:
    """The case that a POST asks for. Raises DatadogError when anything is not as the schema says."""
    data = typed_data(body, ("attributes", "relationships"))
    optional = ("description", "priority", "status_name")
    attributes = object_with(data["attributes"], "data.attributes", ("title", "type_id"), optional)
    relationships = object_with(data["relationships"], "data.relationships", ("project",))
    related = object_with(relationships["project"], "data.relationships.project", ("data",))
    named = object_with(related["data"], "data.relationships.project.data", ("id", "type"))
    if named["type"] != "project":
        raise bad_request(f'got type "{named["type"]}" expected one of "project"')
    given = {"priority": PRIORITIES[0], "status_name": STATUS_NAMES["OPEN"], **attributes}
    priority, status_name = (text_of(given, name, "data.attributes") for name in ("priority", "status_name"))
    if priority not in PRIORITIES:
        detail = f"invalid priority {priority}. Must be one of {', '.join(PRIORITIES)}"
        raise DatadogError(400, {"title": "Generic Error", "detail": detail})
    statuses = {name: status for status, name in STATUS_NAMES.items()}
    if status_name not in statuses:
        raise bad_request(f"invalid status {status_name}. Must be one of {', '.join(statuses)}")
    description = given.get("description", "")
    if not isinstance(description, str):
        raise bad_request("data.attributes.description must be a string")
    title, type_id = (text_of(attributes, name, "data.attributes") for name in ("title", "type_id"))
    project_id = text_of(named, "id", "data.relationships.project.data")
    return NewCase(title, type_id, project_id, description, priority, statuses[status_name])
