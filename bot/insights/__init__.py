"""What to offer, and how an insight on a case may change its state.

The law: an insight moves only along `MOVES`. The store refuses any other step, so no click, retry or late answer can
bring it into a wrong state.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from bot.model import Case, CaseName, Identity, Insight, State, Thread

CARD_HOLDS = 20
"""Insights on one card: two groups of checkboxes at Slack's ten each, still readable on a phone."""
CARD_OPEN_SECONDS = 600.0
"""How long later links join a card; later ones get a new card, near where people are reading."""
ROLLING_SECONDS = 900.0  # the same for the card that the bot posts of a tied channel share
BELOW_AT_MOST = 5  # messages below a card: with more, the next link gets a new card, where people are reading
OFFERED_AT_MOST = {True: 40, False: 20}  # insights of one message at once, by whether its poster may confirm
CARDS_A_MINUTE, TITLES_A_MINUTE = 6, 60  # posted, and titles looked up, for one poster in one thread
NOTES_EACH_SECONDS = 3600.0  # between two cards with nothing but notes in one thread
CASES_NAMED = 10  # in one message: each is asked for
ADDING_AFTER_SECONDS = 0.3  # when a card says "Adding": what Datadog takes sooner is shown as added at once
FRESH_SECONDS = 300.0
"""How long what Datadog said of a case counts; after that, somebody may have added the same insight by hand."""

MOVES: Mapping[State, frozenset[State]] = {
    State.OFFERED: frozenset({State.CONFIRMED, State.DISMISSED, State.WITHDRAWN}),
    State.WITHDRAWN: frozenset({State.OFFERED}),
    State.CONFIRMED: frozenset({State.ADDED, State.FAILED, State.DISMISSED, State.UNDOING}),
    State.FAILED: frozenset({State.CONFIRMED, State.DISMISSED}),
    State.ADDED: frozenset({State.UNDOING}),
    State.UNDOING: frozenset({State.UNDONE, State.ADDED}),
    State.DISMISSED: frozenset(),
    State.UNDONE: frozenset(),
}
DELIBERATE: Mapping[State, frozenset[State]] = {
    State.DISMISSED: frozenset({State.CONFIRMED}),
    State.UNDONE: frozenset({State.CONFIRMED}),
    State.WITHDRAWN: frozenset({State.CONFIRMED}),
}
"""Moves that only a person's explicit choice makes, never the watching of a thread."""


def may_move(old: State, new: State, *, deliberate: bool = False) -> bool:
    """Whether `old → new` is allowed; `deliberate`: a person asked for it explicitly."""
    return new in MOVES[old] or (deliberate and new in DELIBERATE.get(old, frozenset()))


class Mode(StrEnum):
    """What the bot does by itself: ask in a card, add what a confirmer pastes at once, or nothing."""

    ASK = "ask"
    AUTO = "auto"
    OFF = "off"


class SightingState(StrEnum):
    """What became of one link in one message. `gone`: it was taken out of the message again."""

    PENDING = "pending"
    OFFERED = "offered"
    NOT = "not"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An insight that a link names, and the orgs whose web host it is on: none for a code change, which fits any.

    `draft`: a person has to give or confirm its id. `quoted`: somebody else wrote it, and this message shows it.
    """

    insight: Insight
    orgs: tuple[str, ...]
    draft: bool = False
    quoted: bool = False

    @property
    def needs_id(self) -> bool:
        """Its id is missing (see `Draft.as_insight`): such a link is no reason for a card of its own."""
        return self.draft and self.insight.resource_id.startswith("?")

    @property
    def is_aside(self) -> bool:
        """Whether it goes beside others on a card, rather than being worth one."""
        return self.needs_id or self.insight.is_note


@dataclass(frozen=True, slots=True)
class ScannedMessage:
    """The links of one message. `names`: the cases it names; in a root they are what its thread is about.

    `elsewhere`: Datadog's sites that its links are on, if none of the links is on a host of our orgs. `links`: how many
    it has, where an edit leaves in `found` only what is new.
    """

    thread: Thread
    message_ts: str
    poster: str | None
    found: tuple[Candidate, ...]
    names: tuple[CaseName, ...] = ()
    by_bot: bool = False
    elsewhere: frozenset[str] = frozenset()
    links: int = 0

    @property
    def is_root(self) -> bool:
        return self.message_ts == self.thread.ts

    @property
    def is_bare_root(self) -> bool:
        """A root that names no case: if nothing else is known of its thread, the channel's tie counts."""
        return self.is_root and not self.names

    @property
    def asks(self) -> bool:
        """Whether to find out the thread's case: code changes alone are not worth a look-up."""
        return bool(self.names) or any(candidate.orgs for candidate in self.found)


