"""`case-insights db copy FROM TO`: all that one database holds, into an empty one: from SQLite to PostgreSQL.

It is one transaction of the new database: all of it, counted, or nothing.
"""

import asyncio

from sqlalchemy import Connection, Integer, MetaData, Table, func, insert, select, text
from sqlalchemy.exc import DatabaseError

from bot.config import ConfigError, database
from bot.store import dialects, migrate

BATCH = 1_000
"""Rows at a time."""


async def copy(source: str, target: str) -> list[str]:
    """Lines to print: each table, with the number of rows that both have. Raises ConfigError; the bot has to rest."""
    for url in (source, target):
        if problem := database.problem(url):
            raise ConfigError(problem.replace("DATABASE_URL", "An address", 1))
    if not database.exists(source):
        raise ConfigError(f"There is no database at {database.file_of(source)}: check the first address.")
    if source == target:
        raise ConfigError("Both addresses are the same: name an empty database to copy into.")
    try:
        return await asyncio.to_thread(_copy, source, target)
    except DatabaseError as error:
        why = " ".join(str(error.orig).split())
        raise ConfigError(f"One of the two databases cannot be used ({why}): check both addresses.") from error


def _copy(source: str, target: str) -> list[str]:
    with dialects.create_sync(source).connect() as old:
        if (revision := migrate.current(old)) != migrate.HEAD:
            raise ConfigError(
                f"The first database has schema {revision or 'none'}, not {migrate.HEAD}: "
                "start this version of the bot on it once, or check the address."
            )
        tables = _tables(old)
        migrate.upgrade_at(target)
        with dialects.create_sync(target).begin() as new:
            if full := [table.name for table in tables if _count(new, table)]:
                raise ConfigError(f"The second database is not empty ({', '.join(full)}): name a new one.")
            return [_copy_table(old, new, table) for table in tables]


def _tables(connection: Connection) -> list[Table]:
    """All but Alembic's own, in the order in which they refer to one another, typed as the database has them."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def _copy_table(old: Connection, new: Connection, table: Table) -> str:
    rows = old.execute(select(table).execution_options(yield_per=BATCH)).mappings()
    for batch in rows.partitions(BATCH):
        new.execute(insert(table), [dict(row) for row in batch])
    if new.dialect.name == "postgresql":
        _continue_numbers(new, table)
    was, now = _count(old, table), _count(new, table)
    if was != now:
        raise ConfigError(f"Of {was} rows of {table.name} {now} arrived, so nothing was copied: stop the bot first.")
    return f"{table.name}: {now} row{'' if now == 1 else 's'}"


def _continue_numbers(new: Connection, table: Table) -> None:
    """PostgreSQL counts ids in a sequence, which knows nothing of rows that brought theirs."""
    for column in table.primary_key:
        if isinstance(column.type, Integer) and len(table.primary_key) == 1:
            sequence = new.execute(
                text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": column.name}
            ).scalar()
            if sequence:
                last = select(func.coalesce(func.max(column), 0) + 1).scalar_subquery()
                new.execute(select(func.setval(sequence, last, False)))


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()
