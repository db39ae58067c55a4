"""The schema, brought up to date at start under a lock; Alembic is imported only when there is something to do."""

import asyncio
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError

from bot.store import Store, dialects

HEAD = "0001"
"""The newest migration; a test keeps it equal to what Alembic finds."""
MIGRATIONS = Path(__file__).parent / "migrations"


class NewerSchema(Exception):
    """The database was made by a newer version of the bot."""


LOCK = 0x43617365
"""PostgreSQL's advisory lock under which replicas that start at once take turns."""


async def upgrade(store: Store) -> None:
    """Bring the database to HEAD; raises NewerSchema where it is beyond what this version knows."""
    await asyncio.to_thread(upgrade_at, store.url)


def upgrade_at(url: str) -> None:
    """As `upgrade`, in this thread."""
    with dialects.create_sync(url).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        _upgrade(connection)


def may_answer_later(error: OperationalError) -> bool:
    """Whether PostgreSQL cannot be reached, or not yet; else it refused, and will again."""
    words = str(error.orig)
    if "connection" not in words and "resolve host" not in words:
        return False
    return "FATAL" not in words or any(word in words for word in ("starting up", "shutting down", "recovery", "slots"))


async def revision(store: Store) -> str | None:
    """The schema that the database has; None when it is empty."""
    return await asyncio.to_thread(_revision_at, store.url)


def _revision_at(url: str) -> str | None:
    with dialects.create_sync(url).connect() as connection:
        return current(connection)


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None when it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _upgrade(connection: Connection) -> None:
    if current(connection) == HEAD:
        return
    # Imported here: it costs a third of a second, and is needed once per schema.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        if "locate revision" in str(error):
            raise NewerSchema(
                f"The database has schema {current(connection)}, which is newer than this version of the bot knows "
                f"({HEAD}). Run the newer version, or restore the backup from before its upgrade."
            ) from error
        raise
