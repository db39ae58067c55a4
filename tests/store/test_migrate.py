"""The schema: what the migrations make is what the code expects, and a newer one is left alone."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from slack_sdk.oauth.installation_store.sqlalchemy import AsyncSQLAlchemyInstallationStore
from slack_sdk.oauth.state_store.sqlalchemy import AsyncSQLAlchemyOAuthStateStore
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store import Store, dialects, migrate
from bot.store.schema import metadata
from tests.store.conftest import column, rows, run, start

T = TypeVar("T")


async def looked(store: Store, look: Callable[[Connection], T]) -> T:
    """What this finds on a connection of migrations."""

    def at() -> T:
        made = dialects.create_sync(store.url)
        try:
            with made.connect() as connection:
                return look(connection)
        finally:
            made.dispose()

    return await asyncio.to_thread(at)


def test_the_newest_migration_is_the_one_the_code_names():
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.HEAD]


def is_ours(name: str | None, kind: str, _: object) -> bool:
    return kind != "table" or not str(name).startswith("slack_")


async def test_the_migrations_make_exactly_the_tables_of_the_code(store):
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": is_ours})
        return compare_metadata(context, metadata)

    assert await looked(store, differences) == []


async def test_slack_sdks_tables_have_every_column_that_it_knows(store):
    """Its stores are used as they are, but the tables are made by our migration, so that tokens fit encrypted."""
    known = {
        table.name: {column.name for column in table.columns}
        for made in (
            AsyncSQLAlchemyInstallationStore("111.222", cast(AsyncEngine, None)).metadata,
            AsyncSQLAlchemyOAuthStateStore(600, cast(AsyncEngine, None)).metadata,
        )
        for table in made.sorted_tables
    }
    found = await looked(
        store, lambda sync: {name: {each["name"] for each in inspect(sync).get_columns(name)} for name in known}
    )
    assert found == known


async def test_a_second_upgrade_changes_nothing(sqlite_store):
    tables = text("SELECT sql FROM sqlite_master ORDER BY name")
    before = await rows(sqlite_store, tables)
    await migrate.upgrade(sqlite_store)
    assert await migrate.revision(sqlite_store) == migrate.HEAD
    assert await rows(sqlite_store, tables) == before


async def test_a_start_with_nothing_to_do_does_not_pay_for_alembic(tmp_path: Path):
    started = [await start(f"sqlite:///{tmp_path}/two.db") for _ in range(2)]
    assert started == [(migrate.HEAD, "True"), (migrate.HEAD, "False")]


async def test_a_schema_of_a_newer_bot_is_refused_in_words_and_left_alone(store):
    await run(store, text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(migrate.NewerSchema) as refused:
        await migrate.upgrade(store)
    assert str(refused.value) == (
        f"The database has schema 9999, which is newer than this version of the bot knows ({migrate.HEAD}). "
        "Run the newer version, or restore the backup from before its upgrade."
    )
    assert await migrate.revision(store) == "9999"


async def test_an_upgrade_that_fails_leaves_the_database_as_it_was(tmp_path: Path):
    empty = Store(f"sqlite:///{tmp_path}/empty.db")
    assert await migrate.revision(empty) is None
    await run(empty, text("CREATE TABLE jobs (mine TEXT)"))
    with pytest.raises(OperationalError, match="table jobs already exists"):
        await migrate.upgrade(empty)
    assert await column(empty, text("SELECT name FROM sqlite_master WHERE type = 'table'")) == ["jobs"]
    await empty.close()


def rights(folder: Path) -> dict[str, str]:
    return {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()}


async def test_the_files_of_a_new_database_are_their_owners_alone(tmp_path: Path):
    store = Store(f"sqlite:///{tmp_path}/one.db")
    await migrate.upgrade(store)
    async with store.write():
        assert rights(tmp_path) == {"one.db": "0o600", "one.db-wal": "0o600", "one.db-shm": "0o600"}
    await store.close()
