"""One Datadog organization: its cases, its keys and permissions, and the answer of each endpoint.

Where Datadog documents nothing, this assumes the worse: a repeated PUT appends duplicates, a DELETE that names an
insight which is not on the case is refused as a whole (404), a deleted comment stays in the timeline, nobody changes
another's comment. Switches choose the other behaviours of insights.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

from bot.sandbox.datadog.cases import PRIORITIES, Case, CaseInsight, Cases, project_id
from bot.sandbox.datadog.creation import DELETED, TYPES, parse_new_case, project, types
from bot.sandbox.datadog.resources import PATHS, Resources
from bot.sandbox.datadog.timeline import OWNER, Comment, current_user
from bot.sandbox.datadog.validation import (
    DatadogError,
    answer,
    bad_request,
    parse_comment,
    parse_insights,
    parse_json,
    resource_not_found,
)

Json = dict[str, Any]

Duplicates = Literal["append", "merge", "reject"]
DUPLICATES: tuple[Duplicates, ...] = ("append", "merge", "reject")
ABSENT = (404, 400, 200)
ONLY_API_KEY = "/api/v1/validate"
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request: the path parameters, the query, and the body as text."""

    method: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    content_type: str
    body: str


Endpoint = Callable[[ApiRequest], Json | web.Response]
"""The answer for one method and path; JSON is a 200. Raises DatadogError."""


