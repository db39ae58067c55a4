"""The few calls we make to Datadog: docs.datadoghq.com/api/latest/case-management and datadog-api-client 2.62."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from urllib.parse import urlencode

from bot.datadog import answers
from bot.datadog.answers import DatadogCase, Triple
from bot.datadog.errors import DatadogTransient, TransientReason
from bot.datadog.transport import DatadogTransport


class Datadog(DatadogTransport):
    """The calls to one organisation's API."""

    async def case(self, case: str) -> DatadogCase:
        """The case with this UUID or key, as far as it is told; raises DatadogPermanent (404: there is none)."""
        response = await self._call("GET", f"/api/v2/cases/{case}")
        told = answers.case_in(response.content, case)
        if told is None:
            raise DatadogTransient(TransientReason.SILENT, response.status_code)
        return told

    async def search(self, text: str, *, within: float) -> Sequence[DatadogCase]:
        """Up to 20 cases with these words in title or description; raises DatadogTransient after `within` seconds."""
        words = " ".join(re.findall(r"[\w.-]+", text))
        query = urlencode({"filter": words, "page[size]": 20})
        response = await self._call("GET", f"/api/v2/cases?{query}", within=within, breaker=self._searches)
        found = answers.cases_in(response.content)
        if found is None:
            raise DatadogTransient(TransientReason.SILENT, response.status_code)
        return found

    async def add(self, case_id: str, insights: Sequence[Triple]) -> DatadogCase | None:
        """Put 1 to 100 insights on a case. It is done when this returns; None: the answer does not tell the case."""
        return await self._change("PUT", case_id, insights)

    async def remove(self, case_id: str, insights: Sequence[Triple]) -> DatadogCase | None:
        """Take insights off a case, as `add`; all three fields must be those they were added with."""
        return await self._change("DELETE", case_id, insights)

    async def comment(self, case_id: str, text: str) -> None:
        """Comment on a case. Each call adds a comment: one whose answer was lost must not be repeated."""
        body = {"data": {"type": "case", "attributes": {"comment": text}}}
        await self._call("POST", f"/api/v2/cases/{case_id}/comment", body)

    async def read(self, path: str, *, within: float) -> bytes:
        """What a title is in; raises DatadogTransient after `within` seconds."""
        return (await self._call("GET", path, within=within, breaker=self.titles)).content

    async def _change(self, method: str, case_id: str, insights: Sequence[Triple]) -> DatadogCase | None:
        body = {"data": {"type": "case", "attributes": {"insights": [asdict(insight) for insight in insights]}}}
        response = await self._call(method, f"/api/v2/cases/{case_id}/insights", body)
        return answers.case_in(response.content, case_id)
