"""One Datadog organisation: its cases, who may touch them, and what each endpoint answers.

Where Datadog promises nothing, this takes the worse side: a repeated PUT appends duplicates, and a DELETE
that names an insight which is not there is refused as a whole (404). Switches choose the other sides.
"""

import math
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bot.sandbox.datadog.bodies import RefusedError, bad_request, comment_of, insights_of, json_of
from bot.sandbox.datadog.cases import PRIORITIES, Case, CaseInsight, Cases
from bot.sandbox.datadog.catalogue import PATHS, Catalogue

Json = dict[str, Any]

Duplicates = Literal["append", "merge", "reject"]
DUPLICATES: tuple[Duplicates, ...] = ("append", "merge", "reject")
ABSENT = (404, 400, 200)
ONLY_API_KEY = "/api/v1/validate"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: what the path names, the query, and the body as text."""

    method: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    content_type: str
    body: str


Endpoint = Callable[[Asked], Json]
"""What one method and path answers. Raises RefusedError."""


class Organisation:
    """The switches, to be set at any time:

    - `duplicates`: what a PUT does with an insight (exact triple) that is there: append, merge, reject (400);
    - `absent`: the status of a DELETE that names an insight which is not there: 404, 400, 200 (passed over);
    - `keys_valid`: False when the keys were rotated;
    - `refused`: resource ids that a PUT may not carry;
    - `may_write`: False when the keys are good but the project refuses;
    - `names.forbid(kinds)`: the things whose names the keys may not read.
    """

    def __init__(self, tell: Callable[[Case], None], api_key: str, app_key: str, access_token: str) -> None:
        self.api_key, self.app_key, self.access_token = api_key, app_key, access_token
        self.cases = Cases(tell)
        self.start_over()

    def start_over(self) -> None:
        """No cases, every switch back at its default."""
        self.cases.clear()
        self.names = Catalogue()
        self.duplicates: Duplicates = "append"
        self.absent = 404
        self.keys_valid = self.may_write = True
        self.refused: set[str] = set()

    def add_case(
        self, key: str, title: str, *, status: str = "OPEN", insights: Iterable[tuple[str, str, str]] = ()
    ) -> Case:
        """A new case with (type, resource_id, ref) insights. Raises ValueError for a bad or taken key."""
        return self.cases.add(key, title, status, insights)

    def endpoints(self) -> list[tuple[str, str, Endpoint]]:
        """Method, path template and what answers there."""
        return [
            ("GET", "/api/v2/cases", self._search),
            ("GET", "/api/v2/cases/{case_id}", self._get_case),
            ("PUT", "/api/v2/cases/{case_id}/insights", self._add_insights),
            ("DELETE", "/api/v2/cases/{case_id}/insights", self._remove_insights),
            ("POST", "/api/v2/cases/{case_id}/comment", self._comment),
            ("GET", "/api/v2/validate_keys", lambda _: {"status": "ok"}),
            ("GET", ONLY_API_KEY, lambda _: {"valid": True}),
            *(("GET", path, self._named(kind)) for kind, path in PATHS.items()),
        ]

    def authorise(self, headers: Mapping[str, str], *, only_api_key: bool = False) -> None:
        """Raises RefusedError 403 for keys that are missing or wrong."""
        bearer = headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer and not only_api_key:
            right = bearer == self.access_token
        elif "DD-API-KEY" not in headers:
            raise RefusedError(403, "API key required")
        else:
            right = headers["DD-API-KEY"] == self.api_key
            right = right and (only_api_key or headers.get("DD-APPLICATION-KEY") == self.app_key)
        if not (right and self.keys_valid):
            raise RefusedError(403, "Forbidden")

    def _case(self, asked: Asked) -> Case:
        case = self.cases.get(asked.path["case_id"])
        if case is not None:
            return case
        # Both shapes were recorded; a client meets one by reading and the other by writing.
        if asked.method == "GET":
            raise RefusedError(404, {"code": "resource_not_found", "title": "case not found"})
        raise _not_found("failed to get case: case not found")

    def _check_may_write(self) -> None:
        if not self.may_write:
            raise RefusedError(403, "Forbidden", "Failed permission authorization checks")

    def _get_case(self, asked: Asked) -> Json:
        return {"data": self._case(asked).as_json()}

    def _named_insights(self, asked: Asked) -> tuple[Case, list[CaseInsight]]:
        self._check_may_write()
        insights = insights_of(json_of(asked.content_type, asked.body))
        return self._case(asked), insights

    def _add_insights(self, asked: Asked) -> Json:
        case, insights = self._named_insights(asked)
        there = [*case.insights]
        for insight in insights:
            if insight.resource_id in self.refused:
                raise bad_request(f"resource {insight.resource_id} does not exist")
            if insight not in there or self.duplicates == "append":
                there.append(insight)
            elif self.duplicates == "reject":
                raise bad_request(f"insight {insight.type} {insight.resource_id} already exists")
        case.insights = there
        self.cases.touch(case)
        return {"data": case.as_json()}

    def _remove_insights(self, asked: Asked) -> Json:
        """All copies of each exact triple go, or nothing does."""
        case, insights = self._named_insights(asked)
        absent = [insight for insight in insights if insight not in case.insights]
        if absent and self.absent == 404:
            raise _not_found(f"insight {absent[0].type} {absent[0].resource_id} not found")
        if absent and self.absent == 400:
            raise bad_request(f"insight {absent[0].type} {absent[0].resource_id} is not on the case")
        case.insights = [insight for insight in case.insights if insight not in insights]
        self.cases.touch(case)
        return {"data": case.as_json()}

    def _comment(self, asked: Asked) -> Json:
        self._check_may_write()
        text = comment_of(json_of(asked.content_type, asked.body))
        case = self._case(asked)
        case.comments.append(text)
        self.cases.touch(case)
        cell = {
            "type": "COMMENT",
            "author": {"type": "USER", "content": {"name": "Case Insights", "handle": "case-insights"}},
            "cell_content": {"message": text},
            "created_at": case.attributes()["modified_at"],
        }
        return {"data": [{"id": str(uuid.uuid4()), "type": "timeline_cell", "attributes": cell}]}

    def _search(self, asked: Asked) -> Json:
        size = _whole(asked.query, "page[size]", 10, 100)
        number = _whole(asked.query, "page[number]", 1, 10_000)
        found = _sorted(self.cases.search(asked.query.get("filter", "")), asked.query)
        shown = found[(number - 1) * size : number * size]
        page = {"current": number, "size": size, "total": math.ceil(len(found) / size)}
        return {"data": [case.as_json() for case in shown], "meta": {"page": page}}

    def _named(self, kind: str) -> Endpoint:
        return lambda asked: self.names.look_up(kind, asked.path["thing_id"])


def no_such_page(_: Asked) -> Json:
    """The endpoint of every path that there is not."""
    raise RefusedError(404, "Not found")


def _not_found(detail: str) -> RefusedError:
    return RefusedError(404, {"status": "404", "title": "Not Found", "detail": detail})


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


def _whole(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise bad_request(f"{name} must be a whole number from 1 to {most}, not {text}")
    return int(text)
