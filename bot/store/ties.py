"""Ties: which case a thread is about, or that it is about none."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import Thread
from bot.store.engine import insert_into
from bot.store.schema import cases, ties


class TieKind(StrEnum):
    """`named`: the root names a case that Datadog has not confirmed yet; `several`: it names more than one."""

    NAMED = "named"
    TIED = "tied"
    NO_CASE = "no_case"
    SEVERAL = "several"
    NONE = "none"


class TieSource(StrEnum):
    """Who says so: a person beats the thread's root."""

    SAID = "said"
    ROOT = "root"


@dataclass(frozen=True, slots=True)
class CaseName:
    """A case as a link names it: by key or UUID, in one of our orgs."""

    org: str
    case: str


@dataclass(frozen=True, slots=True)
class Tie:
    """What is known of a thread. `org` and `case_id` are set when it is tied, `named` while it waits for Datadog."""

    kind: TieKind
    source: TieSource
    org: str
    case_id: str
    named: tuple[CaseName, ...]


async def of(connection: AsyncConnection, thread: Thread) -> Tie | None:
    """The thread's tie; None when nobody has looked yet."""
    row = (await connection.execute(select(ties).where(_is(thread)))).one_or_none()
    if row is None:
        return None
    named = tuple(CaseName(*name) for name in json.loads(row.named or "[]"))
    return Tie(TieKind(row.kind), TieSource(row.source), row.org or "", row.case_id or "", named)


async def name(tx: AsyncConnection, thread: Thread, named: Sequence[CaseName], at: float) -> None:
    """Write down what the root names; nothing changes where the thread's tie is known already."""
    row = insert_into(tx, ties).values(
        **_key(thread),
        kind=TieKind.NAMED,
        source=TieSource.ROOT,
        named=json.dumps([[each.org, each.case] for each in named]),
        at=at,
    )
    await tx.execute(row.on_conflict_do_nothing())


async def set_from_root(
    tx: AsyncConnection, thread: Thread, kind: TieKind, at: float, *, org: str = "", case_id: str = ""
) -> None:
    """What the root turned out to say. A tie that a person made stays."""
    said = {"kind": kind, "source": TieSource.ROOT, "org": org or None, "case_id": case_id or None}
    row = insert_into(tx, ties).values(**_key(thread), **said, named=None, at=at)
    await tx.execute(
        row.on_conflict_do_update(
            index_elements=[ties.c.workspace, ties.c.channel, ties.c.thread_ts],
            set_={**said, "named": None, "at": at},
            where=ties.c.source == TieSource.ROOT,
        )
    )


async def forget_root(tx: AsyncConnection, thread: Thread) -> None:
    """The root was edited: what was read off it counts no more."""
    await tx.execute(ties.delete().where(_is(thread), ties.c.source == TieSource.ROOT))


async def lock_case(tx: AsyncConnection, org: str, case_id: str) -> None:
    """Nobody else moves this case's insights or their cards until the transaction ends."""
    mine = and_(cases.c.org == org, cases.c.case_id == case_id)
    await tx.execute(select(cases.c.key).where(mine).with_for_update())


def _is(thread: Thread) -> ColumnElement[bool]:
    return and_(ties.c.workspace == thread.workspace, ties.c.channel == thread.channel, ties.c.thread_ts == thread.ts)


def _key(thread: Thread) -> dict[str, str]:
    return {"workspace": thread.workspace, "channel": thread.channel, "thread_ts": thread.ts}
