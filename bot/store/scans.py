"""Scans: threads whose earlier messages are to be read, a page at a time, by the thread's job."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import Thread
from bot.store.engine import insert_into
from bot.store.jobs import JobKind, enqueue, thread_key
from bot.store.schema import scans


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """A scan under way. `cursor`: Slack's, of the next page; `left`: how many messages it may still read.

    `read` and `new`: messages so far, and links among them that were not seen before; `by`: who is told at the end.
    """

    by: str | None
    cursor: str
    left: int
    read: int
    new: int


async def waiting(connection: AsyncConnection, thread: Thread) -> ScanProgress | None:
    """The thread's scan that is not at its end yet."""
    row = (await connection.execute(select(scans).where(_is(thread)))).one_or_none()
    return None if row is None else ScanProgress(row.by, row.cursor, row.left, row.read, row.new)


async def proceed(tx: AsyncConnection, thread: Thread, scan: ScanProgress) -> None:
    """A page was read: `scan` is how far it is now."""
    values = {"cursor": scan.cursor, "left": scan.left, "read": scan.read, "new": scan.new}
    await tx.execute(update(scans).where(_is(thread)).values(**values))


async def finish(tx: AsyncConnection, thread: Thread) -> None:
    """All of it was read."""
    await tx.execute(delete(scans).where(_is(thread)))


async def ask(tx: AsyncConnection, thread: Thread, by: str | None, most: int, at: float) -> None:
    """Have up to `most` messages of this thread read; one that is under way begins anew.

    `by`: who is told what was found. The thread's job is locked until the transaction ends, before any case is.
    """
    await enqueue(tx, JobKind.THREAD, thread_key(thread))
    asked = {"by": by, "cursor": "", "left": most, "read": 0, "new": 0, "at": at}
    row = insert_into(tx, scans).values(
        workspace=thread.workspace, channel=thread.channel, thread_ts=thread.ts, **asked
    )
    key = [scans.c.workspace, scans.c.channel, scans.c.thread_ts]
    await tx.execute(row.on_conflict_do_update(index_elements=key, set_=asked))


def _is(thread: Thread) -> ColumnElement[bool]:
    return and_(
        scans.c.workspace == thread.workspace, scans.c.channel == thread.channel, scans.c.thread_ts == thread.ts
    )