class Decision(StrEnum):
    """What the bot does with a link in a tied thread. All but the first two mean: not offered, and why."""

    OFFER = "offer"
    OFFER_AGAIN = "offer_again"
    ON_CARD = "on_card"
    ON_CASE = "on_case"
    CONFIRMED = "confirmed"
    ADDED = "added"
    FAILED = "failed"
    DISMISSED = "dismissed"
    UNDONE = "undone"
    OTHER_ORG = "other_org"
    MODE_OFF = "mode_off"
    NEEDS_ID = "needs_id"
    NOTES_ALONE = "notes_alone"
    UNTIED = "untied"
    TOO_MANY = "too_many"

    @property
    def is_offer(self) -> bool:
        return self in (Decision.OFFER, Decision.OFFER_AGAIN)


@dataclass(frozen=True, slots=True)
class CaseSnapshot:
    """What the store has for a case when a link is pasted in one of its threads. `drafts`: those without a sure id."""

    states: Mapping[Identity, State]
    on_case: Collection[Identity]
    on_card: Collection[Identity]
    drafts: Collection[Identity] = ()


def decide(identity: Identity, snapshot: CaseSnapshot) -> Decision:
    """Whether this insight goes on the thread's card, else why not."""
    state = snapshot.states.get(identity)
    match state:
        case None | State.OFFERED | State.WITHDRAWN if identity in snapshot.on_case:
            return Decision.ON_CASE
        case None:
            return Decision.OFFER
        case State.WITHDRAWN:
            return Decision.OFFER_AGAIN
        case State.OFFERED:
            return Decision.ON_CARD if identity in snapshot.on_card else Decision.OFFER
        case State.CONFIRMED | State.UNDOING:
            return Decision.CONFIRMED
        case State.ADDED:
            return Decision.ADDED
        case State.FAILED:
            return Decision.FAILED
        case State.DISMISSED:
            return Decision.DISMISSED
        case State.UNDONE:
            return Decision.UNDONE
        case _:
            assert_never(state)


def choose(pending: Sequence[Candidate], org: str, snapshot: CaseSnapshot) -> list[Decision]:
    """What to do with each of a thread's pending links, in their order; `org` is the case's. Each is offered once."""
    decisions: list[Decision] = []
    offered: set[Identity] = set()
    for candidate in pending:
        decision = _decide(candidate, org, snapshot, offered)
        if decision.is_offer:
            offered.add(candidate.insight.identity)
        decisions.append(decision)
    return decisions


def _decide(candidate: Candidate, org: str, snapshot: CaseSnapshot, offered: Collection[Identity]) -> Decision:
    identity = candidate.insight.identity
    if candidate.orgs and org not in candidate.orgs:
        return Decision.OTHER_ORG
    if identity in offered:
        return Decision.ON_CARD
    decision = decide(identity, snapshot)
    if decision is Decision.ON_CARD and identity in snapshot.drafts and not candidate.draft:
        return Decision.OFFER  # its id is certain now
    return decision


def within_limits(
    decisions: Sequence[Decision], posts: Sequence[tuple[str, bool]], offered: Iterable[str]
) -> list[Decision]:
    """These decisions, bounded for each message; `posts`: each one's message, and whether its poster may confirm.

    `offered`: the message of each link that is offered already.
    """
    offers, kept = Counter(offered), list[Decision]()
    for decision, (message, may) in zip(decisions, posts, strict=True):
        offers[message] += decision.is_offer
        too_many = decision.is_offer and offers[message] > OFFERED_AT_MOST[may]
        kept.append(Decision.TOO_MANY if too_many else decision)
    return kept


def auto_adds(poster: str | None, candidate: Candidate, may: Collection[str]) -> bool:
    """Whether mode auto adds this link at once: those who `may` confirm need not click for what they pasted."""
    certain = not (candidate.draft or candidate.quoted or candidate.insight.is_note)
    return poster in may and certain


def reads_first(adding: Collection[Identity], case: Case | None, *, sent: bool) -> bool:
    """Whether Datadog must list the case before these are added: a copy would stay. `sent`: some may have arrived.

    `case`: as it is stored; None: Datadog never described it.
    """
    return sent or case is None or case.read_ago > FRESH_SECONDS or not case.on_case.isdisjoint(adding)


def lies_far(card_ts: str | None, latest: Iterable[str]) -> bool:
    """Whether people read far below a card. `latest`: the thread's newest ts but for those of links: a burst is one."""
    return card_ts is not None and sum(ts > card_ts for ts in latest) > BELOW_AT_MOST


def takes_more(held: int, age: float, *, rolling: bool) -> bool:
    """Whether a card that holds so many insights takes another; `age`: seconds since its first link."""
    return held < CARD_HOLDS and age <= (ROLLING_SECONDS if rolling else CARD_OPEN_SECONDS)


def moves_on(leaving: int) -> bool:
    """Whether so many insights leave for a new card; if they fill the old one, they stay."""
    return leaving < CARD_HOLDS
