"""Ties: what a root says is remembered, and a person's word beats it."""

from collections.abc import Awaitable, Callable

from sqlalchemy import update

from bot.model import CaseName, TieKind, TieSource
from bot.store import Store, now, schema, ties
from bot.store.transaction import JobKind
from tests.store.conftest import CASE, ELSEWHERE, THREAD, jobs_of, monitor, paste, run, tie

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


async def test_that_a_root_names_no_case_is_asked_again_after_a_day(store):
    await root(store, ties.set_from_root, TieKind.NO_CASE)
    await run(store, update(schema.ties).values(at=schema.ties.c.at - ties.ASK_AGAIN + 60))
    assert await effective(store) == (TieKind.NO_CASE, TieSource.ROOT, "", "", ())
    await run(store, update(schema.ties).values(at=schema.ties.c.at - 120))
    assert await effective(store) is None, "Datadog or the settings may know its case by now"
    await paste(store, monitor(1))
    assert await jobs_of(store, JobKind.THREAD) == ["T0ACME/C0INCIDENTS/1000.000100"]
