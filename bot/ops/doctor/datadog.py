"""Checks of each Datadog organisation: its keys, whether cases can be read and changed, which names can be read.

Nothing is changed: writing is tried on a case that cannot exist, creating without a title, type or project.
"""

import asyncio
from collections.abc import Iterable, Mapping

from bot.config import network
from bot.config.organizations import OrganizationConfig
from bot.datadog.answers import user_in
from bot.datadog.client import Datadog
from bot.datadog.errors import DatadogTransient
from bot.datadog.resources import TYPES
from bot.datadog.transport import Answer
from bot.messages.card_view import type_name
from bot.model import Identity
from bot.ops.doctor.finding import Examined, Finding, Subject, error, listed, ok, together, warning

NEEDED = frozenset({"DD_SITE", "DD_API_KEY", "DD_APP_KEY", "DD_ACCESS_TOKEN", "DD_API_URL"})
NO_ID = "00000000-0000-0000-0000-000000000000"
NO_IDS: Mapping[str, str] = {
    "monitors_read": "1",
    "dashboards_read": "aaa-aaa-aaa",
    "incident_read": NO_ID,
    "error_tracking_read": NO_ID,
    "security_monitoring_signals_read": "AAAAAAAAAAAAAAAAAAAAAAAA",
    "events_read": "1",
    "notebooks_read": "1",
    "slos_read": "0" * 32,
    "synthetics_read": "aaa-aaa-aaa",
}
"""For each permission that names need, an id of the right shape that most likely does not exist."""
READ, WRITE = "GET /api/v2/cases?page%5Bsize%5D=1", f"PUT /api/v2/cases/{NO_ID}/insights"
API_KEY, BOTH_KEYS = "GET /api/v1/validate", "GET /api/v2/validate_keys"
OWNER = "GET /api/v2/current_user"
"""Needs no permission (docs.datadoghq.com/api/latest/users/get-current-user)."""
INSIGHT = {"type": "MONITOR", "resource_id": "1", "ref": "/monitors/1"}
CREATE = "POST /api/v2/cases"
PROJECT = {"project": {"data": {"id": NO_ID, "type": "project"}}}
BODIES = {
    WRITE: {"data": {"type": "case", "attributes": {"insights": [INSIGHT]}}},
    CREATE: {"data": {"type": "case", "attributes": {"title": "", "type_id": NO_ID}, "relationships": PROJECT}},
}
REFUSED = (401, 403)
GONE = frozenset({400, 404, 422})
"""Answers for a case or resource that does not exist: reading it was allowed."""

Answers = Mapping[str, Answer | DatadogTransient]
"""By request: "GET /api/v1/validate"."""


async def examine(subject: Subject) -> Examined:
    """All organisations whose settings are right."""
    examined = await asyncio.gather(*(_examine(subject, org) for org in subject.orgs))
    return together([org.hosts.name for org in subject.orgs], examined)


async def _examine(subject: Subject, org: OrganizationConfig) -> Examined:
    datadog = Datadog(org.url, org.credentials(), timeout=subject.within)
    try:
        requests = [*_key_requests(org), READ, WRITE, CREATE, OWNER, *_name_requests()]
        answers = await _ask_all(datadog, requests, subject.within)
    finally:
        await datadog.close()
    clocks = [answer.at for answer in answers.values() if isinstance(answer, Answer) and answer.at]
    return Examined(tuple(_findings(org, answers)), subject.clock() - clocks[0] if clocks else None)


def _findings(org: OrganizationConfig, answers: Answers) -> list[Finding]:
    errors = [answer for answer in answers.values() if isinstance(answer, DatadogTransient)]
    if len(errors) == len(answers):
        why = network.cause_of(errors[0].__cause__, org.url) if errors[0].__cause__ else str(errors[0])
        url = org.setting("DD_API_URL")
        fix = (
            "Check the network, a proxy (HTTPS_PROXY), your own certificates (SSL_CERT_FILE), "
            f"and {url}, which is for the sandbox alone."
        )
        return [error("datadog-keys", f"Datadog does not answer at {org.url} ({why}).", fix)]
    if refused := _keys_refused(org, answers):
        return [refused]
    keys = ok("datadog-keys", f"{org.hosts.site} accepts the {'keys' if org.has_keys else 'access token'}.")
    return [keys, *_owner(org, answers), *_cases(answers), _creating(answers), *_names(answers)]


