"""The schema, brought up to date at start under a lock; Alembic is imported only when there is something to do."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from bot.store import Store

HEAD = "0001"
"""The newest migration; a test keeps it equal to what Alembic finds."""
MIGRATIONS = Path(__file__).parent / "migrations"


class NewerSchema(Exception):
    """The database was made by a newer version of the bot."""


LOCK = 0x43617365
"""PostgreSQL's advisory lock under which replicas that start at once take turns."""


async def upgrade(store: Store) -> None:
    """Bring the database to HEAD; raises NewerSchema where it is beyond what this version knows."""
    async with store.write() as tx:
        if tx.dialect.name == "postgresql":
            await tx.execute(text("SET LOCAL statement_timeout = 0"))
            await tx.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        await tx.run_sync(_upgrade)


async def revision(store: Store) -> str | None:
    """The schema that the database has; None when it is empty."""
    async with store.read() as connection:
        return await connection.run_sync(current)


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
