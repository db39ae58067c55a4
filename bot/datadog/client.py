"""The few calls we make to Datadog: docs.datadoghq.com/api/latest/case-management and datadog-api-client 2.62."""

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx

from bot.datadog import answers, creation, timeline
from bot.datadog.answers import DatadogCase, Triple
from bot.datadog.creation import CaseProject, CaseType, NewCase
from bot.datadog.errors import DatadogTransient, TransientReason
from bot.datadog.timeline import CaseComment
from bot.datadog.transport import DatadogTransport

T = TypeVar("T")

SEARCHED = 20
"""Cases that one search brings."""
CELLS, PAGES = 100, 20
"""Of a timeline: cells in a page, and pages that are read."""


class Datadog(DatadogTransport):
    """The calls to one organisation's API."""

    async def case(self, case: str) -> DatadogCase:
        """The case with this UUID or key, as far as it is told; raises DatadogPermanent (404: there is none)."""
        response = await self._call("GET", f"/api/v2/cases/{case}")
        return _told(answers.case_in(response.content, case), response)

    async def search(self, text: str, *, within: float) -> Sequence[DatadogCase]:
        """Up to 20 cases with these words in title or description; raises DatadogTransient after `within` seconds."""
        query = urlencode({"filter": " ".join(re.findall(r"[\w.-]+", text)), "page[size]": SEARCHED})
        response = await self._call("GET", f"/api/v2/cases?{query}", within=within, breaker=self._searches)
        return _told(answers.cases_in(response.content), response)

    async def described(self, marker: str) -> Sequence[DatadogCase]:
        """The cases whose description holds this marker: at least 16 letters and digits, one word to any search.

        None may mean that the search does not know a new case yet: how soon it does is documented nowhere.
        """
        query = urlencode({"filter": marker, "page[size]": SEARCHED})
        response = await self._call("GET", f"/api/v2/cases?{query}", breaker=self._searches)
        return _told(answers.cases_in(response.content, marker), response)

    async def create(self, new: NewCase) -> DatadogCase | None:
        """Create a case. It is done when this returns; None: the answer does not tell the case.

        Each call creates one: where the answer was lost, `described` may tell whether it is there.
        """
        attributes = {"title": new.title, "type_id": new.type_id, "priority": new.priority}
        if new.description:
            attributes["description"] = new.description
        project = {"data": {"id": new.project_id, "type": "project"}}
        data = {"type": "case", "attributes": attributes, "relationships": {"project": project}}
        return answers.case_in((await self._call("POST", "/api/v2/cases", {"data": data})).content, "")

    async def projects(self, *, within: float) -> Sequence[CaseProject]:
        """All projects that the keys may see; raises DatadogTransient after `within` seconds."""
        response = await self._call("GET", "/api/v2/cases/projects", within=within, breaker=self._searches)
        return _told(creation.projects_in(response.content), response)

    async def case_types(self, *, within: float) -> Sequence[CaseType]:
        """The types that a new case can have, as `projects`. Which ones a project takes is its own choice."""
        response = await self._call("GET", "/api/v2/cases/types", within=within, breaker=self._searches)
        return _told(creation.types_in(response.content), response)

    async def add(self, case_id: str, insights: Sequence[Triple]) -> DatadogCase | None:
        """Put 1 to 100 insights on a case. It is done when this returns; None: the answer does not tell the case."""
        return await self._change("PUT", case_id, insights)

    async def remove(self, case_id: str, insights: Sequence[Triple]) -> DatadogCase | None:
        """Take insights off a case, as `add`; all three fields must be those they were added with."""
        return await self._change("DELETE", case_id, insights)

    async def comment(self, case_id: str, text: str) -> str | None:
        """Comment on a case, and return the comment's cell id; None: it is there, but the answer does not tell its id.

        Each call adds a comment: where the answer was lost, `comments` tells whether it is there.
        """
        response = await self._call("POST", f"/api/v2/cases/{case_id}/comment", _comment(text))
        return timeline.added_in(response.content)

    async def change_comment(self, case_id: str, cell_id: str, text: str) -> None:
        """Give a comment this text, however often; raises DatadogPermanent (404: the comment or the case is gone)."""
        await self._call("PUT", f"/api/v2/cases/{case_id}/comment/{cell_id}", _comment(text))

    async def remove_comment(self, case_id: str, cell_id: str) -> None:
        """Take a comment off a case; raises DatadogPermanent as `change_comment`: 404 also for who repeats it."""
        await self._call("DELETE", f"/api/v2/cases/{case_id}/comment/{cell_id}")

    async def comments(self, case_id: str) -> AsyncGenerator[CaseComment]:
        """The comments on a case, the newest first, of its newest 2,000 cells; asks for a page when it is needed.

        Where cells come or go meanwhile, one at the end of a page can come twice or be left out.
        """
        for number in range(PAGES):
            query = urlencode({"page[size]": CELLS, "page[number]": number, "sort[ascending]": "false"})
            response = await self._call("GET", f"/api/v2/cases/{case_id}/timelines?{query}")
            cells = _told(timeline.cells_in(response.content), response)
            if not cells:  # a short page may be as long as Datadog's pages get
                return
            for cell in cells:
                if cell is not None:
                    yield cell

    async def read(self, path: str, *, within: float) -> bytes:
        """What a title is in; raises DatadogTransient after `within` seconds."""
        return (await self._call("GET", path, within=within, breaker=self.titles)).content

    async def _change(self, method: str, case_id: str, insights: Sequence[Triple]) -> DatadogCase | None:
        body = {"data": {"type": "case", "attributes": {"insights": [asdict(insight) for insight in insights]}}}
        response = await self._call(method, f"/api/v2/cases/{case_id}/insights", body)
        return answers.case_in(response.content, case_id)


def _comment(text: str) -> dict[str, Any]:
    return {"data": {"type": "case", "attributes": {"comment": text}}}


def _told(value: T | None, response: httpx.Response) -> T:
    """What a read was for; raises DatadogTransient where the answer does not tell it."""
    if value is None:
        raise DatadogTransient(TransientReason.SILENT, response.status_code)
    return value
