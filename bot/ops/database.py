"""`case-insights db`: the schema that the database has, and the one that this version of the bot needs."""

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
