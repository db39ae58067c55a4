"""The comment that a thread has on a case: which one it is, and what is under way with it. Its text is never stored.

The law: a row stays for good, else the same thread would comment on the same case a second time.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, select

from bot.model import CardItem, NoteType, State, Thread, item_type
from bot.store.cards import Timing
from bot.store.conditions import AT_WORK, TYPES, place, this_case, this_thread
from bot.store.connection import Connection
from bot.store.dialects import server_now, upsert
from bot.store.jobs import case_key, enqueue, thread_key, thread_of
from bot.store.schema import insights, thread_comments
from bot.store.transaction import JobKind, Transaction
from bot.store.work_items import WorkItem, work_item


@dataclass(frozen=True, slots=True)
class ThreadComment:
    """One thread's comment on one case.

    `cell`: its id in Datadog; None: it is not there, "": it is, and its id was not told. `sent_ago`: seconds since a
    call left of which it is not known whether it arrived; large once that call has ended. `removing`: that call takes
    the comment off. `lost`: somebody deleted the comment, and it is not written again. `told_at`: it tells what had
    happened by then (epoch s).
    """

    org: str
    case_id: str
    thread: Thread
    cell: str | None = None
    sent_ago: float | None = None
    removing: bool = False
    lost: bool = False
    told_at: float = 0.0

    @property
    def case(self) -> tuple[str, str]:
        return self.org, self.case_id

    @property
    def values(self) -> dict[str, str]:
        """The values of `this_case` and `this_thread`."""
        return {**place(self.thread), "org": self.org, "case_id": self.case_id}


# Made once, see `jobs`.
_THIS = this_case(thread_comments) & this_thread(thread_comments)
_GET = select(thread_comments, (server_now() - thread_comments.c.sent_at).label("sent_ago")).where(_THIS)
_EVIDENCE = (
    select(insights, (server_now() - insights.c.sent_at).label("sent_ago"))
    .where(
        this_case(insights),
        insights.c.state.in_((State.ADDED, State.UNDONE, *AT_WORK)),
        insights.c.from_thread == bindparam("from_thread"),
    )
    .order_by(insights.c.confirmed_at, insights.c.id)
)


def of_key(key: str) -> ThreadComment:
    """What a job is for, as far as its key tells."""
    org, case_id, thread = key.split("/", 2)
    return ThreadComment(org, case_id, thread_of(thread))


async def changed(tx: Transaction, places: Collection[tuple[str, str, str | None]], timing: Timing) -> None:
    """Have these comments written anew after a while: by org, case and the key of a thread. Under `lock_case`."""
    if timing.comment is not None:
        for org, case_id, thread in sorted((org, case_id, thread) for org, case_id, thread in places if thread):
            await enqueue(tx, JobKind.COMMENT, f"{case_key(org, case_id)}/{thread}", after=timing.comment)


async def get(connection: Connection, wanted: ThreadComment) -> ThreadComment:
    """The comment of this thread and case as it is stored; as it was wanted where nothing is."""
    row = (await connection.execute(_GET, wanted.values)).one_or_none()
    if row is None:
        return wanted
    return replace(wanted, **{name: getattr(row, name) for name in ("cell", "sent_ago", "removing", "lost", "told_at")})


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the comment has to tell, as people confirmed it: what is on the case from its thread, and notes.

    `changes`: when something happened that it does not tell yet; `at_work`: the notes that it adds or takes off.
    """

    told: Sequence[CardItem]
    changes: Sequence[float]
    at_work: Sequence[WorkItem]


async def evidence(connection: Connection, comment: ThreadComment) -> Evidence:
    """What the comment has to tell, which changes it does not tell yet, and the notes that wait for it."""
    values = {**comment.values, "from_thread": thread_key(comment.thread)}
    rows = [row for row in await connection.execute(_EVIDENCE, values) if row.type in TYPES]
    at_work = [work_item(row) for row in rows if row.type == NoteType.NOTE and row.state in AT_WORK]
    waiting = {item.id for item in at_work}
    told = [
        CardItem(
            *(row.id, item_type(row.type), row.resource_id, row.ref, row.host, State.ADDED, 0, row.scope),
            by=row.by,
            at=row.at,
            confirmed_at=row.confirmed_at,
        )
        for row in rows
        if row.state == State.ADDED or (row.state == State.CONFIRMED and row.id in waiting)
    ]
    settled = [row for row in rows if row.type != NoteType.NOTE and row.state not in AT_WORK]
    changes = [row.at for row in settled if row.at > comment.told_at] + [item.row.at for item in at_work]
    return Evidence(told, changes, at_work)


async def write(tx: Transaction, comment: ThreadComment, values: Mapping[str, object]) -> None:
    """Store these columns of the comment's row. Under `lock_case`."""
    await upsert(tx, thread_comments, comment.values, values)
