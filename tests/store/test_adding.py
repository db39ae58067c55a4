"""Adding on purpose: what is named is confirmed at once, as it is named, unless Datadog may know it otherwise."""

import pytest
from sqlalchemy import select, update

from bot.model import Insight, InsightType, State
from bot.store import Store, additions, schema
from bot.store.additions import Addition
from tests.store.conftest import CASE, REPLY, THREAD, column, run, states, write

MORE_EXACT = "/monitors/1?group=host"


pytestmark = pytest.mark.usefixtures("card")


async def add(store: Store, ref: str) -> int:
    insight = Insight(InsightType.MONITOR, "1", ref, "app.datadoghq.com")
    wanted = Addition(THREAD, CASE.org, CASE.case_id, [insight], "U0ANA", REPLY, None)
    return (await write(store, additions.add, wanted)).confirmed


async def ref_of(store: Store) -> str:
    [ref] = await column(store, select(schema.insights.c.ref))
    return ref


async def come_to(store: Store, state: State) -> None:
    """As if it had been sent to Datadog, and ended so."""
    await run(store, update(schema.insights).values(state=state, sent_at=1.0))


async def test_a_ref_that_was_edited_is_taken_along(store):
    assert await add(store, MORE_EXACT) == 1
    assert (await states(store), await ref_of(store)) == ({"1": State.CONFIRMED}, MORE_EXACT)


async def test_what_may_be_on_the_case_keeps_the_ref_that_it_would_be_taken_off_with(store):
    before = await ref_of(store)
    await come_to(store, State.FAILED)
    assert await add(store, MORE_EXACT) == 1
    assert (await states(store), await ref_of(store)) == ({"1": State.CONFIRMED}, before)


async def test_what_was_taken_off_comes_back_with_the_ref_that_is_named_now(store):
    await come_to(store, State.UNDONE)
    assert await add(store, MORE_EXACT) == 1
    assert await ref_of(store) == MORE_EXACT
