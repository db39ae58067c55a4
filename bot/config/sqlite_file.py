"""The file of a SQLite database, which somebody may move, delete or replace while the bot works."""

import contextlib
import os
import sqlite3
from pathlib import Path


def keep_private(file: str) -> None:
    """Make a new file, for its owner alone; SQLite gives its other files the same rights. One that is there already is
    not opened: to close it would end this process's locks on it (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    with contextlib.suppress(OSError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


class SqliteFile:
    """The file, and the log beside it, that an open connection leads to: it would go on writing to a deleted one."""

    def __init__(self, path: str) -> None:
        self.path, self._log_path, self._name = path, f"{path}-wal", Path(path).name
        self._file = self._log = None

    def opened(self) -> None:
        """A connection was opened; with it the log, as it is in the journal mode that the bot uses."""
        self._file, self._log = _same(self.path), _same(self._log_path)

    def check(self) -> bool:
        """Whether the connection still leads to the file of this name; else it may be opened anew.

        Raises sqlite3.OperationalError where somebody has to mend something first: SQLite would apply the log of the
        old file to the new one (https://sqlite.org/howtocorrupt.html, 1.4).
        """
        file, log = _same(self.path), _same(self._log_path)
        if file is None:
            raise sqlite3.OperationalError(f"{self._name} is gone: put it back")
        if file == self._file:
            self._log = log
            return True
        if log is not None and log == self._log and os.path.getsize(self._log_path):
            mend = f"delete the old one's {self._name}-wal and {self._name}-shm"
            raise sqlite3.OperationalError(f"{self._name} was replaced: {mend}")
        return False


def _same(path: str) -> tuple[int, int] | None:
    """What tells a file from another one of the same name; None: there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
