"""The nouns: what a link can be, what an insight is, and what may become of it.

Values only: no I/O, no clock, no randomness. Times are seconds since the epoch, UTC.
"""

from dataclasses import dataclass
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


class TransportMode(StrEnum):
    """How Slack reaches the bot: over websockets that the bot opens, or at the bot's own address."""

    SOCKET = "socket"
    HTTP = "http"


EVENTS_PATH = "/slack/events"
INSTALL_PATH = "/slack/install"
REDIRECT_PATH = "/slack/oauth_redirect"
"""Where Slack, and whoever installs the bot, reach us over HTTP."""


class Identity(NamedTuple):
    """What makes two insights the same. `scope` is empty but for a WIDGET: its dashboard."""

    type: InsightType
    scope: str
    resource_id: str


@dataclass(frozen=True, slots=True)
class Insight:
    """A link that names one thing a case can keep. `host` is the link's web host, lower-cased."""

    type: InsightType
    resource_id: str
    ref: str
    host: str
    scope: str = ""

    @property
    def identity(self) -> Identity:
        return Identity(self.type, self.scope, self.resource_id)


@dataclass(frozen=True, slots=True)
class Draft:
    """A link whose type is inferred; its id is missing (None) or only a candidate. A person completes it."""

    type: InsightType
    resource_id: str | None
    ref: str
    host: str
    scope: str = ""

    @property
    def as_insight(self) -> Insight:
        """What is kept of it until a person gives or confirms its id; for a missing one stands "?" with its ref."""
        return Insight(self.type, self.resource_id or f"?{self.ref}", self.ref, self.host, self.scope)


@dataclass(frozen=True, slots=True)
class CaseLink:
    """A link to a case. `case` is its key (`CASEM-4523`, upper case) or its UUID (lower case), as the link has it."""

    case: str
    host: str


class Reason(StrEnum):
    """Why a link is no insight; each code's sentence for people stands in `bot.links.reasons`."""

    # Uncovered: Datadog's, but nothing a case can keep.
    NO_ROUTE = "no_route"
    LIST_PAGE = "list_page"
    SETTINGS_PAGE = "settings_page"
    DASHBOARD = "dashboard"
    NOTEBOOK = "notebook"
    LOGS = "logs"
    TRACES = "traces"
    SHORT_LINK = "short_link"
    TEMPLATE = "template"
    CASE_LIST = "case_list"
    LOGIN = "login"
    BAD_ID = "bad_id"
    OTHER_ORG = "other_org"
    # None: not ours to read.
    NOT_A_LINK = "not_a_link"
    NOT_OURS = "not_ours"
    LOOK_ALIKE = "look_alike"
    DISGUISED = "disguised"
    NOT_THE_APP = "not_the_app"


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A link on a Datadog host that no insight type covers, with the reason."""

    reason: Reason
    host: str


Outcome = Insight | Draft | CaseLink | Uncovered
"""What a link is; None stands beside it for "not ours to read"."""


@dataclass(frozen=True, slots=True)
class Thread:
    """A Slack thread: `ts` is its root's, `workspace` the enterprise id of an org-wide install, else the team id.

    An empty `ts` means the whole channel.
    """

    workspace: str
    channel: str
    ts: str

    @property
    def whole_channel(self) -> "Thread":
        return Thread(self.workspace, self.channel, "")


@dataclass(frozen=True, slots=True)
class OrgHosts:
    """One Datadog organisation as far as the core needs it: whose web hosts are its own.

    `site` is the site parameter (`datadoghq.com`, `us5.datadoghq.com` …); `web_hosts` its custom sub-domains,
    empty when any sub-domain under the site's suffix counts.
    """

    name: str
    site: str
    web_hosts: frozenset[str] = frozenset()