class Organization:
    """Switches, which can be set at any time:

    - `duplicates`: what a PUT does with an insight (exact triple) that the case has: append, merge, reject (400);
    - `absent`: the status of a DELETE that names an insight that the case does not have: 404, 400, 200 (ignored);
    - `keys_valid`: False when the keys were rotated;
    - `service_account`: False where the keys are a person's;
    - `refused`: resource ids that a PUT may not carry;
    - `may_write`: False when the keys are good but the project refuses;
    - `resources.forbid(kinds)`: the kinds of resource that the keys may not read.
    """

    def __init__(self, on_change: Callable[[Case], None], api_key: str, app_key: str, access_token: str) -> None:
        self.api_key, self.app_key, self.access_token = api_key, app_key, access_token
        self.cases = Cases(on_change)
        self.start_over()

    def start_over(self) -> None:
        """No cases, every switch back at its default."""
        self.cases.clear()
        self._projects: dict[str, str] = {}
        self.resources = Resources()
        self.duplicates: Duplicates = "append"
        self.absent = 404
        self.keys_valid = self.may_write = self.service_account = True
        self.refused: set[str] = set()

    def add_case(
        self, key: str, title: str, *, status: str = "OPEN", insights: Iterable[tuple[str, str, str]] = ()
    ) -> Case:
        """A new case with (type, resource_id, ref) insights. Raises ValueError for a bad or taken key."""
        return self.cases.add(key, title, status, insights)

    def add_project(self, key: str, name: str) -> str:
        """A project without cases, or the name of one that has some; returns its id."""
        self._projects[key] = name
        return project_id(key)

    @property
    def projects(self) -> dict[str, str]:
        """Name by key; where nobody gave one, the key is the name."""
        keys = {case.key.rpartition("-")[0] for case in self.cases}
        return {key: self._projects.get(key, key) for key in sorted({*keys, *self._projects})}

    def endpoints(self) -> list[tuple[str, str, Endpoint]]:
        """Method, path template and endpoint of each route."""
        return [
            ("GET", "/api/v2/cases", self._search),
            ("POST", "/api/v2/cases", self._create),
            ("GET", "/api/v2/cases/projects", self._list_projects),
            ("GET", "/api/v2/cases/types", lambda _: types()),
            ("GET", "/api/v2/cases/{case_id}", self._get_case),
            ("PUT", "/api/v2/cases/{case_id}/insights", self._add_insights),
            ("DELETE", "/api/v2/cases/{case_id}/insights", self._remove_insights),
            ("GET", "/api/v2/cases/{case_id}/timelines", self._timeline),
            ("POST", "/api/v2/cases/{case_id}/comment", self._comment),
            ("PUT", "/api/v2/cases/{case_id}/comment/{cell_id}", self._change_comment),
            ("DELETE", "/api/v2/cases/{case_id}/comment/{cell_id}", self._remove_comment),
            ("GET", "/api/v2/current_user", lambda _: current_user(service_account=self.service_account)),
            ("GET", "/api/v2/validate_keys", lambda _: {"status": "ok"}),
            ("GET", ONLY_API_KEY, lambda _: {"valid": True}),
            *(("GET", path, self._resource(kind)) for kind, path in PATHS.items()),
        ]

    def authorise(self, headers: Mapping[str, str], *, only_api_key: bool = False) -> None:
        """Raises DatadogError 403 for keys that are missing or wrong."""
        bearer = headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer and not only_api_key:
            right = bearer == self.access_token
        elif "DD-API-KEY" not in headers:
            raise DatadogError(403, "API key required")
        else:
            right = headers["DD-API-KEY"] == self.api_key
            right = right and (only_api_key or headers.get("DD-APPLICATION-KEY") == self.app_key)
        if not (right and self.keys_valid):
            raise DatadogError(403, "Forbidden")

    def _case(self, request: ApiRequest) -> Case:
        case = self.cases.get(request.path["case_id"])
        if case is None:
            raise resource_not_found("case")
        return case

    def _check_may_write(self) -> None:
        if not self.may_write:
            raise DatadogError(403, "Forbidden", "Failed permission authorization checks")

    def _get_case(self, request: ApiRequest) -> Json:
        return {"data": self._case(request).as_json()}

    def _named_insights(self, request: ApiRequest) -> tuple[Case, list[CaseInsight]]:
        self._check_may_write()
        insights = parse_insights(parse_json(request.content_type, request.body))
        case = self.cases.get(request.path["case_id"])
        if case is None:  # recorded in another shape than that of reads and comments
            raise _not_found("failed to get case: case not found")
        return case, insights

    def _add_insights(self, request: ApiRequest) -> Json:
        case, insights = self._named_insights(request)
        insights_after = [*case.insights]
        for insight in insights:
            if insight.resource_id in self.refused:
                raise bad_request(f"resource {insight.resource_id} does not exist")
            if insight not in insights_after or self.duplicates == "append":
                insights_after.append(insight)
            elif self.duplicates == "reject":
                raise bad_request(f"insight {insight.type} {insight.resource_id} already exists")
        case.insights = insights_after
        self.cases.touch(case)
        return {"data": case.as_json()}

    def _remove_insights(self, request: ApiRequest) -> Json:
        """All copies of each exact triple go, or nothing does."""
        case, insights = self._named_insights(request)
        absent = [insight for insight in insights if insight not in case.insights]
        if absent and self.absent == 404:
            raise _not_found(f"insight {absent[0].type} {absent[0].resource_id} not found")
        if absent and self.absent == 400:
            raise bad_request(f"insight {absent[0].type} {absent[0].resource_id} is not on the case")
        case.insights = [insight for insight in case.insights if insight not in insights]
        self.cases.touch(case)
        return {"data": case.as_json()}

    def _comment(self, request: ApiRequest) -> Json:
        self._check_may_write()
        text = parse_comment(parse_json(request.content_type, request.body))
        return {"data": [self.cases.comment(self._case(request), text).as_json()]}

    def _own_cell(self, request: ApiRequest) -> tuple[Case, Comment]:
        cell_id = request.path["cell_id"]
        if not UUID.fullmatch(cell_id):
            detail = 'invalid parameter "CommentID" in "path"; expected type "uuid"'
            raise DatadogError(400, {"status": "400", "title": "Invalid Parameter", "detail": detail})
        case = self._case(request)
        cell = next((cell for cell in case.cells if cell.id == cell_id and cell.deleted_at is None), None)
        if cell is None:
            raise resource_not_found("timeline cell")
        if cell.author != OWNER:
            raise DatadogError(403, "Forbidden")
        return case, cell

    def _change_comment(self, request: ApiRequest) -> web.Response:
        self._check_may_write()
        text = parse_comment(parse_json(request.content_type, request.body))
        case, cell = self._own_cell(request)
        self.cases.change_comment(case, cell, text)
        return web.Response()

    def _remove_comment(self, request: ApiRequest) -> web.Response:
        self._check_may_write()
        case, cell = self._own_cell(request)
        self.cases.change_comment(case, cell, None)
        return web.Response(status=204)

    def _timeline(self, request: ApiRequest) -> Json:
        size = _whole(request.query, "page[size]", 10, 100)
        number = _whole(request.query, "page[number]", 0, 10_000, least=0)
        ascending = request.query.get("sort[ascending]", "false").lower()
        if ascending not in ("true", "false"):
            raise bad_request(f"sort[ascending] must be true or false, not {ascending}")
        cells = self._case(request).cells
        ordered = cells if ascending == "true" else cells[::-1]
        return {"data": [cell.as_json() for cell in ordered[number * size : (number + 1) * size]]}

    def _list_projects(self, _: ApiRequest) -> Json:
        return {"data": [project(project_id(key), key, name) for key, name in self.projects.items()]}

    def _create(self, request: ApiRequest) -> web.Response:
        self._check_may_write()
        new = parse_new_case(parse_json(request.content_type, request.body))
        keys = {project_id(key): key for key in self.projects}
        if new.project_id not in keys:
            raise resource_not_found("project")
        if new.type_id not in TYPES or new.type_id == DELETED:
            raise resource_not_found("case type")
        case = self.cases.add(
            self.cases.next_key(keys[new.project_id]),
            new.title,
            new.status,
            description=new.description,
            priority=new.priority,
            type_id=new.type_id,
        )
        return answer({"data": case.as_json()}, 201)

    def _search(self, request: ApiRequest) -> Json:
        size = _whole(request.query, "page[size]", 10, 100)
        number = _whole(request.query, "page[number]", 1, 10_000)
        cases = _sorted(self.cases.search(request.query.get("filter", "")), request.query)
        shown = cases[(number - 1) * size : number * size]
        page = {"current": number, "size": size, "total": math.ceil(len(cases) / size)}
        return {"data": [case.as_json() for case in shown], "meta": {"page": page}}

    def _resource(self, kind: str) -> Endpoint:
        return lambda request: self.resources.look_up(kind, request.path["resource_id"])


def unknown_path(_: ApiRequest) -> Json:
    """The endpoint for every unknown path."""
    raise DatadogError(404, "Not found")


def _not_found(detail: str) -> DatadogError:
    return DatadogError(404, {"status": "404", "title": "Not Found", "detail": detail})


def _sorted(cases: list[Case], query: Mapping[str, str]) -> list[Case]:
    by = query.get("sort[field]", "created_at")
    ways: dict[str, Callable[[Case], Any]] = {
        "created_at": lambda case: case.created_at,
        "priority": lambda case: PRIORITIES.index(case.priority),
        "status": lambda case: case.status,
    }
    if by not in ways:
        raise bad_request(f"invalid sort field {by}. Must be one of {', '.join(ways)}")
    return sorted(cases, key=ways[by], reverse=query.get("sort[asc]", "false").lower() != "true")


def _whole(query: Mapping[str, str], name: str, default: int, most: int, *, least: int = 1) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise bad_request(f"{name} must be a whole number from {least} to {most}, not {text}")
    return int(text)
