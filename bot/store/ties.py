"""Ties: which case a thread or a whole channel is about, or that it is about none.

The law: what a person said for the thread (including "none") beats the thread's root, which beats the channel.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import CaseName, Thread, Tie, TieKind, TieSource
from bot.store import Store
from bot.store.engine import insert_into
from bot.store.schema import cases, ties


async def of(connection: AsyncConnection, thread: Thread, *, bare_root: bool = False) -> Tie | None:
    """The tie in effect; None when nobody has looked at the thread's root yet. For a whole channel: the channel's.

    `bare_root`: who asks sees the root, and it names no case, so where nothing is known the channel's tie counts.
    """
    return _in_effect(await connection.execute(_OF, _key(thread)), thread, bare_root)


async def at_once(store: Store, thread: Thread, *, bare_root: bool = False) -> Tie | None:
    """The same, asked with every message that brings a link."""
    async with store.read() as connection:
        return _in_effect(await connection.execute(_OF, _key(thread)), thread, bare_root)


def _in_effect(found: Iterable[Any], thread: Thread, bare_root: bool) -> Tie | None:
    rows = {row.thread_ts: _tie(row) for row in found}
    own, channel = rows.get(thread.ts), rows.get("")
    tied = channel if channel is not None and channel.kind is TieKind.TIED else None
    if not thread.ts:
        return channel
    if own is None or own.kind is TieKind.UNREAD:
        return of_channel(tied) if bare_root and tied else None
    return of_channel(tied) if own.kind is TieKind.NO_CASE and tied else own


def of_channel(tie: Tie) -> Tie:
    """A channel's tie as it is in effect for one of its threads."""
    return replace(tie, source=TieSource.CHANNEL)


async def own(connection: AsyncConnection, thread: Thread) -> Tie | None:
    """What is written down of this thread itself, whatever its channel is tied to."""
    row = (await connection.execute(select(ties).where(_is(thread)))).one_or_none()
    return None if row is None else _tie(row)


async def name(tx: AsyncConnection, thread: Thread, named: Sequence[CaseName], at: float) -> None:
    """Write down what the root names; nothing changes where the thread's tie is known already."""
    said = {"kind": TieKind.NAMED, "source": TieSource.ROOT, "named": _listed(named), "at": at}
    row = insert_into(tx, ties).values(**_key(thread), **said)
    await tx.execute(row.on_conflict_do_update(index_elements=_KEY, set_=said, where=ties.c.kind == TieKind.UNREAD))


async def reply_names(tx: AsyncConnection, thread: Thread, named: Sequence[CaseName], at: float) -> None:
    """Write down that a reply names cases; what another named before stays."""
    row = insert_into(tx, ties).values(
        **_key(thread), kind=TieKind.UNREAD, source=TieSource.ROOT, replied=_listed(named), at=at
    )
    await tx.execute(
        row.on_conflict_do_update(index_elements=_KEY, set_={"replied": _listed(named)}, where=ties.c.replied.is_(None))
    )


async def asked(tx: AsyncConnection, thread: Thread) -> None:
    """Whoever replied with a case was asked about it, or will not be."""
    await tx.execute(update(ties).where(_is(thread)).values(replied=None))


async def set_from_root(
    tx: AsyncConnection, thread: Thread, kind: TieKind, at: float, *, org: str = "", case_id: str = ""
) -> None:
    """What the root turned out to say. A tie that a person made stays."""
    said = {"kind": kind, "source": TieSource.ROOT, "org": org or None, "case_id": case_id or None}
    row = insert_into(tx, ties).values(**_key(thread), **said, named=None, at=at)
    await tx.execute(
        row.on_conflict_do_update(
            index_elements=_KEY,
            set_={**said, "named": None, "at": at},
            where=ties.c.source == TieSource.ROOT,
        )
    )


async def say(
    tx: AsyncConnection, place: Thread, kind: TieKind, by: str, at: float, *, org: str = "", case_id: str = ""
) -> None:
    """What a person said of a thread or a whole channel; see `tying` for all that follows from it."""
    said = {
        "kind": kind,
        "source": TieSource.SAID,
        "org": org or None,
        "case_id": case_id or None,
        "named": None,
        "replied": None,
        "by": by,
        "at": at,
    }
    row = insert_into(tx, ties).values(**_key(place), **said)
    await tx.execute(row.on_conflict_do_update(index_elements=_KEY, set_=said))


async def forget_root(tx: AsyncConnection, thread: Thread, at: float) -> None:
    """The root was edited: what was read off it counts no more, nor what somebody is reading off it just now."""
    unread = {"kind": TieKind.UNREAD, "source": TieSource.ROOT, "org": None, "case_id": None, "named": None, "at": at}
    row = insert_into(tx, ties).values(**_key(thread), **unread)
    await tx.execute(row.on_conflict_do_update(index_elements=_KEY, set_=unread, where=ties.c.source == TieSource.ROOT))


async def lock_case(tx: AsyncConnection, org: str, case_id: str) -> None:
    """Nobody else moves this case's insights or their cards until the transaction ends."""
    await tx.execute(_LOCK, {"org": org, "case_id": case_id})


_OF = select(ties).where(
    ties.c.workspace == bindparam("workspace"),
    ties.c.channel == bindparam("channel"),
    ties.c.thread_ts.in_([literal(""), bindparam("thread_ts")]),
)
_LOCK = (
    select(cases.c.key)
    .where(cases.c.org == bindparam("org"), cases.c.case_id == bindparam("case_id"))
    .with_for_update()
)
_KEY = [ties.c.workspace, ties.c.channel, ties.c.thread_ts]


def _tie(row: Row[Any]) -> Tie:
    return Tie(
        kind=TieKind(row.kind),
        source=TieSource(row.source),
        org=row.org or "",
        case_id=row.case_id or "",
        named=_names(row.named),
        replied=_names(row.replied),
        by=row.by,
        at=row.at,
    )


def _listed(named: Sequence[CaseName]) -> str:
    return json.dumps([[each.org, each.case] for each in named])


def _names(listed: str | None) -> tuple[CaseName, ...]:
    return tuple(CaseName(*each) for each in json.loads(listed or "[]"))


def _is(thread: Thread) -> ColumnElement[bool]:
    return and_(ties.c.workspace == thread.workspace, ties.c.channel == thread.channel, ties.c.thread_ts == thread.ts)


def _key(thread: Thread) -> dict[str, str]:
    return {"workspace": thread.workspace, "channel": thread.channel, "thread_ts": thread.ts}
