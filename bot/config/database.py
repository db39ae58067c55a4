"""The database's address, DATABASE_URL.

SQLAlchemy is imported where it is needed: the commands that need no database do not pay for it.
"""

from importlib.util import find_spec
from pathlib import Path
from stat import S_ISDIR

DEFAULT = "sqlite:///case-insights.db"
_SQLITE = "sqlite:///"


def problem(url: str) -> str | None:
    """Why this address cannot be used, as a sentence with the next step; None: it can."""
    return _file_problem(Path(url.removeprefix(_SQLITE))) if url.startswith(_SQLITE) else _server_problem(url)


def _server_problem(url: str) -> str | None:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # `postgresql://host:port`
        parsed = None
    if parsed is None or not url.startswith(("postgresql://", "postgres://")):
        return "DATABASE_URL: write it like sqlite:///case-insights.db or postgresql://user@host/name."
    if "@" in (parsed.host or ""):  # the rest of a password would count as the host, and show in errors
        return "DATABASE_URL: the user or password holds an @; write it as %40."
    missing = find_spec("psycopg") is None
    step = "run .venv/bin/pip install '.[postgres]' in the folder of Case Insights"
    return f"DATABASE_URL names PostgreSQL, whose driver is not installed: {step}." if missing else None


def _file_problem(file: Path) -> str | None:
    try:
        if not _is_folder(file.parent):
            return f"DATABASE_URL: there is no folder {file.parent}; make it, or choose another path."
        return f"DATABASE_URL: {file} is a folder; name a file in it." if _is_folder(file) else None
    except OSError as error:  # its name is too long, or a folder on the way is somebody else's
        return f"DATABASE_URL: the file cannot be reached ({error.strerror}); choose another path."


def _is_folder(path: Path) -> bool:
    """As `Path.is_dir`, which since Python 3.14 says no whatever hinders it; raises OSError instead."""
    try:
        return S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def file_of(url: str) -> Path | None:
    """The file of a SQLite database, which need not exist; None for PostgreSQL."""
    from sqlalchemy.engine import make_url

    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def exists(url: str) -> bool:
    """Whether there is a database to read: SQLite would create the file that it opens."""
    file = file_of(url)
    return file is None or (file.is_file() and file.stat().st_size > 0)
