"""Cases that people want created: what they filled in, and what became of it.

The law: `sent_at` is committed before the one call is made, and what was typed is deleted once nothing is left to do.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select, update

from bot.model import Thread
from bot.store import now
from bot.store.conditions import place, thread_at
from bot.store.connection import Connection
from bot.store.dialects import insert_on, server_now
from bot.store.jobs import enqueue
from bot.store.schema import creations
from bot.store.transaction import JobKind, Transaction


class CreationState(StrEnum):
    """`asked`: to be created; `unknown`: it may have been. Until `done`, somebody has to be told what became of it."""

    ASKED = "asked"
    CREATED = "created"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Creation:
    """What a person (`by`) filled in, and how far it is. `marker`: 32 hex digits of the form; `thread`: or a channel.

    `sent_ago`: seconds since a call left that may have arrived; `note`: why the case was not created, a sentence;
    `posting_since`: when what became of it was posted, where Slack has not answered yet (epoch s).
    """

    marker: str
    thread: Thread
    org: str
    by: str
    title: str
    type_id: str
    project_id: str
    priority: str
    description: str
    state: CreationState = CreationState.ASKED
    note: str = ""
    sent_ago: float | None = None
    case_id: str | None = None
    posting_since: float | None = None

    @property
    def key(self) -> str:
        """The key of its job."""
        return f"{self.org}/{self.marker}"


_NAMES = ("marker", "org", "by", "title", "type_id", "project_id", "priority", "description", "note", "case_id")
"""Of fields that are as in the table."""


async def ask(tx: Transaction, creation: Creation) -> bool:
    """Have this case created; False: it was asked for before, because Slack may send a form more than once."""
    row = {name: getattr(creation, name) for name in _NAMES}
    row |= {**place(creation.thread), "state": creation.state, "at": await now(tx)}
    new = insert_on(tx.dialect.name, creations).values(**row).on_conflict_do_nothing()
    if (await tx.execute(new.returning(creations.c.marker))).first() is None:
        return False
    await enqueue(tx, JobKind.CREATE, creation.key)
    return True


async def get(connection: Connection, key: str) -> Creation | None:
    """What the job with this key is for."""
    ago = (server_now() - creations.c.sent_at).label("sent_ago")
    wanted = select(creations, ago).where(creations.c.marker == key.rpartition("/")[2])
    row = (await connection.execute(wanted)).one_or_none()
    if row is None:
        return None
    values = {name: getattr(row, name) for name in (*_NAMES, "sent_ago", "posting_since")}
    return Creation(thread=thread_at(row), state=CreationState(row.state), **values)


async def write(tx: Transaction, creation: Creation, **values: object) -> None:
    """Store these columns of its row."""
    await tx.execute(update(creations).where(creations.c.marker == creation.marker).values(**values))


async def settle(tx: Transaction, creation: Creation, state: CreationState, **values: object) -> None:
    """Store what became of it."""
    over = {"title": "", "description": "", "note": ""} if state is CreationState.DONE else {}
    await write(tx, creation, state=state, **over, **values)
