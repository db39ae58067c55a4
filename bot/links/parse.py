"""What a link is: an insight, a draft, a case, uncovered, or not ours to read.

Neither `parse` nor `explain` raises: people paste anything, and a bad link is no error of ours.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from bot.links import id_formats, sites, urls
from bot.links.ids import IdMatch, find
from bot.links.outcomes import CaseLink, Outcome, Reason, Uncovered
from bot.links.refs import LONGEST, clean, ref_of
from bot.links.routes import Path, Route, Routes
from bot.links.urls import Address, Param
from bot.links.wrapped import unwrapped
from bot.model import Draft, Identity, Insight, InsightType, NoteType

_LOGIN = "/account/login"
_UNKNOWN = (Reason.NO_ROUTE, Reason.UNKNOWN_PAGE)
_NOTED = frozenset((*_UNKNOWN, Reason.DASHBOARD, Reason.NOTEBOOK, Reason.LOGS, Reason.TRACES, Reason.SHORT_LINK))
"""The pages that may show one thing: no lists, settings, logins."""
OTHER_PAGE = "Page"
"""The note of a page that the table does not know: whoever asks for it may keep it; nobody is offered it."""
# A login page can lead to a login page, but not to endless ones.
_DEEPEST_LOGIN = 3
# Two mail programs and Slack can each wrap a link in one of their own.
_MOST_WRAPS = 3
_TEMPLATE = re.compile(r"\{\{|%7[bB]%7[bB]|(?:\$|%24)(?:\{|%7[bB]|[A-Z][A-Z0-9_]+\b)")
_TEMPLATE_IN_PATH = re.compile(r"[{}]|%7[bd]", re.IGNORECASE)


class Reading(NamedTuple):
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
    """What the link is, and why; of a link that something wraps, the inner one."""
    return _read(link, urls.split(link), routes)


def _read(link: str, address: Address | Reason, routes: Routes, wraps: int = 0) -> Reading:
    if isinstance(address, Reason):
        return Reading(link, None, reason=address)
    refusal = None if address.host in routes.web_hosts else sites.refusal(address.host)
    if refusal is None:
        return _datadog(link, address, routes)
    if refusal is not Reason.NOT_OURS:
        return Reading(link, None, reason=refusal)
    inner = unwrapped(address) if wraps < _MOST_WRAPS else None
    return _scm(link, address, routes) if inner is None else _read(link, urls.split(inner), routes, wraps + 1)


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


def _first_segment(path: str) -> str:
    return path.split("/", 2)[1]


def _meets(params: Sequence[Param], route: Route) -> bool:
    """Whether the link has the parameters that the route requires, and none that it excludes."""
    pairs = {param[:2] for param in params}
    return pairs.issuperset(route.where) and pairs.isdisjoint(route.unless)


def _datadog(link: str, address: Address, routes: Routes) -> Reading:
    if address.path.startswith(_LOGIN):
        address = _behind_login(address)
    first = _first_segment(address.path)
    for path, _ in routes.cases.at(first):
        match = path.regex.fullmatch(address.path)
        case = match and id_formats.at_start(id_formats.case, urls.decoded(match["id"]))[0]
        if case:
            return Reading(link, CaseLink(case, address.host), "case", rule=path.text)
    params = urls.params(address.query) if address.query else ()
    refused = False
    for path, route in routes.datadog.at(first):
        match = path.regex.fullmatch(address.path) if params or not path.is_family else None
        if match is None or ((route.where or route.unless) and not _meets(params, route)):
            continue
        found = find(route, path, match, address, params)
        # The page alone is a draft of some types.
        if found.ids or (route.draft == "page" and not path.has_id and not path.is_family):
            return _claimed(link, address, params, route, path, found)
        refused = refused or found.refused
    reason = _why_uncovered(address, params, routes, refused)
    note = _note(address, params, routes, reason) if reason in _NOTED else None
    return Reading(link, Uncovered(reason, address.host, note), reason=reason)


def _note(address: Address, params: Sequence[Param], routes: Routes, reason: Reason) -> Insight | None:
    """What a page without an insight type shows: one thing by its id, or a view by its whole address."""
    for path, row in routes.notes.at(_first_segment(address.path)):
        match = path.regex.fullmatch(address.path)
        if match is None or (row.name == OTHER_PAGE and reason not in _UNKNOWN):
            continue
        if path.has_id or row.places:
            found = find(row, path, match, address, params)
            resource_id = next(iter(found.ids), "")
            ref = ref_of(address, params, found, row.short) if resource_id else ""
        else:
            fragment = address.fragment if row.view else ""
            ref = resource_id = ref_of(address, params, IdMatch(path=address.path, fragment=fragment))
        if resource_id and (not row.view or "?" in ref or "#" in ref):
            return Insight(NoteType.NOTE, resource_id, ref, address.host, row.name)
    return None


def _claimed(link: str, address: Address, params: Sequence[Param], route: Route, path: Path, match: IdMatch) -> Reading:
    assert isinstance(route.type, InsightType), "notes are looked for where no route claims a link"  # noqa: S101
    ref = ref_of(address, params, match, route.short)
    if route.draft is None and len(match.ids) == 1:
        insight = Insight(route.type, match.ids[0], ref, address.host, match.scope)
        return Reading(link, insight, route.name, rule=path.text)
    draft = Draft(route.type, match.ids[0] if match.ids else None, ref, address.host, match.scope)
    hint = route.hint if len(match.ids) < 2 else "The link has more than one id: choose the right one."
    return Reading(link, draft, route.name, rule=path.text, hint=hint)


def _behind_login(address: Address) -> Address:
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


def _why_uncovered(address: Address, params: Sequence[Param], routes: Routes, refused: bool) -> Reason:
    text = f"{address.path}?{address.query}#{address.fragment}"
    may_be_template = "{" in text or "$" in text or "%" in text
    if may_be_template and (_TEMPLATE.search(text) or _TEMPLATE_IN_PATH.search(address.path)):
        return Reason.TEMPLATE
    if refused:
        return Reason.BAD_ID
    for path, page in routes.pages.at(_first_segment(address.path)):
        if path.regex.fullmatch(address.path) and address.fragment.startswith(page.fragment or ("",)):
            is_list = page.reason is Reason.LIST_PAGE and not page.fragment
            return Reason.UNKNOWN_PAGE if is_list and _names_something(address, params, routes) else page.reason
    return Reason.NO_ROUTE


def _names_something(address: Address, params: Sequence[Param], routes: Routes) -> bool:
    """Whether a list's address holds more: a page in the fragment, or what is an id on another page of its family."""
    if not params:
        return bool(address.fragment)
    names = routes.id_names.get(_first_segment(address.path), frozenset())
    return bool(address.fragment) or not names.isdisjoint([param.name for param in params])


