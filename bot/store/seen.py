"""What watching brings to the store: links seen in one message, and by which rules they are offered."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_

from bot.insights import Mode
from bot.model import CaseName, Identity, Insight, Thread
from bot.store.cards import Timing
from bot.store.schema import sightings


class SightingState(StrEnum):
    """`gone`: the link was taken out of its message again."""

    PENDING = "pending"
    OFFERED = "offered"
    NOT = "not"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An insight that a link names, and the orgs whose web host it is on: none for a code change, which fits any.

    `draft`: a person has to give or confirm its id.
    """

    insight: Insight
    orgs: tuple[str, ...]
    draft: bool = False


@dataclass(frozen=True, slots=True)
class ScannedMessage:
    """What one message brought. `names`: the cases it names; in a root they are what its thread is about.

    `elsewhere`: Datadog's sites that its links are on, where none is on an org's of ours.
    """

    thread: Thread
    message_ts: str
    poster: str | None
    found: tuple[Candidate, ...]
    names: tuple[CaseName, ...] = ()
    by_bot: bool = False
    elsewhere: frozenset[str] = frozenset()

    @property
    def is_root(self) -> bool:
        return self.message_ts == self.thread.ts

    @property
    def asks(self) -> bool:
        """Whether it is worth finding out the thread's case: code changes alone are not."""
        return bool(self.names) or any(each.orgs for each in self.found)


@dataclass(frozen=True, slots=True)
class SightingDecision:
    """What was made of one sighting: offered, or not and why (`insights.Decision`, `TieKind`, Slack's words)."""

    identity: Identity
    ref: str
    host: str
    draft: bool
    message_ts: str
    decision: str


@dataclass(frozen=True, slots=True)
class Rules:
    """How links are offered: when cards are posted, the mode where nobody set one, and whose links auto may add."""

    timing: Timing
    mode: Mode = Mode.ASK
    may: frozenset[str] = frozenset()


def in_thread(thread: Thread) -> ColumnElement[bool]:
    """The sightings of a thread."""
    return and_(
        sightings.c.workspace == thread.workspace,
        sightings.c.channel == thread.channel,
        sightings.c.thread_ts == thread.ts,
    )
