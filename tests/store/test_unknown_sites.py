"""Sites of others: written down once an hour, and forgotten after a week."""

import asyncio

from sqlalchemy import update

from bot.store import Store, schema, unknown_sites
from tests.store.conftest import run


async def lately(store: Store, workspace: str | None = None) -> set[str]:
    async with store.read() as connection:
        return set(await unknown_sites.lately(connection, workspace))


async def let_pass(store: Store, seconds: float) -> None:
    """As if what was written down had been so many seconds earlier."""
    await run(store, update(schema.sites).values(at=schema.sites.c.at - seconds))


async def test_a_site_is_news_once_an_hour_in_each_workspace(store):
    assert await unknown_sites.note(store, "T0ACME", "datadoghq.eu")
    assert not await unknown_sites.note(store, "T0ACME", "datadoghq.eu")
    assert await unknown_sites.note(store, "T0ACME", "us5.datadoghq.com")
    assert await unknown_sites.note(store, "T0OTHER", "datadoghq.eu")
    await let_pass(store, unknown_sites.HOUR + 1)
    assert await unknown_sites.note(store, "T0ACME", "datadoghq.eu")
    assert not await unknown_sites.note(store, "T0ACME", "datadoghq.eu")


async def test_of_several_who_see_it_at_once_one_tells(store):
    assert sum(await asyncio.gather(*(unknown_sites.note(store, "T0ACME", "datadoghq.eu") for _ in range(8)))) == 1


async def test_what_was_seen_lately_is_told_for_one_workspace_or_all(store):
    await unknown_sites.note(store, "T0ACME", "datadoghq.eu")
    await unknown_sites.note(store, "T0OTHER", "us5.datadoghq.com")
    assert await lately(store) == {"datadoghq.eu", "us5.datadoghq.com"}
    assert await lately(store, "T0ACME") == {"datadoghq.eu"}
    await let_pass(store, unknown_sites.LATELY + 1)
    assert await lately(store) == set()
