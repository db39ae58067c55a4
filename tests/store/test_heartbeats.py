"""Heartbeats: who lives, and when Slack was last heard, by the database's clock."""

import pytest
from sqlalchemy import select, update

from bot.store import Store, heartbeats
from bot.store.heartbeats import Pulse
from bot.store.schema import heartbeats as table
from tests.store.conftest import rows, run


async def pulse(store: Store) -> Pulse:
    async with store.read() as connection:
        return await heartbeats.pulse(connection)


async def test_each_replica_counts_once_and_the_newest_event_of_all_counts(store: Store) -> None:
    assert await pulse(store) == Pulse(replicas=0, event_ago=None)
    await heartbeats.beat(store, "one", None)
    assert await pulse(store) == Pulse(replicas=1, event_ago=None)
    await heartbeats.beat(store, "two", 100.0)
    await heartbeats.beat(store, "one", 300.0)
    found = await pulse(store)
    assert found.replicas == 2
    assert found.event_ago == pytest.approx(100.0, abs=5.0)


async def test_who_has_not_beaten_for_long_is_gone_and_forgotten_after_a_month(store: Store) -> None:
    await heartbeats.beat(store, "old", 10.0)
    await run(store, update(table).values(seen_at=table.c.seen_at - 3600.0))
    assert (await pulse(store)).replicas == 0
    await run(store, update(table).values(seen_at=table.c.seen_at - heartbeats.KEEP_SECONDS))
    await heartbeats.beat(store, "new", None)
    assert await pulse(store) == Pulse(replicas=1, event_ago=None)


async def test_a_rehearsal_leaves_nothing_behind(store: Store) -> None:
    for _ in range(2):
        await heartbeats.rehearse(store, "one")
    assert await rows(store, select(table)) == []
