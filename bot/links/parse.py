"""From one link to what it is: an insight, a draft, a case, uncovered, or not ours to read.

Neither `parse` nor `explain` raises: people paste anything, and a bad link is news about the link, not an
error of ours.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bot.links import shapes, sites, urls
from bot.links.ids import Found, find
from bot.links.refs import LONGEST, clean, ref_of
from bot.links.table import Path, Route, Routes
from bot.links.urls import Address, Param
from bot.model import CaseLink, Draft, Identity, Insight, InsightType, Outcome, Reason, Uncovered

_LOGIN = "/account/login"
# A login page can send to a login page; nobody pastes more than that.
_DEEPEST_LOGIN = 3
_TEMPLATE = re.compile(r"\{\{|%7b%7b|\$\{", re.IGNORECASE)
_TEMPLATE_IN_PATH = re.compile(r"[{}]|%7[bd]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a link was read as, by which route, or why by none.

    `route` is the name of the row in the table, `rule` its path pattern; `hint` is what a person should know
    who completes a draft.
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
    """What the link is and why."""
    address = urls.split(link)
    if isinstance(address, Reason):
        return Reading(link, None, reason=address)
    refusal = None if address.host in routes.web_hosts else sites.refusal(address.host)
    if refusal is None:
        return _datadog(link, address, routes)
    if refusal is Reason.NOT_OURS:
        return _scm(link, address, routes)
    return Reading(link, None, reason=refusal)


def is_candidate(link: str, routes: Routes) -> bool:
    """Whether the link is on a Datadog web host or an SCM route claims it: worth writing down."""
    address = urls.split(link)
    if isinstance(address, Reason):
        return False
    refusal = None if address.host in routes.web_hosts else sites.refusal(address.host)
    return refusal is None or (refusal is Reason.NOT_OURS and any(_scm_claims(address, routes)))


def insight_on(type: str, resource_id: str, ref: str, routes: Routes) -> Identity | None:  # noqa: A002 - Datadog's word
    """The identity of an insight as Datadog returns it on a case; None for a type that we do not know.

    Datadog keeps no scope: a widget's dashboard is read from its ref, put back on a web host.
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


def claimants(link: str, routes: Routes) -> tuple[str, ...]:
    """The names of all routes that claim a link, in the table's order: the first is the one that counts."""
    address = urls.split(link)
    if isinstance(address, Reason):
        return ()
    if sites.is_web_host(address.host) or address.host in routes.web_hosts:
        address = _unwrapped(address)
        tried = _tried(address, urls.params(address.query), routes)
        return tuple(dict.fromkeys(claim.route.name for claim in tried if claim.holds))
    return tuple(route.name for route, _, _ in _scm_claims(address, routes))


class Claim(NamedTuple):
    """A route whose path pattern matches an address, with what it found there."""

    route: Route
    path: Path
    found: Found

    @property
    def holds(self) -> bool:
        """Whether the route reads the address: it found an id, or its page alone is a draft."""
        return bool(self.found.ids) or (self.route.draft == "page" and not self.path.has_id)


def _tried(address: Address, params: Sequence[Param], routes: Routes) -> Iterator[Claim]:
    for path, route in routes.datadog.at(address.path):
        match = path.regex.fullmatch(address.path)
        if match is None or (route.where and not _meets(params, route)):
            continue
        yield Claim(route, path, find(route, path, match, address, params))


def _meets(params: Sequence[Param], route: Route) -> bool:
    """Whether the parameters that a route asks for are there."""
    return {param[:2] for param in params}.issuperset(route.where)


def _datadog(link: str, address: Address, routes: Routes) -> Reading:
    address = _unwrapped(address)
    for path in routes.cases:
        match = path.regex.fullmatch(address.path)
        case = shapes.case(urls.decoded(match["id"])) if match else None
        if case:
            return Reading(link, CaseLink(case, address.host), "case", rule=path.text)
    params = urls.params(address.query)
    refused = False
    for claim in _tried(address, params, routes):
        if claim.holds:
            return _read(link, address, params, claim)
        refused = refused or claim.found.refused
    reason = _why_uncovered(address, routes, refused)
    return Reading(link, Uncovered(reason, address.host), reason=reason)


def _read(link: str, address: Address, params: Sequence[Param], claim: Claim) -> Reading:
    route, found = claim.route, claim.found
    ref = ref_of(address, params, found, route.short)
    outcome: Insight | Draft
    if route.draft is None and len(found.ids) == 1:
        outcome = Insight(route.type, found.ids[0], ref, address.host, found.scope)
        return Reading(link, outcome, route.name, rule=claim.path.text)
    outcome = Draft(route.type, found.ids[0] if found.ids else None, ref, address.host, found.scope)
    hint = route.hint if len(found.ids) < 2 else "The link holds more than one id: choose the right one."
    return Reading(link, outcome, route.name, rule=claim.path.text, hint=hint)


def _unwrapped(address: Address) -> Address:
    """The page a logged-out copy leads to: `/account/login?next=%2Fmonitors%2F1`. Only a local path is followed."""
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
    if _TEMPLATE.search(f"{address.path}?{address.query}#{address.fragment}"):
        return Reason.TEMPLATE
    if _TEMPLATE_IN_PATH.search(address.path):
        return Reason.TEMPLATE
    for path, page in routes.pages.at(address.path):
        if path.regex.fullmatch(address.path):
            return Reason.BAD_ID if refused and path.is_open else page.reason
    return Reason.BAD_ID if refused else Reason.NO_ROUTE


def _scm(link: str, address: Address, routes: Routes) -> Reading:
    for route, path, url in _scm_claims(address, routes):
        return Reading(link, Insight(InsightType.SCM_URL, url, url, address.host), route.name, rule=path.text)
    return Reading(link, None, reason=Reason.NOT_OURS)


def _scm_claims(address: Address, routes: Routes) -> Iterator[tuple[Route, Path, str]]:
    """The routes that claim an address of a code host, each with the URL of the change itself, tabs cut off."""
    host, path = address.host, address.path
    if _TEMPLATE_IN_PATH.search(path):
        return
    for route in routes.scm:
        if not (host in routes.scm_hosts or _serves(route, host)):
            continue
        for pattern in route.paths:
            match = pattern.regex.fullmatch(path)
            if match and route.shape(match["id"]):
                scheme = "https" if host in route.hosts else address.scheme
                url = clean(f"{scheme}://{host}{path[: match.end('id')]}")
                if len(url) <= LONGEST:
                    yield route, pattern, url
                break


def _serves(route: Route, host: str) -> bool:
    return host in route.hosts or "*" in route.hosts