def _keys_refused(org: OrganizationConfig, answers: Answers) -> Finding | None:
    api_key, app_key, token = map(org.setting, ("DD_API_KEY", "DD_APP_KEY", "DD_ACCESS_TOKEN"))
    site = (
        f"If your Datadog is on another site, as the address of its pages shows, set {org.setting('DD_SITE')} "
        f"(now {org.hosts.site}); otherwise"
    )
    if _status(answers, API_KEY) in REFUSED:
        fix = f"{site} make an API key under Organization Settings, API Keys, and set {api_key}."
        return error("datadog-keys", f"Datadog does not accept {api_key} at {org.url}.", fix)
    if _status(answers, BOTH_KEYS) in REFUSED:
        fix = "Make an application key in the same organisation: Organization Settings, Application Keys."
        return error("datadog-keys", f"Datadog accepts {api_key}, but not {app_key} with it.", fix)
    if all(_status(answers, request) in REFUSED for request in (READ, WRITE)) and not org.has_keys:
        text = f"Datadog does not accept {token} at {org.url}, or it may not use cases."
        return error("datadog-keys", text, f"{site} renew the token, with cases_read and cases_write.")
    if _status(answers, READ) == 404:
        text = f"{org.url} answers, but not as Datadog's API does (404)."
        url, site = org.setting("DD_API_URL"), org.setting("DD_SITE")
        return error("datadog-keys", text, f"Remove {url}, which is for the sandbox alone; {site} is enough.")
    return None


def _owner(org: OrganizationConfig, answers: Answers) -> Iterable[Finding]:
    """Whose name stands on cases; nothing where Datadog does not tell: the bot works all the same."""
    answer = answers.get(OWNER)
    owner = user_in(answer.content) if isinstance(answer, Answer) and answer.status == 200 else None
    if owner is None:
        return
    text = f"What the bot writes to cases shows under the name of {owner.name}"
    if owner.is_service_account is False:
        what = "an application key" if org.has_keys else "an access token"
        fix = f"Better make {what} of a service account that may read and write cases: a person's ends with them."
        yield warning("datadog-owner", f"{text}, a person.", fix)
    else:
        yield ok("datadog-owner", f"{text}{', a service account' if owner.is_service_account else ''}.")


def _cases(answers: Answers) -> Iterable[Finding]:
    for request, verb, scope in ((READ, "read", "cases_read"), (WRITE, "change", "cases_write")):
        status = _status(answers, request)
        if status in REFUSED:
            fix = f"Give {scope} to the application key (its scopes) and to its owner (their role)."
            yield error("datadog-cases", f"Datadog refuses to let the bot {verb} cases ({status}).", fix)
        elif status == 200 or (request is WRITE and status in GONE):
            tried = "" if request is READ else ", as far as a case that does not exist can tell"
            yield ok("datadog-cases", f"Cases can be {'read' if request is READ else 'changed'}{tried}.")
        else:
            yield _unknown("datadog-cases", f"whether the bot may {verb} cases", status)


def _creating(answers: Answers) -> Finding:
    """Optional: everything else works without it."""
    status = _status(answers, CREATE)
    if status in REFUSED:
        text = f"Datadog refuses to let the bot create cases ({status}), so Create case will not work."
        return warning("datadog-cases", text, "Leave it so, or give cases_write to the application key and its owner.")
    if status in GONE:
        return ok("datadog-cases", "Cases can be created, as far as one without a title can tell.")
    return _unknown("datadog-cases", "whether the bot may create cases", status)


def _names(answers: Answers) -> Iterable[Finding]:
    """Optional: what has no name shows its id."""
    by_status: dict[int | None, list[str]] = {}
    for request, (what, scope) in _name_requests().items():
        status = _status(answers, request)
        known = status == 200 or status in GONE
        by_status.setdefault(200 if known else status, []).append(f"{what} ({scope})")
    for status, names in by_status.items():
        if status == 200:
            yield ok("datadog-names", f"Names can be looked up: {listed(names)}.")
        elif status in REFUSED:
            text = f"Links of these types show an id instead of a name: {listed(names)}."
            yield warning("datadog-names", text, "Leave it so, or give the application key these permissions.")
        else:
            yield _unknown("datadog-names", f"whether names can be looked up ({listed(names)})", status)


def _unknown(check: str, what: str, status: int | None) -> Finding:
    answer = f"Datadog answered {status}" if status else "Datadog did not answer"
    return warning(check, f"{answer}, so it is not known {what}.", "Try again in a minute.")


def _key_requests(org: OrganizationConfig) -> list[str]:
    return [API_KEY, BOTH_KEYS] if org.has_keys else []


def _name_requests() -> dict[str, tuple[str, str]]:
    """A request for each permission that a name needs, with what shows that name."""
    by_scope = {row.scope: row for row in reversed(TYPES)}
    return {
        f"GET {row.path.format(NO_IDS[scope])}": (type_name(Identity(row.insight, row.note, "")), scope)
        for scope, row in by_scope.items()
    }


async def _ask_all(datadog: Datadog, requests: Iterable[str], within: float) -> Answers:
    async def ask(request: str) -> tuple[str, Answer | DatadogTransient]:
        method, _, path = request.partition(" ")
        try:
            return request, await datadog.ask(method, path, BODIES.get(request), within=within)
        except DatadogTransient as error:
            return request, error

    return dict(await asyncio.gather(*map(ask, requests)))


def _status(answers: Answers, request: str) -> int | None:
    """None: it was not sent, or not answered."""
    answer = answers.get(request)
    return answer.status if isinstance(answer, Answer) else None
