"""Scans: threads whose earlier messages the thread's job reads, one page at a time."""

from dataclasses import asdict, dataclass

from sqlalchemy import delete, select, update

from bot.model import Thread
from bot.store.conditions import in_thread, place
from bot.store.connection import Connection
from bot.store.dialects import upsert
from bot.store.jobs import enqueue, thread_key
from bot.store.schema import scans
from bot.store.transaction import JobKind, Transaction


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """A scan under way. `cursor`: Slack's, of the next page; `left`: how many messages it may still read.

    `read` and `new`: the messages so far, and the new links in them; `by`: who gets the result, if anybody.
    """

    by: str | None
    cursor: str
    left: int
    read: int
    new: int


async def waiting(connection: Connection, thread: Thread) -> ScanProgress | None:
    """The thread's scan that is not finished."""
    row = (await connection.execute(select(scans).where(in_thread(scans, thread)))).one_or_none()
    return None if row is None else ScanProgress(row.by, row.cursor, row.left, row.read, row.new)


async def proceed(tx: Transaction, thread: Thread, scan: ScanProgress) -> None:
    """Store how far the scan is, after a page was read."""
    await tx.execute(update(scans).where(in_thread(scans, thread)).values(**asdict(scan)))


async def finish(tx: Transaction, thread: Thread) -> None:
    """End the scan: all of it was read."""
    await tx.execute(delete(scans).where(in_thread(scans, thread)))


async def ask(tx: Transaction, thread: Thread, by: str | None, most: int, at: float) -> None:
    """Have up to `most` messages of this thread read; a scan that is under way starts again.

    `by`: who gets the result. Locks the thread's job, so call it before any case is locked.
    """
    await enqueue(tx, JobKind.THREAD, thread_key(thread))
    await upsert(tx, scans, place(thread), {**asdict(ScanProgress(by, "", most, 0, 0)), "at": at})
