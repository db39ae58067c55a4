"""What the Home tab tells of some channels: ties, modes, recent insights, and what failed; and what `status` counts."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Row, String, bindparam, func, literal_column, select

from bot.insights import Mode
from bot.model import Identity, State, Thread
from bot.store import Store, cards, jobs, now, schema, ties
from bot.store.conditions import UNFINISHED, identity_of, in_place, in_states, same_case, thread_at
from bot.store.connection import Connection
from bot.store.jobs import enqueue
from bot.store.schema import card_insights, insights, modes, thread_comments
from bot.store.transaction import JobKind

SHOWN = 10
"""Rows of each kind: Home is a page, not a list."""
CANDIDATES = 300
"""How many of the newest insights that wait or failed, anywhere, are searched for those of the given channels."""


class CaseTitle(NamedTuple):
    org: str
    key: str
    title: str


@dataclass(frozen=True, slots=True)
class Recent:
    """An insight that moved lately, at `at`. `note`: why it failed, in mrkdwn; `waits_for`: in plain words."""

    identity: Identity
    state: State
    at: float
    case: CaseTitle
    note: str
    waits_for: str
    place: Thread
    card_ts: str


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it, for the channels that were asked about."""

    ties: tuple[tuple[Thread, CaseTitle], ...]
    modes: tuple[tuple[Thread, Mode], ...]
    recent: tuple[Recent, ...]
    lost: tuple[tuple[Thread, CaseTitle], ...]  # threads whose comment on their case somebody deleted


_OF_ORGS = bindparam("orgs", expanding=True, type_=String)
_CASE = (schema.cases.c.key, schema.cases.c.title)
_SHOWN = (
    select(
        insights, schema.cards.c.workspace, schema.cards.c.channel, schema.cards.c.thread_ts, schema.cards.c.ts, *_CASE
    )
    .join(card_insights, card_insights.c.insight == insights.c.id)
    .join(schema.cards, schema.cards.c.id == card_insights.c.card)
    .join(schema.cases, same_case(schema.cases, insights))
    .where(schema.cards.c.workspace == bindparam("workspace"), insights.c.org.in_(_OF_ORGS))
    .order_by((insights.c.state != State.FAILED), insights.c.at.desc())
)
# In two steps each: with everything in one statement, the planners begin with all cards that a channel ever had.
_UNFINISHED = (
    select(insights.c.id)
    .where(in_states(insights.c.state, UNFINISHED), insights.c.org.in_(_OF_ORGS))
    .order_by(insights.c.at.desc())
    .limit(CANDIDATES)
)
_UNFINISHED_HERE = _SHOWN.where(
    insights.c.id.in_(bindparam("ids", expanding=True)),
    schema.cards.c.channel.in_(bindparam("channels", expanding=True)),
).limit(2 * SHOWN)
_LATEST_CARDS = (
    select(schema.cards.c.id)
    .where(schema.cards.c.workspace == bindparam("workspace"), schema.cards.c.channel == bindparam("channel"))
    .order_by(schema.cards.c.first_link_at.desc())
    .limit(SHOWN)
)
_ADDED = _SHOWN.where(
    insights.c.state == State.ADDED, schema.cards.c.id.in_(bindparam("latest", expanding=True))
).limit(SHOWN)
_LATEST_TIES = (
    select(schema.ties, *_CASE)
    .join(schema.cases, same_case(schema.cases, schema.ties))
    .where(
        schema.ties.c.workspace == bindparam("workspace"),
        schema.ties.c.channel == bindparam("channel"),
        schema.ties.c.kind == literal_column("'tied'"),
        schema.ties.c.org.in_(_OF_ORGS),
    )
    .order_by(schema.ties.c.at.desc())
    .limit(SHOWN)
)
_LOST = (
    select(thread_comments, *_CASE)
    .join(schema.cases, same_case(schema.cases, thread_comments))
    .where(
        thread_comments.c.lost,
        thread_comments.c.workspace == bindparam("workspace"),
        thread_comments.c.channel.in_(bindparam("channels", expanding=True)),
        thread_comments.c.org.in_(_OF_ORGS),
    )
    .order_by(thread_comments.c.told_at.desc())
    .limit(SHOWN)
)


