"""`case-insights db`: the schema that either database has."""

import contextlib
import os
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.config import ConfigError
from bot.ops import database
from bot.store import migrate
from tests.store.conftest import run


async def test_the_schema_is_told_and_an_upgrade_of_what_is_up_to_date_says_so(asked):
    head = migrate.HEAD
    assert await database.current() == f"The database has schema {head}; this version of the bot needs {head}."
    assert await database.upgrade() == f"The database has schema {head}. It was up to date."


async def test_where_there_is_no_database_yet_that_is_said_and_only_an_upgrade_makes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/new.db")
    nothing = f"There is no database yet at {tmp_path}/new.db: case-insights run or"
    assert (await database.current()).startswith(nothing)
    with pytest.raises(ConfigError, match=nothing):
        await database.opened()
    assert os.listdir(tmp_path) == []

    assert await database.upgrade() == f"The database has schema {migrate.HEAD}. It was empty before."
    await (await database.opened()).close()


async def test_a_database_that_holds_no_schema_is_told_apart_from_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE somebodys (thing TEXT)")
    other.close()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/other.db")
    assert await database.current() == f"The database has schema none; this version of the bot needs {migrate.HEAD}."
    with pytest.raises(ConfigError, match="run case-insights db upgrade"):
        await database.opened()


async def test_a_newer_bots_database_is_not_upgraded(asked):
    await run(asked, text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(migrate.NewerSchema):
        await database.upgrade()


async def test_a_backup_holds_what_was_committed_and_replaces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/a b.db")
    with pytest.raises(ConfigError, match="There is no database yet"):
        await database.backup(tmp_path / "copy.db")
    await database.upgrade()
    with contextlib.closing(sqlite3.connect(tmp_path / "a b.db")) as bot:
        bot.execute("PRAGMA journal_mode = wal")
        bot.execute("INSERT INTO sites VALUES ('T0ACME', 'datadoghq.eu', 1.0)")
        bot.commit()
        assert "copy.db holds what " in await database.backup(tmp_path / "copy.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT site FROM sites").fetchall() == [("datadoghq.eu",)]
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigError, match=r"copy\.db is there already"):
        await database.backup(tmp_path / "copy.db")
    with pytest.raises(ConfigError, match=r"none/copy\.db cannot be written \(No such file or directory\): "):
        await database.backup(tmp_path / "none" / "copy.db")


async def test_postgresql_has_its_own_tool_for_a_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://bot:very-secret@127.0.0.1:1/x")
    with pytest.raises(ConfigError, match="pg_dump") as refused:
        await database.backup(tmp_path / "copy.db")
    assert "very-secret" not in str(refused.value)
