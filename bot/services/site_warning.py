"""Links to a Datadog site that no configured org is on: told once an hour, because a site may be set wrongly."""

import structlog

from bot import messages
from bot.services.context import Reach
from bot.store import sites
from bot.store.seen import Seen

log = structlog.get_logger(__name__)


async def notice(reach: Reach, seen: Seen) -> None:
    """Write down where a message's links lead that nobody here can add."""
    for site in sorted(seen.elsewhere):
        if await sites.note(reach.store, seen.thread.workspace, site):
            log.warning("links.other_site", site=site, configured=_ours(reach, seen.thread.workspace), check="DD_SITE")


async def warning(reach: Reach, workspace: str | None = None) -> str:
    """What to say of such links of the last week, in one workspace or in all; empty where there were none."""
    ours = _ours(reach, workspace)
    async with reach.store.read() as connection:
        found = (await sites.lately(connection, workspace)).difference(ours)
    return messages.other_sites(sorted(found), ours) if found else ""


def _ours(reach: Reach, workspace: str | None) -> list[str]:
    orgs = reach.orgs if workspace is None else reach.orgs_for(workspace)
    return sorted({org.hosts.site for org in orgs.values()})
