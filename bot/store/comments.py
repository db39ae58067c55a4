"""Comments: links that no insight covers, for a case. One call each, never repeated: Datadog would keep both."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import Case, Thread
from bot.store import now
from bot.store.jobs import JobKind, case_key, enqueue
from bot.store.schema import comments


class CommentState(StrEnum):
    """`sent`: the call may have arrived; one that is found so by a new claim is `unknown` for good."""

    ASKED = "asked"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment; `thread` is where the person who wants it (`by`) is told of it."""

    id: int
    thread: Thread
    text: str
    state: CommentState
    by: str


# Made once, see `jobs`.
_WAITING = (
    select(comments)
    .where(
        comments.c.org == bindparam("org"),
        comments.c.case_id == bindparam("case_id"),
        comments.c.state.in_([CommentState.ASKED, CommentState.SENT]),
    )
    .order_by(comments.c.id)
    .limit(1)
)


async def ask(tx: AsyncConnection, case: Case, thread: Thread, text: str, by: str) -> None:
    """Have this said on the case. Under `lock_case`."""
    await tx.execute(
        insert(comments).values(
            org=case.org,
            case_id=case.case_id,
            workspace=thread.workspace,
            channel=thread.channel,
            thread_ts=thread.ts,
            refs=text,
            state=CommentState.ASKED,
            by=by,
            at=await now(tx),
        )
    )
    await enqueue(tx, JobKind.CASE, case_key(case.org, case.case_id))


async def waiting(connection: AsyncConnection, org: str, case_id: str) -> Comment | None:
    """The case's oldest comment that is not settled."""
    row = (await connection.execute(_WAITING, {"org": org, "case_id": case_id})).one_or_none()
    if row is None:
        return None
    thread = Thread(row.workspace, row.channel, row.thread_ts)
    return Comment(row.id, thread, row.refs, CommentState(row.state), row.by)


async def settle(tx: AsyncConnection, comment: Comment, state: CommentState) -> None:
    """What became of it; nothing that it said is kept once it is over."""
    over = {} if state in (CommentState.ASKED, CommentState.SENT) else {"refs": ""}
    await tx.execute(update(comments).where(comments.c.id == comment.id).values(state=state, **over))
