"""The nouns of the bot, as plain values. Times are seconds since the epoch, UTC."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class InsightType(StrEnum):
    """The 16 types that `PUT /api/v2/cases/{case_id}/insights` takes (datadog-api-client 2.62)."""

    SECURITY_SIGNAL = "SECURITY_SIGNAL"
    MONITOR = "MONITOR"
    EVENT_CORRELATION = "EVENT_CORRELATION"
    ERROR_TRACKING = "ERROR_TRACKING"
    CLOUD_COST_RECOMMENDATION = "CLOUD_COST_RECOMMENDATION"
    INCIDENT = "INCIDENT"
    SENSITIVE_DATA_SCANNER_ISSUE = "SENSITIVE_DATA_SCANNER_ISSUE"
    EVENT = "EVENT"
    WATCHDOG_STORY = "WATCHDOG_STORY"
    WIDGET = "WIDGET"
    SECURITY_FINDING = "SECURITY_FINDING"
    INSIGHT_SCORECARD_CAMPAIGN = "INSIGHT_SCORECARD_CAMPAIGN"
    RESOURCE_POLICY = "RESOURCE_POLICY"
    APM_RECOMMENDATION = "APM_RECOMMENDATION"
    SCM_URL = "SCM_URL"
    PROFILING_DOWNSIZING_EXPERIMENT = "PROFILING_DOWNSIZING_EXPERIMENT"


class NoteType(StrEnum):
    """The type of a note: a link that no insight type covers. The case's comment keeps it; it is no insight there."""

    NOTE = "NOTE"


ItemType = InsightType | NoteType


def item_type(text: str) -> ItemType:
    """The type as it is stored; raises ValueError for any other text."""
    return NoteType.NOTE if text == NoteType.NOTE else InsightType(text)


class Identity(NamedTuple):
    """What makes two of them the same. `scope`: of a WIDGET its dashboard, of a note what it shows; else empty."""

    type: ItemType
    scope: str
    resource_id: str


@dataclass(frozen=True, slots=True)
class Insight:
    """A link that names one thing a case can keep, or a note. `host` is the link's web host, lower-cased."""

    type: ItemType
    resource_id: str
    ref: str
    host: str
    scope: str = ""

    @property
    def identity(self) -> Identity:
        return Identity(self.type, self.scope, self.resource_id)

    @property
    def is_note(self) -> bool:
        return self.type is NoteType.NOTE


@dataclass(frozen=True, slots=True)
class Draft:
    """A link of inferred type; its id is missing (None) or only a candidate. A person completes it."""

    type: InsightType
    resource_id: str | None
    ref: str
    host: str
    scope: str = ""

    @property
    def as_insight(self) -> Insight:
        """What the store keeps until a person gives or confirms the id; "?" and the ref replace a missing one."""
        return Insight(self.type, self.resource_id or f"?{self.ref}", self.ref, self.host, self.scope)


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread by its root's `ts`, or a whole channel. `workspace`: the team, or an org-wide install's Grid."""

    workspace: str
    channel: str
    ts: str

    @property
    def whole_channel(self) -> "Thread":
        return Thread(self.workspace, self.channel, "")

    def permalink(self, workspace_url: str, message_ts: str) -> str:
        """The address of one of its messages, in the form of `chat.getPermalink`."""
        page = f"{workspace_url.rstrip('/')}/archives/{self.channel}/p{message_ts.replace('.', '')}"
        return page if self.ts in ("", message_ts) else f"{page}?thread_ts={self.ts}&cid={self.channel}"


@dataclass(frozen=True, slots=True)
class Case:
    """A case as Datadog described it, `read_ago` seconds ago. `on_case`: the insights on it."""

    org: str
    case_id: str
    key: str
    title: str
    closed: bool
    archived: bool
    on_case: frozenset[Identity]
    read_ago: float = field(default=0.0, compare=False)


class TieKind(StrEnum):
    """Whether a thread is tied to a case.

    unread: the root was not read yet, or was edited since; named: the root names a case that Datadog has not
    confirmed yet; several: it names more than one; no_case: it names none that exists; none: a person said "no case".
    """

    UNREAD = "unread"
    NAMED = "named"
    TIED = "tied"
    NO_CASE = "no_case"
    SEVERAL = "several"
    NONE = "none"


class TieSource(StrEnum):
    """What a tie comes from, the strongest first: a person, the thread's root, the channel."""

    SAID = "said"
    ROOT = "root"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class CaseName:
    """A case as a link names it: by key or UUID, in one of our orgs."""

    org: str
    case: str


