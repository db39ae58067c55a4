"""Sites of Datadog in pasted links that no configured org is on: an org's site may be set wrongly."""

from sqlalchemy import select

from bot.store import Store, now
from bot.store.connection import Connection
from bot.store.dialects import upsert
from bot.store.schema import sites

HOUR = 3600.0
"""A site is written once in this time at most: messages come faster."""
LATELY = 7 * 86400.0
"""How long a site that was seen is worth a warning."""


async def note(store: Store, workspace: str, site: str) -> bool:
    """Remember that links to this site were pasted; True the first time in an hour."""
    known = select(sites.c.at).where(sites.c.workspace == workspace, sites.c.site == site)
    async with store.read() as connection:
        at = (await connection.execute(known)).scalar_one_or_none()
        if at is not None and at > await now(connection) - HOUR:
            return False
    async with store.write() as tx:
        at = await now(tx)
        is_old = sites.c.at <= at - HOUR  # another replica may have been faster
        return await upsert(tx, sites, {"workspace": workspace, "site": site}, {"at": at}, where=is_old)


async def lately(connection: Connection, workspace: str | None = None) -> frozenset[str]:
    """The sites that were seen in the last week, in one workspace or in all."""
    recent = select(sites.c.site).where(sites.c.at > await now(connection) - LATELY)
    if workspace is not None:
        recent = recent.where(sites.c.workspace == workspace)
    return frozenset((await connection.execute(recent)).scalars())
