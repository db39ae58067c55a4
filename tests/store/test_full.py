"""A SQLite that takes no more: a press raises, leaves nothing half-written, and works once there is room again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError

from bot.insights import Action
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
    assert store.database._writer is not None
    answer = store.database._writer.execute(f"PRAGMA {words}").fetchone()
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


async def test_a_press_on_a_read_only_database_moves_nothing(alone: Store) -> None:
    card = await card_of(alone)
    await pragma(alone, "query_only = on")
    with pytest.raises(OperationalError, match="attempt to write a readonly database"):
        await press(alone, card, Action.ADD, 1, 2)
    assert await states(alone) == {"1": State.OFFERED, "2": State.OFFERED}

    await pragma(alone, "query_only = off")
    assert (await press(alone, card, Action.ADD, 1, 2)).moved == 2
