"""What became of a job's turn. A handler returns one of these; the loop alone writes it to the queue.

The law: what a turn brought and the end of the turn are one transaction, and it stands only while the lease does.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.jobs import BATCH

Write = Callable[[AsyncConnection], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """`write`: what else belongs into the transaction that ends the turn; `case`: locked before the job, in that order.

    `after`: what to do once the transaction stands, with what `write` returned; lost if the process dies before.
    """

    write: Write | None = None
    case: tuple[str, str] | None = None
    after: Callable[[Any], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Done(_Outcome):
    """Nothing is left to do, unless the job was enqueued meanwhile."""


@dataclass(frozen=True, slots=True)
class More(_Outcome):
    """Another turn is due at once; with a case's job, for so many insights, after so many that Datadog refused."""

    batch_size: int = BATCH
    refused: int = 0


@dataclass(frozen=True, slots=True)
class RetryAfter(_Outcome):
    """Not now. `seconds` None: the usual back-off. `counts`: as a failed attempt, so that it is given up some day.

    `reason`: a sentence, for what waits says it.
    """

    seconds: float | None
    reason: str
    counts: bool = True


@dataclass(frozen=True, slots=True)
class GiveUp(_Outcome):
    """Never. The handler's `give_up` decides what to write."""

    reason: str


Outcome = Done | More | RetryAfter | GiveUp
