"""Comments: links of no insight type, for a case. One call each, never repeated: Datadog would keep both."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import insert, select, update

from bot.model import Case, Thread
from bot.store import now
from bot.store.conditions import place, this_case
from bot.store.connection import Connection
from bot.store.jobs import case_key, enqueue
from bot.store.schema import comments
from bot.store.transaction import JobKind, Transaction


class CommentState(StrEnum):
    """`sent`: the call may have arrived; a turn that finds a comment in this state makes it `unknown` for good."""

    ASKED = "asked"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


OPEN = (CommentState.ASKED, CommentState.SENT)


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment; `thread` is where the person who wants it (`by`) learns what became of it."""

    id: int
    thread: Thread
    text: str
    state: CommentState
    by: str


# Made once, see `jobs`.
_WAITING = select(comments).where(this_case(comments), comments.c.state.in_(OPEN)).order_by(comments.c.id).limit(1)


async def ask(tx: Transaction, case: Case, thread: Thread, text: str, by: str) -> None:
    """Queue this text as a comment on the case. Under `lock_case`."""
    row = {"org": case.org, "case_id": case.case_id, "refs": text, "state": CommentState.ASKED, "by": by}
    await tx.execute(insert(comments).values(**place(thread), **row, at=await now(tx)))
    await enqueue(tx, JobKind.CASE, case_key(case.org, case.case_id))


async def waiting(connection: Connection, org: str, case_id: str) -> Comment | None:
    """The case's oldest comment that is not settled."""
    row = (await connection.execute(_WAITING, {"org": org, "case_id": case_id})).one_or_none()
    if row is None:
        return None
    thread = Thread(row.workspace, row.channel, row.thread_ts)
    return Comment(row.id, thread, row.refs, CommentState(row.state), row.by)


async def settle(tx: Transaction, comment: Comment, state: CommentState) -> None:
    """Store what became of a comment; its text is deleted once nothing is left to do."""
    over = {} if state in OPEN else {"refs": ""}
    await tx.execute(update(comments).where(comments.c.id == comment.id).values(state=state, **over))
