"""One stream of log lines, ours and the libraries', one event a line, without secrets.

Libraries log from WARNING up, whatever our level is: at DEBUG they log tokens, headers and bodies. Bolt logs from ERROR
up: its warnings quote what Slack sent.
"""

import logging
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

QUIET = {
    "slack_bolt": logging.ERROR,
    **dict.fromkeys(
        ("httpx", "httpcore", "slack_sdk", "aiohttp", "alembic", "asyncio", "sqlalchemy", "psycopg"),
        logging.WARNING,
    ),
}

SELDOM_SECONDS = 60.0


class Seldom:
    """An event that strangers can cause: a line a minute at most for each `what`, with how many there were since."""

    def __init__(self, log: Callable[..., object], event: str) -> None:
        """`log`: a logger's method of the event's level."""
        self._log, self._event = log, event
        self._seen: dict[tuple[object, ...], tuple[int, float]] = {}

    def note(self, **what: object) -> None:
        """It happened. `what`: words and numbers of our own, of which there are few."""
        key, now = tuple(what.values()), time.monotonic()
        count, silent_until = self._seen.get(key, (0, 0.0))
        if now < silent_until:
            self._seen[key] = (count + 1, silent_until)
        else:
            self._log(self._event, **what, count=count + 1)
            self._seen[key] = (0, now + SELDOM_SECONDS)


def configure(level: str = "INFO", form: str = "console") -> None:
    """Log to standard error: key=value for a terminal, or with `form` json for a machine."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_RENDERED[form]],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(max(quiet, root.level))


def _printable(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """What a terminal would obey or hide is shown as an escape: some words are Slack's or Datadog's."""
    return {key: repr(value)[1:-1] if _hides(value) else value for key, value in event.items()}


def _hides(value: object) -> bool:
    return isinstance(value, str) and not value.replace("\n", "").isprintable()


# Tracebacks without the local variables, which contain tokens: in json a string in the one line, else Python's own.
_RENDERED: dict[str, Sequence[Processor]] = {
    "console": [
        _printable,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ],
    "json": [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ],
}
