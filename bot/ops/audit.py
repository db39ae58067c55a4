"""`case-insights audit` and `case-insights db`: what an operator reads from the database, without Slack or Datadog."""

import json
from collections.abc import AsyncGenerator
from dataclasses import asdict
from datetime import UTC, datetime

from bot.config import ConfigError, database
from bot.config.settings import database_url
from bot.store import Store, audit, migrate


def _epoch(text: str | None) -> float:
    """`2026-11-23`, `2026-11-23T18:00` (UTC unless it has an offset) as epoch s; None: 0."""
    if text is None:
        return 0.0
    try:
        date = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"--since: {text!r} is no date: write it like 2026-11-23 or 2026-11-23T18:00.") from error
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


async def lines(since: str | None, *, as_json: bool) -> AsyncGenerator[str]:
    """One line per move, oldest first."""
    begin = _epoch(since)
    store = await _open()
    try:
        async for entry in audit.entries(store, begin):
            yield json.dumps(asdict(entry), ensure_ascii=False) if as_json else _readable(entry)
    finally:
        await store.close()


def nothing(since: str | None) -> str:
    """The sentence for an audit without a line."""
    return f"Nothing has happened since {since}." if since else "Nothing has happened yet."


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


async def _open() -> Store:
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


def _readable(entry: audit.Entry) -> str:
    when = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    move = f"{entry.old or 'new'} → {entry.new}"
    parts = [when, entry.case, entry.type, entry.resource_id, move, entry.by or "the bot", entry.message, entry.note]
    return "  ".join(part for part in parts if part)
