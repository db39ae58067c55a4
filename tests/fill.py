"""A database as a large company has it after a year: a million insights, made in SQL alone, on either database.

`python -m tests.fill sqlite:////tmp/large.db [SHARE]` makes one to look at; SHARE 0.01 makes a hundredth of it.
"""

import asyncio
import sys
import time

from sqlalchemy import text

from bot.store import Store, dialects, migrate

INSIGHTS, CASES, THREADS, CHANNELS = 1_000_000, 100_000, 200_000, 500
WORKSPACE, ORG = "T0ACME", "default"

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :{count})"
_NUMBER = "CAST(i AS TEXT)"
_CASE = "'0000-' || CAST(i % :cases AS TEXT)"
_CHANNEL = "'C' || CAST((i % :threads) % :channels AS TEXT)"
_THREAD = "CAST(1700000000 + i % :threads AS TEXT) || '.000100'"
_CARD = "'card' || CAST(i % :threads AS TEXT)"
_WHEN = "1700000000.0 + i * 30.0"
# One in a hundred is undecided, two were dismissed, half of one failed; the others are on their cases.
_STATE = """CASE WHEN i % 200 < 2 THEN 'offered' WHEN i % 200 < 6 THEN 'dismissed' WHEN i % 200 = 7 THEN 'failed'
    ELSE 'added' END"""

FILLED = {
    "cases": (
        "cases",
        "org, case_id, key, title, closed, archived, on_case, read_at",
        f"'{ORG}', '0000-' || CAST(i AS TEXT), 'CASEM-' || CAST(i AS TEXT), 'Memory', i < 0, i < 0, '[]', {_WHEN}",
    ),
    "ties": (
        "threads",
        'workspace, channel, thread_ts, kind, source, org, case_id, "at"',
        f"'{WORKSPACE}', {_CHANNEL}, {_THREAD}, CASE WHEN i % 4 = 0 THEN 'tied' ELSE 'no_case' END, 'root', "
        f"CASE WHEN i % 4 = 0 THEN '{ORG}' END, CASE WHEN i % 4 = 0 THEN {_CASE} END, {_WHEN}",
    ),
    "cards": (
        "threads",
        "id, kind, workspace, channel, thread_ts, org, case_id, ts, version, shown_version, first_link_at, open",
        f"'card' || CAST(i AS TEXT), 'insights', '{WORKSPACE}', {_CHANNEL}, {_THREAD}, '{ORG}', {_CASE}, "
        f"CAST(1700000000 + i AS TEXT) || '.000900', 3, 3, {_WHEN}, i % 100 = 0",
    ),
    "insights": (
        "insights",
        'id, org, case_id, type, scope, resource_id, ref, host, state, "by", "at", confirmed_at, sent_at, ours, '
        "left_out, note",
        f"i + 1, '{ORG}', {_CASE}, 'MONITOR', '', {_NUMBER}, '/monitors/' || {_NUMBER}, 'app.datadoghq.com', {_STATE}, "
        f"'U0ANA', {_WHEN}, {_WHEN}, 0.0, i >= 0, i < 0, ''",
    ),
    "card_insights": (
        "insights",
        'card, insight, "group", joined_version, poster, message_ts',
        f"{_CARD}, i + 1, 1, 1, 'U0ANA', {_THREAD}",
    ),
    "sightings": (
        "insights",
        "id, workspace, channel, message_ts, thread_ts, type, scope, resource_id, ref, host, orgs, poster, state, "
        'insight, "at"',
        f"i + 1, '{WORKSPACE}', {_CHANNEL}, CAST(1700000000 + i AS TEXT) || '.000200', {_THREAD}, 'MONITOR', '', "
        f"{_NUMBER}, '/monitors/' || {_NUMBER}, 'app.datadoghq.com', '[\"{ORG}\"]', 'U0ANA', 'offered', i + 1, {_WHEN}",
    ),
    "transitions": (
        "insights",
        'id, "at", insight, old, new, "by", message, note',
        f"i + 1, {_WHEN}, i + 1, 'confirmed', {_STATE}, 'U0ANA', NULL, ''",
    ),
    "thread_comments": (
        "threads",
        "org, case_id, workspace, channel, thread_ts, cell",
        f"'{ORG}', {_CASE}, '{WORKSPACE}', {_CHANNEL}, {_THREAD}, 'cell'",
    ),
    "reactions": (
        "threads",
        'workspace, channel, ts, "by", event_ts, "at"',
        f"'{WORKSPACE}', {_CHANNEL}, {_THREAD}, 'U0ANA', {_THREAD}, {_WHEN}",
    ),
    "mentions": ("threads", 'workspace, channel, ts, "at"', f"'{WORKSPACE}', {_CHANNEL}, {_THREAD}, {_WHEN}"),
}
"""By table: which count it has, its columns, and what row `i` holds."""


async def fill(store: Store, share: float = 1.0) -> None:
    """Fill a migrated, empty database, and let it gather statistics."""
    await asyncio.to_thread(_fill, store.url, share)


def _fill(url: str, share: float) -> None:
    counts = {"insights": INSIGHTS, "cases": CASES, "threads": THREADS, "channels": CHANNELS}
    values = {name: max(1, int(count * share)) for name, count in counts.items()} | {"channels": CHANNELS}
    made = dialects.create_sync(url)
    try:
        with made.begin() as connection:
            for table, (count, columns, row) in FILLED.items():
                statement = f"INSERT INTO {table} ({columns}) {_NUMBERS.format(count=count)} SELECT {row} FROM n"  # noqa: S608
                connection.execute(text(statement), {name: values[name] for name in values if f":{name}" in statement})
                if connection.dialect.name == "postgresql" and columns.startswith("id, ") and table != "cards":
                    last = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"  # noqa: S608
                    connection.execute(text(last))
        with made.begin() as connection:
            connection.execute(text("ANALYZE"))
    finally:
        made.dispose()


async def main(url: str, share: str = "1") -> None:
    store = Store(url)
    began = time.monotonic()
    await migrate.upgrade(store)
    await fill(store, float(share))
    await store.close()
    print(f"{url}: {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
