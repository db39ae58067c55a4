"""`case-insights db copy`: from one database into another, all of it or nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.config import ConfigError
from bot.insights.clicks import Action
from bot.ops.database_copy import copy
from bot.store import Store, migrate
from bot.store.schema import sites
from tests import postgres
from tests.store.conftest import LATER, card_of, items_of, monitors, paste, press, run, states, tie


@pytest.fixture
def target(postgres_url: str) -> Iterator[str]:
    yield postgres.create(postgres_url, "copied")
    postgres.drop(postgres_url, "copied")


@pytest.fixture
async def source(tmp_path: Path) -> str:
    """A SQLite database in which something was offered and confirmed."""
    store = Store(f"sqlite:///{tmp_path}/one.db")
    await migrate.upgrade(store)
    await tie(store)
    await paste(store, *monitors(1, 2, 3))
    await press(store, await card_of(store), Action.ADD, 1, 2)
    await store.close()
    return store.url


async def test_a_bot_goes_on_in_postgresql_where_it_stopped_in_sqlite(source: str, target: str):
    lines = await copy(source, target)
    assert {"insights: 3 rows", "card_insights: 3 rows", "ties: 1 row"} <= set(lines)
    before, after = Store(source), Store(target)
    try:
        card = await card_of(after)
        assert card == await card_of(before)
        assert await items_of(after, card) == await items_of(before, card)
        await paste(after, *monitors(4), ts=LATER)
        assert set(await states(after)) == {"1", "2", "3", "4"}, "its ids are numbered on"
    finally:
        await before.close()
        await after.close()


async def test_nothing_is_copied_over_anything_or_from_nothing(source: str, target: str, tmp_path: Path):
    with pytest.raises(ConfigError, match=r"There is no database at .*none\.db"):
        await copy(f"sqlite:///{tmp_path}/none.db", target)
    with pytest.raises(ConfigError, match="An address: write it like"):
        await copy(source, "mysql://host/x")
    with pytest.raises(ConfigError, match=r"One of the two databases cannot be used \(.*\): check both addresses"):
        await copy(source, "postgresql://x@127.0.0.1:1/x")
    with pytest.raises(ConfigError, match="Both addresses are the same"):
        await copy(source, source)
    store = Store(target)
    await migrate.upgrade(store)
    await run(store, sites.insert().values(workspace="T0ACME", site="datadoghq.eu", at=1.0))
    with pytest.raises(ConfigError, match=r"The second database is not empty \(sites\)"):
        await copy(source, target)
    assert await states(store) == {}
    await store.close()


async def test_another_schema_is_not_copied(tmp_path: Path, target: str):
    (tmp_path / "empty.db").touch()
    with pytest.raises(ConfigError):
        await copy(f"sqlite:///{tmp_path}/empty.db", target)
