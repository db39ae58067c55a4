"""The table of links with the operator's own routes: read for `run` and, without the rest of the bot, for `explain`."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from dotenv import dotenv_values

from bot.links import Routes, RoutesError, load

ENV_FILE = ".env"
NOBODY = "CASE_INSIGHTS_CONFIRMERS"
"""Set but empty it lets nobody in: an operator's slip must not open the door. Any other empty setting is none."""


class TableError(Exception):
    """The operator's routes, or `.env`, cannot be used; the message names the file and the reason."""


def environment(given: Mapping[str, str] | None = None, *, env_file: str | None = ENV_FILE) -> dict[str, str]:
    """What is set, to something: `.env` in the working directory, overridden by the real environment."""
    of_file: Mapping[str, str | None] = {}
    if env_file is not None and Path(env_file).is_file():
        of_file = _read_env(env_file)
    of_process = os.environ if given is None else given
    given = {name: value for name, value in {**of_file, **of_process}.items() if value}
    if not given.get(NOBODY) and NOBODY in {**of_file, **of_process}:
        given[NOBODY] = ""
    return given


def _read_env(file: str) -> Mapping[str, str | None]:
    try:
        return dotenv_values(file)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise TableError(f"{file} cannot be read ({reason}); check it and its mode.") from error


def listed(value: str) -> tuple[str, ...]:
    """The parts of a comma-separated setting."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def from_environment(env: Mapping[str, str]) -> Routes:
    """The table that these settings ask for; raises TableError."""
    file = env.get("CASE_INSIGHTS_ROUTES_FILE")
    return read(
        Path(file) if file else None,
        scm_hosts=listed(env.get("CASE_INSIGHTS_SCM_HOSTS", "")),
        case_path=env.get("CASE_INSIGHTS_CASE_PATH", "/cases/"),
    )


def read(file: Path | None, *, scm_hosts: Collection[str], case_path: str) -> Routes:
    """The built-in table, with the routes of `file` before it; raises TableError."""
    try:
        extra = file.read_text(encoding="utf-8") if file is not None else None
        return load(extra, source=str(file), scm_hosts=scm_hosts, case_path=case_path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise TableError(f"CASE_INSIGHTS_ROUTES_FILE: {file} cannot be read ({reason}); check its path.") from error
    except RoutesError as error:
        raise TableError(f"CASE_INSIGHTS_ROUTES_FILE: {error}") from error