async def read(connection: Connection, workspace: str, channels: Collection[str], orgs: Collection[str]) -> Overview:
    """The overview of these channels, with cases of these organisations only."""
    here = {"workspace": workspace, "orgs": orgs}
    tied: list[Row[Any]] = []
    latest: list[str] = []
    for channel in sorted(channels):  # only the newest of each channel: reading all would take longer with each day
        tied += await connection.execute(_LATEST_TIES, {**here, "channel": channel})
        found = await connection.execute(_LATEST_CARDS, {"workspace": workspace, "channel": channel})
        latest += found.scalars()
    tied.sort(key=lambda row: (row.thread_ts != "", -row.at))
    set_modes = await connection.execute(
        select(modes)
        .where(modes.c.workspace == workspace, modes.c.channel.in_(channels), modes.c.mode != Mode.ASK)
        .order_by(modes.c.at.desc())
        .limit(SHOWN)
    )
    unfinished = (await connection.execute(_UNFINISHED, {"orgs": orgs})).scalars()
    rows = [
        *await connection.execute(_UNFINISHED_HERE, {**here, "ids": unfinished, "channels": channels}),
        *await connection.execute(_ADDED, {**here, "latest": latest}),
    ]
    waits: dict[tuple[str, str], str] = {}
    for org, case_id in {(row.org, row.case_id) for row in rows if State(row.state).is_at_work}:
        waits[org, case_id], _ = await jobs.waits_for(connection, JobKind.CASE, jobs.case_key(org, case_id))
    lost = await connection.execute(_LOST, {**here, "channels": channels})
    return Overview(
        tuple((thread_at(row), _title(row)) for row in tied[:SHOWN]),
        tuple((thread_at(row), Mode(row.mode)) for row in set_modes),
        tuple(_recent(row, waits.get((row.org, row.case_id), "")) for row in rows),
        tuple((thread_at(row), _title(row)) for row in lost),
    )


def _title(row: Row[Any]) -> CaseTitle:
    return CaseTitle(row.org, row.key, row.title)


def _recent(row: Row[Any], waits_for: str) -> Recent:
    state = State(row.state)
    waits_for = waits_for if state.is_at_work else ""
    return Recent(identity_of(row), state, row.at, _title(row), row.note, waits_for, thread_at(row), row.ts or "")


async def retry_all(store: Store, workspace: str, channels: Collection[str], orgs: Collection[str], by: str) -> int:
    """Confirm anew what failed in these channels, for cases of these organisations; returns how many insights."""
    async with store.read() as connection:
        failed = await connection.execute(
            select(insights.c.org, insights.c.case_id, insights.c.id)
            .join(card_insights, card_insights.c.insight == insights.c.id)
            .join(schema.cards, schema.cards.c.id == card_insights.c.card)
            .where(
                schema.cards.c.workspace == workspace,
                schema.cards.c.channel.in_(channels),
                in_states(insights.c.state, UNFINISHED),
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
            await ties.lock_case(tx, org, case_id)
            change = cards.Change(State.CONFIRMED, await now(tx), by=by)
            moved = await cards.move(tx, ids, change, was=State.FAILED)
            await cards.touch(tx, moved)
            if moved:
                await enqueue(tx, JobKind.CASE, jobs.case_key(org, case_id))
            retried += len(moved)
    return retried


async def counts(connection: Connection, place: Thread) -> dict[State, int]:
    """How many insights on the cards of a thread, or of a whole channel, are in each state; of 1,001 at most."""
    some = (
        select(insights.c.id, insights.c.state)
        .join(card_insights, card_insights.c.insight == insights.c.id)
        .join(schema.cards, schema.cards.c.id == card_insights.c.card)
        .where(in_place(schema.cards, place))
        .distinct()
        .limit(1_001)  # nobody needs the exact number of a busy channel
        .subquery()
    )
    rows = await connection.execute(select(some.c.state, func.count()).group_by(some.c.state))
    by_state = {State(state): int(count) for state, count in rows}
    return {state: by_state[state] for state in State if state in by_state}