def _scm(link: str, address: Address, routes: Routes) -> Reading:
    """A change on a code host. Its id is the URL of the change itself, without what follows (`/files`)."""
    host, path = address.host.removeprefix("www."), address.path
    serving = [] if _TEMPLATE_IN_PATH.search(path) else [row for row in routes.scm if _serves(row, host, routes)]
    for route, pattern in [(row, pattern) for row in serving for pattern in row.paths]:
        match = pattern.regex.fullmatch(path)
        resource_id, length = id_formats.at_start(route.shape, match["id"]) if match else (None, 0)
        if match and resource_id:
            scheme = "https" if host in route.hosts else address.scheme
            before, of_change = path[: match.start("id")], path[match.start("id") :][:length]
            if route.short and "/-/" in before:
                continue  # GitLab's sign of an address as it is written now
            if route.short:
                before = before[:-1].rpartition("/")[0] + route.short.removesuffix("{id}")
            url = clean(f"{scheme}://{host}{before}{of_change}")
            if len(url) <= LONGEST:
                return Reading(link, Insight(InsightType.SCM_URL, url, url, host), route.name, rule=pattern.text)
    return Reading(link, None, reason=Reason.NOT_OURS)


def _serves(route: Route, host: str, routes: Routes) -> bool:
    """`*`: any host; `*.ghe.com`: any below it."""
    return host in routes.scm_hosts or any(
        host == name or name == "*" or (name.startswith("*.") and host.endswith(name[1:])) for name in route.hosts
    )
