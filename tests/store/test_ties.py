"""Ties: what a root says is remembered, and a person's word beats it."""

from collections.abc import Awaitable, Callable

from sqlalchemy import update

from bot.model import CaseName, TieKind, TieSource
from bot.store import Store, now, schema, ties
from tests.store.conftest import CASE, ELSEWHERE, THREAD, run, tie

NAMES = (CaseName("default", "CASEM-4523"), CaseName("default", CASE.case_id))
TIED = (TieKind.TIED, TieSource.ROOT, CASE.org, CASE.case_id, ())


async def effective(store: Store) -> tuple[object, ...] | None:
    async with store.read() as connection:
        tie = await ties.of(connection, THREAD)
    return None if tie is None else (tie.kind, tie.source, tie.org, tie.case_id, tie.named)


async def root(store: Store, change: Callable[..., Awaitable[object]], *what: object) -> None:
    """What becomes of the tie by the root, now."""
    async with store.write() as tx:
        await change(tx, THREAD, *what, await now(tx))


async def test_what_a_root_names_waits_for_datadog_until_a_tie_replaces_it(store):
    await tie(store, ELSEWHERE)
    assert await effective(store) is None, "nobody looked at this thread"
    await root(store, ties.name, NAMES)
    assert await effective(store) == (TieKind.NAMED, TieSource.ROOT, "", "", NAMES)
    await tie(store)
    assert await effective(store) == TIED
    await root(store, ties.name, NAMES)
    assert await effective(store) == TIED, "a tie that is known stays"


async def test_no_case_is_remembered_until_the_root_is_edited(store):
    await root(store, ties.set_from_root, TieKind.NO_CASE)
    assert await effective(store) == (TieKind.NO_CASE, TieSource.ROOT, "", "", ())
    await root(store, ties.forget_root)
    assert await effective(store) is None


async def test_what_a_person_said_stays_whatever_the_root_says(store, tied):
    await run(store, update(schema.ties).values(source=TieSource.SAID))
    await root(store, ties.set_from_root, TieKind.NO_CASE)
    await root(store, ties.forget_root)
    assert await effective(store) == (TieKind.TIED, TieSource.SAID, CASE.org, CASE.case_id, ())
