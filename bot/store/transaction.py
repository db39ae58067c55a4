"""A transaction, and the jobs that this process takes in it, which start once it is committed."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from bot.store.connection import Writer


class JobKind(StrEnum):
    """What a job's holder does: find out a thread's case, show a card, or bring insights to a case."""

    THREAD = "thread"
    CARD = "card"
    CASE = "case"


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
    """Who works on jobs in this process."""

    @property
    def lease(self) -> float:
        """Seconds for which a job is taken."""
        ...

    def reserve(self, kind: JobKind, key: str) -> bool:
        """Keep a place for this job, if one is free and the job could be done now; `start` or `give_back` ends that."""
        ...

    def start(self, job: Job) -> None:
        """Work on a job that is this process's now."""
        ...

    def give_back(self, kind: JobKind) -> None:
        """A place that was reserved is not needed."""
        ...


class Transaction:
    """A connection within a transaction. `taken`: the jobs that are this process's once it is committed."""

    __slots__ = ("_connection", "dialect", "execute", "taken", "taker")

    def __init__(self, connection: Writer, taker: Taker | None) -> None:
        self._connection, self.dialect, self.execute = connection, connection.dialect, connection.execute
        self.taker, self.taken = taker, dict[tuple[JobKind, str], Job]()

    def end(self) -> None:
        """Start what was taken; without a commit it is still the queue's."""
        if self.taker is None:
            return
        for job in self.taken.values():
            if self._connection.committed:
                self.taker.start(job)
            else:
                self.taker.give_back(job.kind)