@dataclass(frozen=True, slots=True)
class Tie:
    """A thread's case. `org` and `case_id` are set when it is tied; `named`: what its root names, while Datadog is
    asked, and with `no_case` what Datadog does not know; `replied`: cases that replies name.

    `by` (Slack user id) and `at` (epoch s): who tied it and when. Before a time to come, its root is not looked up.
    """

    kind: TieKind
    source: TieSource
    org: str
    case_id: str
    named: tuple[CaseName, ...]
    replied: tuple[CaseName, ...]
    by: str | None
    at: float


class State(StrEnum):
    """Where one insight stands on one case.

    offered: on a card, undecided; withdrawn: its link left the message before anybody decided;
    confirmed: a person wants it on the case, Datadog has not answered yet; added: it is on the case;
    failed: Datadog refused it; dismissed: a person said no, so it is not offered again;
    undoing: a person wants it off the case; undone: it is off, and is not offered again.
    """

    OFFERED = "offered"
    CONFIRMED = "confirmed"
    ADDED = "added"
    FAILED = "failed"
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"
    UNDOING = "undoing"
    UNDONE = "undone"

    @property
    def is_undecided(self) -> bool:
        """Nobody has decided yet, so its card takes more links."""
        return self in (State.OFFERED, State.WITHDRAWN)

    @property
    def is_at_work(self) -> bool:
        """The case's job still has a call to make for it."""
        return self in (State.CONFIRMED, State.UNDOING)

    @property
    def is_named(self) -> bool:
        """A card shows it by name; it only counts the others."""
        return self not in (State.DISMISSED, State.UNDONE, State.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class CardItem:
    """One insight on a card; times are epoch seconds of the database's clock.

    `by` and `at`: who moved it last and when; `note`: a failure's sentence; `name`: its title in Datadog, if known.
    `message_ts`: the message with its link, if there is one; `from_thread`: the key of where it was confirmed last.
    """

    id: int
    type: ItemType
    resource_id: str
    ref: str
    host: str
    state: State
    group: int
    scope: str = ""
    joined_version: int = 0
    by: str | None = None
    at: float = 0.0
    confirmed_at: float | None = None
    sent: bool = False
    ours: bool = False
    left_out: bool = False
    draft: bool = False
    note: str = ""
    poster: str | None = None
    message_ts: str = ""
    from_thread: str | None = None
    name: str = ""

    @property
    def identity(self) -> Identity:
        return Identity(self.type, self.scope, self.resource_id)

    @property
    def is_note(self) -> bool:
        return self.type is NoteType.NOTE


@dataclass(frozen=True, slots=True)
class Card:
    """A card's row. `asks`: it asks which case the thread is about; `refused`: why it is not in its thread."""

    id: str
    thread: Thread
    org: str
    case_id: str
    ts: str | None
    version: int
    shown_version: int
    digest: str | None
    posting_since: float | None
    first_link_at: float
    continued_in: str | None  # the card that took over what was undecided
    ended: str | None
    refused: str | None
    late_replies_due: int
    late_replies_posted: int
    late_reply_since: float | None
    asks: bool


@dataclass(frozen=True, slots=True)
class Question:
    """A card that asks which case the thread is about. `answer`: `org/case_id`, or `no`."""

    card: str
    version: int
    asks: tuple[Case, ...]
    answer: str | None = None
    by: str | None = None
    at: float = 0.0
