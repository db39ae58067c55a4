"""The audit: who moved which insight when; each move adds its line in the same transaction."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from bot.store import Store
from bot.store.conditions import same_case
from bot.store.schema import cases, insights, transitions

PAGE = 1000

_PAGE = (
    select(transitions, insights.c.type, insights.c.resource_id, insights.c.case_id, cases.c.key)
    .join(insights, insights.c.id == transitions.c.insight)
    .outerjoin(cases, same_case(cases, insights))
    .where(transitions.c.at >= bindparam("since"), transitions.c.id > bindparam("last"))
    .order_by(transitions.c.id)
    .limit(PAGE)
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One move. `at` in epoch s; `by` a Slack user id, None for the bot; `message` is workspace/channel/ts."""

    at: float
    case: str
    type: str
    resource_id: str
    old: str | None
    new: str
    by: str | None
    message: str | None
    note: str


async def entries(store: Store, since: float) -> AsyncGenerator[Entry]:
    """Every move since then, oldest first."""
    async with store.read() as connection:
        first = (
            await connection.execute(select(func.min(transitions.c.id)).where(transitions.c.at >= since))
        ).scalar_one()
    last = (first or 0) - 1
    while True:
        async with store.read() as connection:
            rows = await connection.execute(_PAGE, {"since": since, "last": last})
        for row in rows:
            case = row.key or row.case_id
            yield Entry(row.at, case, row.type, row.resource_id, row.old, row.new, row.by, row.message, row.note)
        if len(rows) < PAGE:
            return
        last = rows[-1].id
