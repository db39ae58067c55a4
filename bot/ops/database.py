"""`case-insights db`: the schema that the database has, and the one that this version of the bot needs."""

import asyncio
import contextlib
import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from bot.config import ConfigError, database
from bot.config.settings import database_url
from bot.store import Store, migrate


async def upgrade() -> str:
    """Bring the schema up to date; the sentence to print."""
    store = Store(database_url())
    try:
        before = await migrate.revision(store)
        await migrate.upgrade(store)
    finally:
        await store.close()
    before_words = "It was up to date." if before == migrate.HEAD else f"It was {before or 'empty'} before."
    return f"The database has schema {migrate.HEAD}. {before_words}"


async def current() -> str:
    """A sentence: the schema that the database has, and the one this version needs."""
    url = database_url()
    if not database.exists(url):
        return _no_database(url)
    store = Store(url)
    try:
        revision = await migrate.revision(store)
    finally:
        await store.close()
    return f"The database has schema {revision or 'none'}; this version of the bot needs {migrate.HEAD}."


async def backup(file: Path) -> str:
    """Copy a SQLite database into a new file, also while the bot works on it; the sentence to print."""
    return await asyncio.to_thread(_backup, database_url(), file)


def _backup(url: str, file: Path) -> str:
    source = database.file_of(url)
    if source is None:
        raise ConfigError("DATABASE_URL: PostgreSQL has a tool for this: pg_dump --format=custom.")
    if not database.exists(url):
        raise ConfigError(_no_database(url))
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError as error:
        raise ConfigError(f"{file} is there already: name a new file, or move it away.") from error
    except OSError as error:
        raise _not_written(file, error.strerror) from error
    try:
        _copy(source, file)
    except sqlite3.Error as error:
        file.unlink()
        raise _not_written(file, str(error)) from error
    return f"{file} holds what {source} held just now."


def _not_written(file: Path, why: str | None) -> ConfigError:
    return ConfigError(f"{file} cannot be written ({why}): check its folder and the disk.")


def _copy(source: Path, file: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as old,
        contextlib.closing(sqlite3.connect(file)) as new,
    ):
        old.backup(new)


async def opened() -> Store:
    """The database, if it is there and has the schema that this version needs. Raises ConfigError."""
    url = database_url()
    if not database.exists(url):
        raise ConfigError(_no_database(url))
    store = Store(url)
    revision = await migrate.revision(store)
    if revision != migrate.HEAD:
        await store.close()
        raise ConfigError(
            f"DATABASE_URL: the database has schema {revision or 'none'}, this version needs {migrate.HEAD}: "
            "run case-insights db upgrade, or check that it is the right database."
        )
    return store


def _no_database(url: str) -> str:
    return (
        f"There is no database yet at {database.file_of(url)}: case-insights run or case-insights db upgrade makes it; "
        "or check DATABASE_URL and the folder you are in."
    )
