"""Adding on purpose: what is named is confirmed at once, as it is named, unless Datadog may know it otherwise."""

import pytest
from sqlalchemy import select, update

from bot.model import Insight, InsightType, State
from bot.services import additions
from bot.services.additions import Addition
from bot.store import Store, schema
from tests.store.conftest import CASE, REPLY, THREAD, column, monitor, paste, run, states, tie, write

MORE_EXACT = "/monitors/1?group=host"


@pytest.fixture(autouse=True)
async def offered(store: Store) -> None:
    """A card offers the monitor."""
    await tie(store)
    await paste(store, monitor(1))


async def add(store: Store, ref: str) -> int:
    insight = Insight(InsightType.MONITOR, "1", ref, "app.datadoghq.com")
    wanted = Addition(THREAD, CASE.org, CASE.case_id, [insight], "U0ANA", REPLY, None)
    return len((await write(store, additions.add, wanted)).confirmed)


async def ref_of(store: Store) -> str:
    [ref] = await column(store, select(schema.insights.c.ref))
    return ref


@pytest.mark.parametrize(
    ("ended", "ref"),
    [(None, MORE_EXACT), (State.FAILED, "/monitors/1"), (State.UNDONE, MORE_EXACT)],
    ids=["a ref that was edited", "what may be on the case", "what was taken off"],
)
async def test_a_ref_that_is_named_counts_but_what_may_be_on_the_case_keeps_what_takes_it_off(store, ended, ref):
    if ended:  # as if it had been sent to Datadog
        await run(store, update(schema.insights).values(state=ended, sent_at=1.0))
    assert await add(store, MORE_EXACT) == 1
    assert (await states(store), await ref_of(store)) == ({"1": State.CONFIRMED}, ref)
