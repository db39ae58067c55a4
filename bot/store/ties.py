"""Ties: which case a thread or a whole channel is about, or that it is about none.

The law: what a person said for the thread (including "none") beats the thread's root, which beats the channel.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, bindparam, case, literal, select, update

from bot.model import CaseName, Thread, Tie, TieKind, TieSource
from bot.store.conditions import in_thread, place, this_case, this_channel
from bot.store.connection import Connection
from bot.store.dialects import server_now, upsert
from bot.store.schema import cases, ties
from bot.store.transaction import Transaction

ASK_AGAIN = 86_400.0
"""Seconds after which a root without a case is looked up again: Datadog or the settings may know its case by then."""

# Made once, see `jobs`.
_OF = select(ties, (server_now() - ties.c.at).label("ago")).where(
    this_channel(ties), ties.c.thread_ts.in_([literal(""), bindparam("thread_ts")])
)
_LOCK = select(cases.c.key).where(this_case(cases)).with_for_update()


async def of(connection: Connection, thread: Thread, *, bare_root: bool = False) -> Tie | None:
    """The tie in effect; None when nobody has looked at the thread's root yet. For a whole channel: the channel's.

    `bare_root`: the caller has seen the root, and it names no case: where nothing is known, the channel's tie counts.
    """
    found = await connection.execute(_OF, place(thread))
    rows = {row.thread_ts: _tie(row) for row in found if row.kind != TieKind.NO_CASE or row.ago < ASK_AGAIN}
    own, channel = rows.get(thread.ts), rows.get("")
    if not thread.ts:
        return channel
    tied = replace(channel, source=TieSource.CHANNEL) if channel and channel.kind is TieKind.TIED else None
    if own is None or own.kind is TieKind.UNREAD:
        return tied if bare_root else None
    return tied if own.kind is TieKind.NO_CASE and tied else own


async def own(connection: Connection, thread: Thread) -> Tie | None:
    """What is stored for this thread itself, whatever its channel is tied to."""
    row = (await connection.execute(select(ties).where(in_thread(ties, thread)))).one_or_none()
    return None if row is None else _tie(row)


async def name(tx: Transaction, thread: Thread, names: Sequence[CaseName], at: float, by: str | None = None) -> None:
    """Remember the cases that the root names, and its author, unless the thread's tie is known already."""
    values = {"kind": TieKind.NAMED, "source": TieSource.ROOT, "named": _json(names), "by": by, "at": at}
    await upsert(tx, ties, place(thread), values, where=ties.c.kind == TieKind.UNREAD)


async def reply_names(
    tx: Transaction, thread: Thread, names: Sequence[CaseName], at: float, by: str | None = None
) -> None:
    """Remember the cases that a reply names, and its author, unless another reply named some before."""
    values = {"kind": TieKind.UNREAD, "source": TieSource.ROOT, "at": at, "replied": _json(names), "by": by}
    author = case((ties.c.kind == TieKind.NAMED, ties.c.by), else_=by)  # the root's, where that names cases, too
    replied = {"replied": values["replied"], "by": author}
    await upsert(tx, ties, place(thread), values, changes=replied, where=ties.c.replied.is_(None))


async def asked(tx: Transaction, thread: Thread) -> None:
    """Forget the cases that replies name: people were asked about them, or will not be."""
    await tx.execute(update(ties).where(in_thread(ties, thread)).values(replied=None))


async def set_from_root(
    tx: Transaction,
    thread: Thread,
    kind: TieKind,
    at: float,
    *,
    org: str = "",
    case_id: str = "",
    by: str | None = None,
    unknown: Sequence[CaseName] = (),
) -> None:
    """Store what the root says, now that it is looked up; a tie that a person made stays.

    `by`: who named the case, or a reply's cases; None: nobody, or an app did. `unknown`: what Datadog does not know.
    """
    named = _json(unknown) if unknown else None
    values = {"kind": kind, "source": TieSource.ROOT, "org": org or None, "case_id": case_id or None, "named": named}
    await upsert(tx, ties, place(thread), {**values, "by": by, "at": at}, where=ties.c.source == TieSource.ROOT)


async def say(
    tx: Transaction, thread: Thread, kind: TieKind, by: str, at: float, *, org: str = "", case_id: str = ""
) -> None:
    """Store what a person said of a thread or a whole channel; see `tie_changes` for what follows from it."""
    values = {"kind": kind, "source": TieSource.SAID, "org": org or None, "case_id": case_id or None}
    await upsert(tx, ties, place(thread), {**values, "named": None, "replied": None, "by": by, "at": at})


async def unsay(tx: Transaction, thread: Thread, at: float) -> None:
    """Forget what a person said of a thread: its root is read again, and counts."""
    nothing = dict.fromkeys(("org", "case_id", "named", "replied", "by"))
    await upsert(tx, ties, place(thread), {**nothing, "kind": TieKind.UNREAD, "source": TieSource.ROOT, "at": at})


async def forget_root(tx: Transaction, thread: Thread, at: float) -> None:
    """Forget what the root said before an edit; a look-up of it that is under way does not count, either."""
    await set_from_root(tx, thread, TieKind.UNREAD, at)


async def lock_case(tx: Transaction, org: str, case_id: str) -> None:
    """Lock a case: nobody else moves its insights or changes their cards until the transaction ends."""
    await tx.execute(_LOCK, {"org": org, "case_id": case_id})


async def lock_tied(tx: Transaction, thread: Thread, tie: Tie) -> bool:
    """Lock the case of a thread's tie; False: somebody changed the tie before the lock was ours."""
    await lock_case(tx, tie.org, tie.case_id)
    return await of(tx, thread) == tie


def _tie(row: Row[Any]) -> Tie:
    named = {"named": _names(row.named), "replied": _names(row.replied)}
    return Tie(
        TieKind(row.kind), TieSource(row.source), row.org or "", row.case_id or "", **named, by=row.by, at=row.at
    )


def _json(names: Sequence[CaseName]) -> str:
    return json.dumps([[name.org, name.case] for name in names])


def _names(names: str | None) -> tuple[CaseName, ...]:
    return tuple(CaseName(*name) for name in json.loads(names)) if names else ()
