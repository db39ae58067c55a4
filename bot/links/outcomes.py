"""What a link can be, besides what a case keeps of it: a case itself, or uncovered, with the reason."""

from dataclasses import dataclass
from enum import StrEnum

from bot.model import Draft, Insight


@dataclass(frozen=True, slots=True)
class CaseLink:
    """A link to a case. `case` is the key (`CASEM-4523`, upper case) or the UUID (lower case) in the link."""

    case: str
    host: str


class Reason(StrEnum):
    """Why a link is no insight; `bot.links.reasons` has the sentence for each."""

    # Uncovered: Datadog's, but nothing a case can keep.
    NO_ROUTE = "no_route"
    UNKNOWN_PAGE = "unknown_page"
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
    """A link on a Datadog host that no insight type covers, with the reason.

    `note`: what the case's comment can keep of it, where it shows one thing or one view.
    """

    reason: Reason
    host: str
    note: Insight | None = None


Outcome = Insight | Draft | CaseLink | Uncovered
"""What a link is; functions return None for a link that is not ours to read."""
