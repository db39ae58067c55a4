"""A transaction, and the jobs that this process takes in it, which start once it is committed."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from bot.store.connection import Connection


class JobKind(StrEnum):
    """What a job's holder does: find out a thread's case, show a card, bring insights to a case, comment on it, or
    create one.
    """

    THREAD = "thread"
    CARD = "card"
    CASE = "case"
    COMMENT = "comment"
    CREATE = "create"


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job. `token` fences every later write; `enqueued`: how often it had been enqueued by then.

    `failing_for`: seconds since the first failure in a row; 0: the last turn did not fail. `leaving`: the insights that
    are marked as sent, or the card as posted, by the very transaction that took the job.
    """

    id: int
    kind: JobKind
    key: str
    token: str
    enqueued: int
    attempts: int
    failing_for: float
    batch_size: int
    refused: int
    leaving: frozenset[int | str] = field(default=frozenset[int | str]())


class Taker(Protocol):
    """Who works on jobs in this process. `lease`: seconds for which a job is taken."""

    lease: float

    def can_start(self, kind: JobKind, key: str) -> bool:
        """Whether a job could be done now: what it needs is not known to be down."""
        ...

    def reserve(self, kind: JobKind, most: int = 1) -> int:
        """Keep places for jobs of this kind, up to `most`; returns how many were free."""
        ...

    def give_back(self, kind: JobKind, places: int = 1) -> None:
        """Places that were reserved are not needed."""

    def start(self, job: Job) -> None:
        """Work on a job that is this process's now, in a place reserved for it."""

    def look_in(self, seconds: float) -> None:
        """In so many seconds some job is due that nobody has taken."""


class Transaction(Connection):
    """A connection within a transaction.

    `taken`: the jobs that are this process's once it is committed; `due_in`: seconds until the first of the jobs that
    it enqueued and did not take is due.
    """

    def __init__(self, connection: Connection, taker: Taker | None) -> None:
        super().__init__(connection.raw, connection.plans)
        self.run, self._connection = connection.run, connection
        self.taker, self.taken, self.due_in = taker, dict[tuple[JobKind, str], Job](), math.inf

    def end(self) -> None:
        """Start what was taken; without a commit it is still the queue's."""
        if self.taker is None:
            return
        for job in self.taken.values():
            if self._connection.committed:
                self.taker.start(job)
            else:
                self.taker.give_back(job.kind)
        if self._connection.committed and self.due_in < math.inf:
            self.taker.look_in(self.due_in)
