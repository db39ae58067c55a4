"""What became of a job's turn. A handler returns one of these; the loop alone writes it to the queue.

The law: what a turn brought and the end of the turn are one transaction, committed only while the lease is ours.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot.store.jobs import BATCH
from bot.store.transaction import Transaction

Write = Callable[[Transaction], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """`write`: what else the transaction that ends the turn writes; `case`: the case to lock before the job's row.

    `after`: what to do after the commit, with what `write` returned; lost if the process dies before.
    """

    write: Write | None = None
    case: tuple[str, str] | None = None
    after: Callable[[Any], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Done(_Outcome):
    """Nothing is left to do, unless the job was enqueued meanwhile."""


@dataclass(frozen=True, slots=True)
class More(_Outcome):
    """Another turn is due at once; a case's job sends `batch_size` insights, after `refused` single ones in a row."""

    batch_size: int = BATCH
    refused: int = 0


@dataclass(frozen=True, slots=True)
class RetryAfter(_Outcome):
    """Not now. `seconds` None: the usual back-off. `counts`: it is a failed attempt, so the job may be given up.

    `reason`: a sentence in plain text, which the cards that wait show.
    """

    seconds: float | None
    reason: str
    counts: bool = True


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Trying again will not help. `reason`: the short code that is kept; `words`: what it waited for, a sentence."""

    reason: str
    words: str = ""


GAVE_UP = "gave_up"
"""The reason of a job that has failed for too long."""

Outcome = Done | More | RetryAfter | GiveUp
