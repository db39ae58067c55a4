"""Resolving a case: what Datadog knows of a key, an id or a link of one."""

import structlog

from bot.datadog import Later, Refused, Why
from bot.delivery.cases import as_case
from bot.delivery.reach import Reach
from bot.store import cases
from bot.store.ties import CaseName

log = structlog.get_logger(__name__)


class CredentialsRefused(Exception):
    """Datadog takes none of our calls just now."""


async def resolve(reach: Reach, name: CaseName) -> cases.Case | None:
    """The case of this key (upper case) or UUID; None when Datadog knows none. Raises Later and CredentialsRefused."""
    org = reach.orgs[name.org]
    if org.gate.closed_for:
        raise Later(Why.SILENT, None, after=org.gate.closed_for)
    try:
        return as_case(reach, name.org, await org.datadog.case(name.case))
    except Refused as refused:
        if refused.status in (400, 404):
            log.info("case.unknown", org=name.org, case=name.case)
            return None
        if refused.status in (401, 403) and not await org.datadog.keys_are_valid():
            log.error("datadog.credentials_refused", org=name.org, status=refused.status)
            raise CredentialsRefused from refused
        # Valid keys that may not read this project: somebody has to grant that, so ask again.
        raise Later(Why.SILENT, refused.status, after=reach.retry_cap) from refused
