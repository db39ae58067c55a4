"""What the Home tab tells of some channels: ties, modes, recent insights, and what failed."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.insights import Mode
from bot.model import InsightType, State, Thread, TieKind
from bot.store import Store, cards, jobs, now
from bot.store import ties as ties_of
from bot.store.jobs import JobKind, enqueue
from bot.store.schema import card_insights, insights, modes, ties
from bot.store.schema import cards as cards_table
from bot.store.schema import cases as cases_table

SHOWN = 10
"""Rows of each kind: Home is a page, not a list."""


@dataclass(frozen=True, slots=True)
class Tied:
    """A channel or thread that a person tied."""

    place: Thread
    case_key: str


@dataclass(frozen=True, slots=True)
class Recent:
    """An insight that moved lately. `note`: why it failed, in mrkdwn; `waits_for`: what for, in plain words."""

    type: InsightType
    resource_id: str
    state: State
    case_key: str
    note: str
    waits_for: str
    place: Thread
    card_ts: str


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it, for the channels that were asked about."""

    ties: tuple[Tied, ...]
    modes: tuple[tuple[Thread, Mode], ...]
    recent: tuple[Recent, ...]


async def overview(
    connection: AsyncConnection, workspace: str, channels: Collection[str], orgs: Collection[str]
) -> Overview:
    """Of these channels alone, and of cases of these organisations."""
    tied = await connection.execute(
        select(ties, cases_table.c.key)
        .join(cases_table, (cases_table.c.org == ties.c.org) & (cases_table.c.case_id == ties.c.case_id))
        .where(
            ties.c.workspace == workspace,
            ties.c.channel.in_(channels),
            ties.c.kind == TieKind.TIED,
            ties.c.org.in_(orgs),
        )
        .order_by((ties.c.thread_ts != ""), ties.c.at.desc())
        .limit(SHOWN)
    )
    set_modes = await connection.execute(
        select(modes)
        .where(modes.c.workspace == workspace, modes.c.channel.in_(channels), modes.c.mode != Mode.ASK)
        .order_by(modes.c.at.desc())
        .limit(SHOWN)
    )
    moved = await connection.execute(
        select(insights, cards_table.c.channel, cards_table.c.thread_ts, cards_table.c.ts, cases_table.c.key)
        .join(card_insights, card_insights.c.insight == insights.c.id)
        .join(cards_table, cards_table.c.id == card_insights.c.card)
        .join(cases_table, (cases_table.c.org == insights.c.org) & (cases_table.c.case_id == insights.c.case_id))
        .where(
            cards_table.c.workspace == workspace,
            cards_table.c.channel.in_(channels),
            insights.c.state.in_([State.CONFIRMED, State.ADDED, State.FAILED, State.UNDOING]),
            insights.c.org.in_(orgs),
        )
        .order_by((insights.c.state != State.FAILED), insights.c.at.desc())
        .limit(2 * SHOWN)
    )
    rows = list(moved)
    waits = {key: await _waits_for(connection, *key) for key in {(row.org, row.case_id) for row in rows if _waits(row)}}
    return Overview(
        tuple(Tied(Thread(workspace, row.channel, row.thread_ts), row.key) for row in tied),
        tuple((Thread(workspace, row.channel, row.thread_ts), Mode(row.mode)) for row in set_modes),
        tuple(
            Recent(
                InsightType(row.type),
                row.resource_id,
                State(row.state),
                row.key,
                row.note,
                waits.get((row.org, row.case_id), "") if _waits(row) else "",
                Thread(workspace, row.channel, row.thread_ts),
                row.ts or "",
            )
            for row in rows
        ),
    )


def _waits(row: Row[Any]) -> bool:
    return row.state in (State.CONFIRMED, State.UNDOING)


async def _waits_for(connection: AsyncConnection, org: str, case_id: str) -> str:
    note, _ = await jobs.waits_for(connection, JobKind.CASE, jobs.case_key(org, case_id))
    return note


async def retry_all(store: Store, workspace: str, channels: Collection[str], orgs: Collection[str], by: str) -> int:
    """Confirm anew what failed in these channels, for cases of these organisations; how many insights."""
    async with store.read() as connection:
        failed = await connection.execute(
            select(insights.c.org, insights.c.case_id, insights.c.id)
            .join(card_insights, card_insights.c.insight == insights.c.id)
            .join(cards_table, cards_table.c.id == card_insights.c.card)
            .where(
                cards_table.c.workspace == workspace,
                cards_table.c.channel.in_(channels),
                insights.c.state == State.FAILED,
                insights.c.org.in_(orgs),
            )
            .distinct()
        )
        by_case: dict[tuple[str, str], list[int]] = {}
        for row in failed:
            by_case.setdefault((row.org, row.case_id), []).append(row.id)
    retried = 0
    for (org, case_id), ids in sorted(by_case.items()):
        async with store.write() as tx:
            await ties_of.lock_case(tx, org, case_id)
            change = cards.Change(State.CONFIRMED, await now(tx), by=by)
            moved = await cards.move(tx, ids, change, was=State.FAILED)
            await cards.touch(tx, moved)
            if moved:
                await enqueue(tx, JobKind.CASE, jobs.case_key(org, case_id))
            retried += len(moved)
    return retried
