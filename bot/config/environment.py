"""The variables that are set, and the table of links they ask for; `explain` needs nothing else of the bot."""

import io
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from bot.config import ConfigError, values
from bot.config.credentials import unreadable
from bot.links import Routes, RoutesError, load

ENV_FILE = ".env"
CONFIRMERS = "CASE_INSIGHTS_CONFIRMERS"
"""Empty, it lets nobody in: a slip must not let everybody in. Any other empty variable counts as not set."""


def read(process: Mapping[str, str] | None = None, *, env_file: str | None = ENV_FILE) -> dict[str, str]:
    """The variables of `.env` in the working directory and of the process, which win; raises ConfigError.

    `process`: instead of the process's own.
    """
    try:
        from_file: Mapping[str, str | None] = (
            _from_file(env_file) if env_file is not None and Path(env_file).is_file() else {}
        )
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(unreadable(env_file, error)) from error
    variables = {**from_file, **(os.environ if process is None else process)}
    return {name: value or "" for name, value in variables.items() if value or name == CONFIRMERS}


def _from_file(file: str) -> Mapping[str, str | None]:
    """Its variables. Raises ConfigError for a line that sets none: it may say who may confirm."""
    content = Path(file).read_text(encoding="utf-8")
    if "\0" in content:  # no path, address or key has one, and much that takes them fails
        raise ConfigError(f"{file} holds NUL characters: write it anew, as text.")
    wrong = [binding.original for binding in parse_stream(io.StringIO(content)) if binding.error]
    if wrong:
        text = wrong[0].string  # with the blank lines before it
        line = wrong[0].line + text[: len(text) - len(text.lstrip())].count("\n")
        raise ConfigError(f"{file}: line {line} is not NAME=value; mend it, or take it out.")
    return dotenv_values(file)


def comma_separated(value: str) -> tuple[str, ...]:
    """The parts of a comma-separated setting."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def routes_from(variables: Mapping[str, str]) -> Routes:
    """The table of links for these variables; raises ConfigError."""
    file = variables.get("CASE_INSIGHTS_ROUTES_FILE")
    return routes(
        Path(file) if file else None,
        scm_hosts=comma_separated(variables.get("CASE_INSIGHTS_SCM_HOSTS", "")),
        web_hosts=_web_hosts(variables),
        case_path=variables.get("CASE_INSIGHTS_CASE_PATH", "/cases/"),
    )


def _web_hosts(variables: Mapping[str, str]) -> Collection[str]:
    """Those of all organisations; of their file nothing else is read, neither secrets nor their files."""
    try:
        if file := variables.get("CASE_INSIGHTS_ORGS_FILE"):
            from bot.config import organizations  # imports more of pydantic, only if there is a file

            return organizations.web_hosts(Path(file))
        return values.web_hosts(comma_separated(variables.get("DD_WEB_HOSTS", "")))
    except ValueError as error:
        raise ConfigError(f"DD_WEB_HOSTS {error}.") from error


def routes(file: Path | None, *, scm_hosts: Collection[str], web_hosts: Collection[str], case_path: str) -> Routes:
    """The built-in table, with the operator's routes in `file` before it; raises ConfigError."""
    try:
        extra = file.read_text(encoding="utf-8") if file is not None else None
        return load(extra, source=str(file), scm_hosts=scm_hosts, web_hosts=web_hosts, case_path=case_path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"CASE_INSIGHTS_ROUTES_FILE: {unreadable(file, error)}") from error
    except RoutesError as error:
        raise ConfigError(f"CASE_INSIGHTS_ROUTES_FILE: {error}") from error
