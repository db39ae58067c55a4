"""What people want on a case or off it, as a job takes it up."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from bot.model import Identity, NoteType, State
from bot.store.conditions import TYPES, identity_of


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One insight that is to be put on its case, or taken off; or a note, of the comment there.

    `identity` raises ValueError where the row's type is none of `TYPES`. `sent_ago`: seconds since it was sent to
    Datadog, where it may have arrived; large once that call has ended; None: it was not sent.
    """

    id: int
    row: Row[Any]
    ref: str
    state: State
    sent_ago: float | None
    confirmed_at: float

    @property
    def is_known(self) -> bool:
        return self.row.type in TYPES

    @property
    def is_note(self) -> bool:
        return self.row.type == NoteType.NOTE

    @property
    def identity(self) -> Identity:
        return identity_of(self.row)

    @property
    def sent(self) -> bool:
        return self.sent_ago is not None


def work_item(row: Row[Any]) -> WorkItem:
    """A row of `insights`, with how long ago it was sent."""
    return WorkItem(row.id, row, row.ref, State(row.state), row.sent_ago, row.confirmed_at or row.at)
