"""What a link is: an insight, a draft, a case, uncovered, or not ours to read.

Neither `parse` nor `explain` raises: people paste anything, and a bad link is no error of ours.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bot.links import id_formats, sites, urls
from bot.links.ids import IdMatch, find
from bot.links.refs import LONGEST, clean, ref_of
from bot.links.routes import Path, Route, Routes
from bot.links.urls import Address, Param
from bot.model import CaseLink, Draft, Identity, Insight, InsightType, Outcome, Reason, Uncovered

_LOGIN = "/account/login"
# A login page can lead to a login page, but not to endless ones.
_DEEPEST_LOGIN = 3
_TEMPLATE = re.compile(r"\{\{|%7b%7b|\$\{", re.IGNORECASE)
_TEMPLATE_IN_PATH = re.compile(r"[{}]|%7[bd]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a link was read: by which route, or why by none.

    `route`: the row's name in the table; `rule`: its path pattern; `hint`: how a person can complete a draft.
    """

    link: str
    outcome: Outcome | None
    route: str | None = None
    reason: Reason | None = None
    rule: str = ""
    hint: str = ""


def parse(link: str, routes: Routes) -> Outcome | None:
    """What the link is; None when it is not ours to read."""
    return explain(link, routes).outcome


def explain(link: str, routes: Routes) -> Reading:
    """What the link is, and why."""
    address = urls.split(link)
    if isinstance(address, Reason):
        return Reading(link, None, reason=address)
    refusal = None if address.host in routes.web_hosts else sites.refusal(address.host)
    if refusal is None:
        return _datadog(link, address, routes)
    if refusal is Reason.NOT_OURS:
        return _scm(link, address, routes)
    return Reading(link, None, reason=refusal)


def insight_on(type: str, resource_id: str, ref: str, routes: Routes) -> Identity | None:  # noqa: A002 - Datadog's word
    """The identity of an insight that Datadog lists on a case; None for an unknown type.

    Datadog stores no scope, so a widget's dashboard is read from its ref.
    """
    try:
        kind = InsightType(type)
    except ValueError:
        return None
    if kind in (InsightType.ERROR_TRACKING, InsightType.WATCHDOG_STORY):
        resource_id = resource_id.lower()
    if kind is not InsightType.WIDGET:
        return Identity(kind, "", resource_id)
    outcome = parse(f"https://{sites.SITES[0].web_host}{ref}" if ref.startswith("/") else ref, routes)
    scope = outcome.scope if isinstance(outcome, Insight | Draft) else ""
    return Identity(kind, scope, resource_id)


class Claim(NamedTuple):
    """A route whose path pattern matches an address, and the id that it reads there."""

    route: Route
    path: Path
    match: IdMatch

    @property
    def holds(self) -> bool:
        """Whether the route reads the address: there is an id, or the page alone is a draft."""
        return bool(self.match.ids) or (self.route.draft == "page" and not self.path.has_id)


def _tried(address: Address, params: Sequence[Param], routes: Routes) -> Iterator[Claim]:
    for path, route in routes.datadog.at(address.path):
        match = path.regex.fullmatch(address.path)
        if match is None or (route.where and not _meets(params, route)):
            continue
        yield Claim(route, path, find(route, path, match, address, params))


def _meets(params: Sequence[Param], route: Route) -> bool:
    """Whether the link has the parameters that the route requires."""
    return {param[:2] for param in params}.issuperset(route.where)


def _datadog(link: str, address: Address, routes: Routes) -> Reading:
    address = _unwrapped(address)
    for path in routes.cases:
        match = path.regex.fullmatch(address.path)
        name = urls.decoded(match["id"]) if match else ""
        if case := id_formats.case_key(name) or id_formats.uuid(name):
            return Reading(link, CaseLink(case, address.host), "case", rule=path.text)
    params = urls.params(address.query)
    refused = False
    for claim in _tried(address, params, routes):
        if claim.holds:
            return _read(link, address, params, claim)
        refused = refused or claim.match.refused
    reason = _why_uncovered(address, routes, refused)
    return Reading(link, Uncovered(reason, address.host), reason=reason)


def _read(link: str, address: Address, params: Sequence[Param], claim: Claim) -> Reading:
    route, match = claim.route, claim.match
    ref = ref_of(address, params, match, route.short)
    outcome: Insight | Draft
    if route.draft is None and len(match.ids) == 1:
        outcome = Insight(route.type, match.ids[0], ref, address.host, match.scope)
        return Reading(link, outcome, route.name, rule=claim.path.text)
    outcome = Draft(route.type, match.ids[0] if match.ids else None, ref, address.host, match.scope)
    hint = route.hint if len(match.ids) < 2 else "The link has more than one id: choose the right one."
    return Reading(link, outcome, route.name, rule=claim.path.text, hint=hint)


def _unwrapped(address: Address) -> Address:
    """The page behind a login page: `/account/login?next=%2Fmonitors%2F1`. Only local paths are followed."""
    for _ in range(_DEEPEST_LOGIN):
        if address.path != _LOGIN and not address.path.startswith(f"{_LOGIN}/"):
            break
        target = next((p.value for p in urls.params(address.query) if p.name == "next"), "")
        if not target.startswith("/") or target.startswith(("//", "/\\")):
            break
        inner = urls.split(f"https://{address.host}{target}")
        if isinstance(inner, Reason):
            break
        address = inner
    return address


def _why_uncovered(address: Address, routes: Routes, refused: bool) -> Reason:
    text = f"{address.path}?{address.query}#{address.fragment}"
    if _TEMPLATE.search(text) or _TEMPLATE_IN_PATH.search(address.path):
        return Reason.TEMPLATE
    for path, page in routes.pages.at(address.path):
        if path.regex.fullmatch(address.path):
            return Reason.BAD_ID if refused and path.is_open else page.reason
    return Reason.BAD_ID if refused else Reason.NO_ROUTE


def _scm(link: str, address: Address, routes: Routes) -> Reading:
    """A change on a code host. Its id is the URL of the change itself, without what follows (`/files`)."""
    host, path = address.host, address.path
    serving = [] if _TEMPLATE_IN_PATH.search(path) else [row for row in routes.scm if _serves(row, host, routes)]
    for route, pattern in [(row, pattern) for row in serving for pattern in row.paths]:
        match = pattern.regex.fullmatch(path)
        if match and route.shape(match["id"]):
            scheme = "https" if host in route.hosts else address.scheme
            url = clean(f"{scheme}://{host}{path[: match.end('id')]}")
            if len(url) <= LONGEST:
                return Reading(link, Insight(InsightType.SCM_URL, url, url, host), route.name, rule=pattern.text)
    return Reading(link, None, reason=Reason.NOT_OURS)


def _serves(route: Route, host: str, routes: Routes) -> bool:
    return host in routes.scm_hosts or host in route.hosts or "*" in route.hosts
