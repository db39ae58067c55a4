"""Links to a Datadog site that no configured org is on: told once an hour, because a site may be set wrongly."""

import structlog

from bot.messages import sentences
from bot.services.context import Context
from bot.store import sites
from bot.store.seen import ScannedMessage

log = structlog.get_logger(__name__)


async def notice(context: Context, seen: ScannedMessage) -> None:
    """Write down where a message's links lead that nobody here can add."""
    for site in sorted(seen.elsewhere):
        if await sites.note(context.store, seen.thread.workspace, site):
            log.warning(
                "links.other_site", site=site, configured=_ours(context, seen.thread.workspace), check="DD_SITE"
            )


async def warning(context: Context, workspace: str | None = None) -> str:
    """What to say of such links of the last week, in one workspace or in all; empty where there were none."""
    ours = _ours(context, workspace)
    async with context.store.read() as connection:
        found = (await sites.lately(connection, workspace)).difference(ours)
    return sentences.other_sites(sorted(found), ours) if found else ""


def _ours(context: Context, workspace: str | None) -> list[str]:
    orgs = context.orgs if workspace is None else context.orgs_for(workspace)
    return sorted({org.hosts.site for org in orgs.values()})
