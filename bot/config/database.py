"""The database's address, DATABASE_URL: what it says, and whether it can be one."""

from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


def can_be_read(url: str) -> bool:
    """Whether this is a database's address at all: `postgresql://host:port` names no port."""
    try:
        make_url(url)
    except (ArgumentError, ValueError):
        return False
    return True


def is_cut_short(url: str) -> bool:
    """Whether a user's name or password holds an `@`: its rest would count as host, and be told in errors."""
    return "@" in (make_url(url).host or "")


def file_of(url: str) -> Path | None:
    """The file of a SQLite database, whether it is there or not; None for PostgreSQL."""
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def is_made(url: str) -> bool:
    """Whether there is something to look into. SQLite makes a file of whatever it opens: who only looks asks first."""
    file = file_of(url)
    return file is None or (file.is_file() and file.stat().st_size > 0)
