"""`case-insights audit`: what an operator reads from the database, without Slack or Datadog."""

import json
from collections.abc import AsyncGenerator
from dataclasses import asdict
from datetime import UTC, datetime

from bot.config import ConfigError
from bot.messages.text import clean, readable
from bot.ops.database import opened
from bot.store import audit


def _epoch(text: str | None) -> float:
    """`2026-11-23`, `2026-11-23T18:00` (UTC unless it has an offset) as epoch s; None: 0."""
    if text is None:
        return 0.0
    try:
        date = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"--since: {text!r} is no date: write it like 2026-11-23 or 2026-11-23T18:00.") from error
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


async def lines(since: str | None, *, as_json: bool) -> AsyncGenerator[str]:
    """One line per move, oldest first."""
    begin = _epoch(since)
    store = await opened()
    try:
        async for entry in audit.entries(store, begin):
            yield json.dumps(asdict(entry)) if as_json else _readable(entry)
    finally:
        await store.close()


def nothing(since: str | None) -> str:
    """The sentence for an audit without a line."""
    return f"Nothing has happened since {since}." if since else "Nothing has happened yet."


def _readable(entry: audit.Entry) -> str:
    when = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    move = f"{entry.old or 'new'} → {entry.new}"
    parts = [when, entry.case, entry.type, entry.resource_id, move, entry.by or "the bot", entry.message]
    return "  ".join(clean(part) for part in [*parts, readable(entry.note)] if part)
