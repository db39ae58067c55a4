"""Links to a Datadog site where the bot has no organisation: a warning once an hour, as a site may be set wrongly."""

import structlog

from bot.insights import ScannedMessage
from bot.messages import sentences
from bot.services.context import Context
from bot.store import unknown_sites

log = structlog.get_logger(__name__)


async def notice(context: Context, message: ScannedMessage) -> None:
    """Store the sites of a message's links that belong to no organisation of the bot's."""
    workspace = message.thread.workspace
    for site in sorted(message.elsewhere):
        if await unknown_sites.note(context.store, workspace, site):
            log.warning("links.other_site", site=site, configured=_our_sites(context, workspace), check="DD_SITE")


async def warning(context: Context, workspace: str | None = None) -> str:
    """A sentence on such links of the last week, in one workspace or in all; empty where there were none."""
    async with context.store.read() as connection:
        others = (await unknown_sites.lately(connection, workspace)).difference(_our_sites(context))
    ours = _our_sites(context, workspace)
    return sentences.other_sites(sorted(others), ours) if others and ours else ""


def _our_sites(context: Context, workspace: str | None = None) -> list[str]:
    orgs = context.orgs if workspace is None else context.orgs_for(workspace)
    return sorted({org.hosts.site for org in orgs.values()})
