"""The data of a card's message, and the names of insights."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlsplit

from bot.links import change_name
from bot.messages.blocks import Json
from bot.messages.text import cut, escape, insights, linked
from bot.model import CardItem, Identity, InsightType, NoteType

TYPE_NAMES: Mapping[InsightType, str] = {
    InsightType.SECURITY_SIGNAL: "Security signal",
    InsightType.MONITOR: "Monitor",
    InsightType.EVENT_CORRELATION: "Event correlation",
    InsightType.ERROR_TRACKING: "Error Tracking issue",
    InsightType.CLOUD_COST_RECOMMENDATION: "Cloud cost recommendation",
    InsightType.INCIDENT: "Incident",
    InsightType.SENSITIVE_DATA_SCANNER_ISSUE: "Sensitive data issue",
    InsightType.EVENT: "Event",
    InsightType.WATCHDOG_STORY: "Watchdog story",
    InsightType.WIDGET: "Widget",
    InsightType.SECURITY_FINDING: "Security finding",
    InsightType.INSIGHT_SCORECARD_CAMPAIGN: "Scorecard campaign",
    InsightType.RESOURCE_POLICY: "Resource policy",
    InsightType.APM_RECOMMENDATION: "APM recommendation",
    InsightType.SCM_URL: "Code change",
    InsightType.PROFILING_DOWNSIZING_EXPERIMENT: "Downsizing experiment",
}

AS_LINK = ", as a link in the case's comment"
"""What a box says of a note."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why confirmed insights are not on the case yet, and when the bot tries again (epoch s)."""

    words: str
    next_try: float


@dataclass(frozen=True, slots=True)
class Source:
    """A message with links: who posted it (a Slack user or bot id), and its address."""

    poster: str | None
    permalink: str


@dataclass(frozen=True, slots=True)
class CardView:
    """All that a card's message depends on. `names` maps Slack user ids to plain names.

    `sources`: the messages that links came from, by ts. `left_over`: links of these messages that are not offered yet,
    because there are too many; `on_case`: those that are on the case without the bot. `elsewhere`: its thread is about
    another case by now, or about none. `below`: the address of the card that continues it, once that has one.
    `refused`: why Slack did not let the card be posted in its thread.
    """

    id: str
    version: int
    case_key: str
    case_title: str
    case_url: str
    items: Sequence[CardItem]
    sources: Mapping[str, Source] = field(default_factory=dict[str, Source])
    closed: bool = False
    archived: bool = False
    continued: bool = False
    below: str = ""
    left_over: int = 0
    on_case: int = 0
    elsewhere: bool = False
    refused: str = ""
    waiting: Waiting | None = None
    names: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Message:
    """A message for Slack: `blocks`, and `text` for everything that shows no blocks."""

    text: str
    blocks: list[Json]


def type_name(identity: Identity) -> str:
    """`Monitor`; of a note what it shows: `Dashboard`."""
    return identity.scope if isinstance(identity.type, NoteType) else TYPE_NAMES[identity.type]


def counted(items: Collection[CardItem]) -> str:
    """`2 insights and 1 link`"""
    return insights(len(items), sum(item.is_note for item in items))


def label(item: CardItem) -> str:
    """An insight in running text: `Monitor High memory on api`, `Error Tracking issue 2841440d`."""
    return f"{type_name(item.identity)} {item.name or short(item)}"


def told_apart(items: Sequence[CardItem]) -> list[CardItem]:
    """These insights; of those that would read the same, each with its id (and a widget with its dashboard's)."""
    alike = Counter(map(label, items))

    def named(item: CardItem) -> CardItem:
        of = item.resource_id if item.is_note else f"{item.scope}/{item.resource_id}".strip("/?")
        return replace(item, name=f"{item.name or short(item)} ({cut(of, 40)})") if alike[label(item)] > 1 else item

    return [named(item) for item in items]


def needs_id(item: CardItem) -> bool:
    """Whether not even a candidate for its id is known: only the form can complete it."""
    return item.draft and item.resource_id.startswith("?")


def who(view: CardView, user: str | None) -> str:
    return escape(view.names.get(user or "", "someone"))


def case_link(view: CardView) -> str:
    return linked(view.case_url, view.case_key) if view.case_url else escape(view.case_key)


def short(item: CardItem) -> str:
    if needs_id(item):
        return "without an id"
    if item.type is InsightType.SCM_URL and (change := change_name(item.resource_id)):
        return cut(change, 60)
    if item.is_note:
        return cut(searched(item.resource_id), 60)
    plain = item.resource_id.removeprefix("https://")
    if len(plain) == 36 and plain.count("-") == 4:
        return plain[:8]
    return cut(plain, 40)


def searched(resource_id: str) -> str:
    """What a note's page shows: the words that a view searches for, else its path; an id as it is."""
    if not resource_id.startswith("/"):
        return resource_id
    page = urlsplit(resource_id)
    return next((value.strip() for value in parse_qs(page.query).get("query", ()) if value.strip()), page.path)


def address(ref: str, host: str) -> str:
    """A ref is a path on its host, or a whole address."""
    return ref if ref.startswith("http") else f"{host}{ref}"


def listed(items: Sequence[CardItem]) -> str:
    """The names of at most eight insights, which a phone's screen can show."""
    shown = [escape(label(item), 120) for item in items[:8]]
    more = len(items) - len(shown)
    return "; ".join(shown) + (f" and {more} more" if more else "")
