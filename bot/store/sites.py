"""Datadog's sites that links were pasted to although no configured org is there: one may be set wrongly."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import Store, now
from bot.store.engine import insert_into
from bot.store.schema import sites

HOUR = 3600.0
"""How often one site is written down at most: messages come faster."""
LATELY = 7 * 86400.0
"""How long a site that was seen is worth a warning."""


async def note(store: Store, workspace: str, site: str) -> bool:
    """Write down that links to this site were pasted; whether this hour is told of it for the first time."""
    mine = select(sites.c.at).where(sites.c.workspace == workspace, sites.c.site == site)
    async with store.read() as connection:
        at = (await connection.execute(mine)).scalar_one_or_none()
        if at is not None and at > await now(connection) - HOUR:
            return False
    async with store.write() as tx:
        moment = await now(tx)
        row = insert_into(tx, sites).values(workspace=workspace, site=site, at=moment)
        written = await tx.execute(
            row.on_conflict_do_update(
                index_elements=[sites.c.workspace, sites.c.site],
                set_={"at": moment},
                where=sites.c.at <= moment - HOUR,  # another replica may have been faster
            ).returning(sites.c.at)
        )
        return written.one_or_none() is not None


async def lately(connection: AsyncConnection, workspace: str | None = None) -> frozenset[str]:
    """The sites that were written down in the last week, of one workspace or of all."""
    wanted = select(sites.c.site).where(sites.c.at > await now(connection) - LATELY)
    if workspace is not None:
        wanted = wanted.where(sites.c.workspace == workspace)
    return frozenset((await connection.execute(wanted)).scalars())
