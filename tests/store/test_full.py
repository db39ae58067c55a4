"""A SQLite that takes no more: a press raises, leaves nothing half-written, and works once there is room again."""

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError

from bot.insights.clicks import Action
from bot.model import State
from bot.store import Store, migrate, schema
from bot.store.sqlite import SqliteDatabase
from bot.store.transaction import JobKind
from tests.store.conftest import card_of, column, jobs_of, monitors, paste, press, states, tie


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[Store]:
    """A store with one connection, since the pragmas below are a connection's, where a card asks."""
    made = Store(f"sqlite:///{tmp_path}/one.db")
    await migrate.upgrade(made)
    await tie(made)
    await paste(made, *monitors(1, 2))
    yield made
    await made.close()


async def pragma(store: Store, words: str) -> int:
    """Of the connection that writes."""
    assert isinstance(store.database, SqliteDatabase)
    assert store.database._writer.raw is not None
    answer = store.database._writer.raw.execute(f"PRAGMA {words}").fetchone()
    return answer[0] if answer else 0


async def fill(store: Store, at_once: int) -> None:
    """Until not so many lines of audit more fit."""
    row = {"at": 0.0, "insight": 1, "new": State.OFFERED, "note": ""}
    while True:
        async with store.write() as tx:
            await tx.execute(insert(schema.transitions), at_once * [row])


async def audited(store: Store) -> list[str]:
    return await column(store, select(schema.transitions.c.new).where(schema.transitions.c.at > 0))


async def test_a_press_on_a_full_database_moves_all_or_nothing(alone: Store) -> None:
    card = await card_of(alone)
    await pragma(alone, f"max_page_count = {await pragma(alone, 'page_count') + 2}")
    for at_once in (500, 1):
        with pytest.raises(OperationalError, match="database or disk is full"):
            await fill(alone, at_once)
    before = await audited(alone)
    with pytest.raises(OperationalError, match="database or disk is full"):
        await press(alone, card, Action.ADD, 1, 2)
    assert await states(alone) == {"1": State.OFFERED, "2": State.OFFERED}
    assert await audited(alone) == before
    assert await jobs_of(alone, JobKind.CASE) == []

    await pragma(alone, "max_page_count = 1000000")
    assert (await press(alone, card, Action.ADD, 1, 2)).moved == 2
    assert await states(alone) == {"1": State.CONFIRMED, "2": State.CONFIRMED}


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[Path]:
    """A folder in which modes of files count: for root they do not."""
    with tempfile.TemporaryDirectory(prefix="ci-file-") as made:
        if os.geteuid() == 0:
            os.chown(made, 65534, 65534)
            os.seteuid(65534)
        yield Path(made)
        os.seteuid(os.getuid())


def modes(*changes: tuple[Path, int]) -> None:
    for path, mode in changes:
        path.chmod(mode)


async def test_a_press_on_a_read_only_database_moves_nothing_and_works_once_it_may_be_written(nobody: Path) -> None:
    file = nobody / "one.db"
    made = Store(f"sqlite:///{file}")
    await migrate.upgrade(made)
    await tie(made)
    await paste(made, *monitors(1, 2))
    card = await card_of(made)
    await made.close()
    made = Store(f"sqlite:///{file}")
    modes((nobody, 0o500), (file, 0o400))
    for _ in range(2):
        with pytest.raises(OperationalError, match=r"readonly database|unable to open"):
            await press(made, card, Action.ADD, 1, 2)
    modes((nobody, 0o700), (file, 0o600))
    assert (await press(made, card, Action.ADD, 1, 2)).moved == 2
    await made.close()


# --- another file of the same name ---


async def test_a_database_that_is_gone_takes_nothing_until_it_is_back(alone: Store, tmp_path: Path) -> None:
    card, away = await card_of(alone), tmp_path / "away.db"
    (tmp_path / "one.db").rename(away)
    for _ in range(2):
        with pytest.raises(OperationalError, match=r"one\.db is gone: put it back"):
            await press(alone, card, Action.ADD, 1, 2)
        with pytest.raises(OperationalError, match=r"one\.db is gone: put it back"):
            await states(alone)
    assert not (tmp_path / "one.db").exists(), "an empty one in its place would hide the loss"
    away.rename(tmp_path / "one.db")
    assert (await press(alone, card, Action.ADD, 1, 2)).moved == 2


async def test_a_database_that_was_replaced_is_used_once_the_log_of_the_old_one_is_gone(
    alone: Store, tmp_path: Path
) -> None:
    """SQLite would apply that log to the new file: https://sqlite.org/howtocorrupt.html, 1.4."""
    card = await card_of(alone)
    backup = tmp_path / "backup.db"
    with (
        contextlib.closing(sqlite3.connect(tmp_path / "one.db")) as source,
        contextlib.closing(sqlite3.connect(backup)) as target,
    ):
        source.backup(target)
    assert (await press(alone, card, Action.ADD, 1)).moved
    backup.replace(tmp_path / "one.db")
    for _ in range(2):
        with pytest.raises(OperationalError, match=r"one\.db was replaced: delete the old one's one\.db-wal"):
            await press(alone, card, Action.ADD, 1, 2)
    for name in ("one.db-wal", "one.db-shm"):
        (tmp_path / name).unlink()
    assert set((await states(alone)).values()) == {State.OFFERED}
    assert (await press(alone, card, Action.ADD, 1, 2)).moved == 2
    with contextlib.closing(sqlite3.connect(tmp_path / "one.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
