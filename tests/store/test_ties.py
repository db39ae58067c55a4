"""Ties: what a root says is remembered, and a person's word beats it."""

from sqlalchemy import update

from bot.model import CaseName, Tie, TieKind, TieSource
from bot.store import Store, now, schema, ties
from tests.store.conftest import CASE, ELSEWHERE, THREAD, tie

NAMES = (CaseName("default", "CASEM-4523"), CaseName("default", CASE.case_id))


async def of(store: Store) -> Tie | None:
    async with store.read() as connection:
        return await ties.of(connection, THREAD)


async def root_says(store: Store, kind: TieKind) -> None:
    async with store.write() as tx:
        await ties.set_from_root(tx, THREAD, kind, await now(tx))


async def test_of_a_thread_that_nobody_looked_at_nothing_is_known(store):
    await tie(store, ELSEWHERE)
    assert await of(store) is None


async def test_what_a_root_names_waits_for_datadog(store):
    async with store.write() as tx:
        await ties.name(tx, THREAD, NAMES, await now(tx))
    found = await of(store)
    assert found is not None
    assert (found.kind, found.source) == (TieKind.NAMED, TieSource.ROOT)
    assert (found.org, found.case_id, found.named) == ("", "", NAMES)


async def test_a_tie_replaces_the_names_it_was_found_by(store):
    async with store.write() as tx:
        await ties.name(tx, THREAD, NAMES, await now(tx))
    await tie(store)
    found = await of(store)
    assert found is not None
    assert (found.kind, found.source) == (TieKind.TIED, TieSource.ROOT)
    assert (found.org, found.case_id, found.named) == (CASE.org, CASE.case_id, ())


async def test_a_root_named_again_changes_no_tie_that_is_known(store):
    await tie(store)
    async with store.write() as tx:
        await ties.name(tx, THREAD, NAMES, await now(tx))
    found = await of(store)
    assert found is not None
    assert found.kind is TieKind.TIED


async def test_no_case_is_remembered_until_the_root_is_edited(store):
    await root_says(store, TieKind.NO_CASE)
    found = await of(store)
    assert found is not None
    assert (found.kind, found.case_id) == (TieKind.NO_CASE, "")
    async with store.write() as tx:
        await ties.forget_root(tx, THREAD, await now(tx))
    assert await of(store) is None


async def test_what_a_person_said_stays_whatever_the_root_says(store):
    await tie(store)
    async with store.write() as tx:
        await tx.execute(update(schema.ties).values(source=TieSource.SAID))
    await root_says(store, TieKind.NO_CASE)
    async with store.write() as tx:
        await ties.forget_root(tx, THREAD, await now(tx))
    found = await of(store)
    assert found is not None
    assert (found.kind, found.source) == (TieKind.TIED, TieSource.SAID)
    assert (found.org, found.case_id, found.named) == (CASE.org, CASE.case_id, ())
