"""What Datadog says of the keys: whether they are its own, whether cases can be read and written, which names.

Nothing is changed: what is written is tried on a case that cannot exist.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain

from bot.config.organizations import OrganizationConfig
from bot.datadog.client import Answer, Datadog, DatadogTransient
from bot.datadog.resources import TYPES
from bot.messages.view import TYPE_NAMES
from bot.model import InsightType
from bot.ops.doctor.finding import Examined, Finding, Subject, error, listed, ok, warning

NEEDED = frozenset({"DD_SITE", "DD_API_KEY", "DD_APP_KEY", "DD_ACCESS_TOKEN", "DD_API_URL"})
NOBODY = "00000000-0000-0000-0000-000000000000"
NOBODYS: Mapping[InsightType, str] = {
    InsightType.MONITOR: "1",
    InsightType.WIDGET: "aaa-aaa-aaa",
    InsightType.INCIDENT: NOBODY,
    InsightType.ERROR_TRACKING: NOBODY,
    InsightType.SECURITY_SIGNAL: "AAAAAAAAAAAAAAAAAAAAAAAA",
    InsightType.EVENT: "1",
}
"""For each type whose names are looked up, an id that Datadog reads and that is most likely nobody's here."""
READ, WRITE = "GET /api/v2/cases?page%5Bsize%5D=1", f"PUT /api/v2/cases/{NOBODY}/insights"
API_KEY, BOTH_KEYS = "GET /api/v1/validate", "GET /api/v2/validate_keys"
INSIGHT = {"type": "MONITOR", "resource_id": "1", "ref": "/monitors/1"}
WRITTEN = {"data": {"type": "case", "attributes": {"insights": [INSIGHT]}}}
REFUSED = (401, 403)
GONE = frozenset({400, 404, 422})
"""What a case or thing that is not there may answer: then reading it was allowed."""

SlackResponse = Mapping[str, Answer | DatadogTransient]


async def examine(subject: Subject) -> Examined:
    """Whatever can be asked of each organisation with the settings that are right."""
    told = await asyncio.gather(*(_examine(subject, org) for org in subject.orgs))
    findings = [
        replace(finding, text=f"{org.hosts.name}: {finding.text}") if len(subject.orgs) > 1 else finding
        for org, each in zip(subject.orgs, told, strict=True)
        for finding in each.findings
    ]
    return Examined(tuple(findings), next((each.ahead for each in told if each.ahead is not None), None))


async def _examine(subject: Subject, org: OrganizationConfig) -> Examined:
    datadog = Datadog(org.url, org.credentials(), timeout=subject.within)
    try:
        told = await _ask_all(datadog, [*_keys_asked(org), READ, WRITE, *_names_asked()], subject.within)
    finally:
        await datadog.close()
    ahead = next((subject.clock() - each.at for each in told.values() if isinstance(each, Answer) and each.at), None)
    return Examined(tuple(_findings(org, told)), ahead)


def _findings(org: OrganizationConfig, told: SlackResponse) -> Iterable[Finding]:
    if all(isinstance(each, DatadogTransient) for each in told.values()):
        why = next(_broke(each) for each in told.values() if isinstance(each, DatadogTransient))
        url = org.setting("DD_API_URL")
        fix = f"Check the network, a proxy (HTTPS_PROXY) and {url}, which is for the sandbox alone."
        return [error("datadog-keys", f"Datadog does not answer at {org.url} ({why}).", fix)]
    refused = _keys_refused(org, told)
    if refused:
        return [refused]
    good = ok("datadog-keys", f"{org.hosts.site} takes the {'keys' if org.has_keys else 'access token'}.")
    return chain([good], _cases(told), _names(told))


def _keys_refused(org: OrganizationConfig, told: SlackResponse) -> Finding | None:
    api_key, app_key, token = map(org.setting, ("DD_API_KEY", "DD_APP_KEY", "DD_ACCESS_TOKEN"))
    site = (
        f"If your Datadog is on another site, as its pages' host tells, set {org.setting('DD_SITE')} "
        f"(now {org.hosts.site}); otherwise"
    )
    if _status(told, API_KEY) in REFUSED:
        fix = f"{site} make an API key under Organization Settings, API Keys, and set {api_key}."
        return error("datadog-keys", f"Datadog does not accept {api_key} at {org.url}.", fix)
    if _status(told, BOTH_KEYS) in REFUSED:
        fix = "Make an application key in the same organisation: Organization Settings, Application Keys."
        return error("datadog-keys", f"Datadog accepts {api_key}, but not {app_key} with it.", fix)
    if all(_status(told, each) in REFUSED for each in (READ, WRITE)) and not org.has_keys:
        text = f"Datadog does not accept {token} at {org.url}, or it may do nothing with cases."
        return error("datadog-keys", text, f"{site} renew the token, with cases_read and cases_write.")
    if _status(told, READ) == 404:
        text = f"{org.url} answers, but not as Datadog's API does (404)."
        url, site = org.setting("DD_API_URL"), org.setting("DD_SITE")
        return error("datadog-keys", text, f"Remove {url}, which is for the sandbox alone; {site} tells the rest.")
    return None


def _cases(told: SlackResponse) -> Iterable[Finding]:
    for asked, verb, scope in ((READ, "read", "cases_read"), (WRITE, "change", "cases_write")):
        status = _status(told, asked)
        if status in REFUSED:
            fix = f"Give {scope} to the application key (its scopes) and to its owner (their role)."
            yield error("datadog-cases", f"Datadog refuses to let the bot {verb} cases ({status}).", fix)
        elif status == 200 or (asked is WRITE and status in GONE):
            tried = "" if asked is READ else ", as far as a case that does not exist can tell"
            yield ok("datadog-cases", f"Cases can be {'read' if asked is READ else 'changed'}{tried}.")
        else:
            yield _unknown("datadog-cases", f"whether the bot may {verb} cases", status)


def _names(told: SlackResponse) -> Iterable[Finding]:
    """Optional: without a name an insight shows its id."""
    by_status: dict[int | None, list[str]] = {}
    for asked, (kind, scope) in _names_asked().items():
        status = _status(told, asked)
        known = status == 200 or status in GONE
        by_status.setdefault(200 if known else status, []).append(f"{TYPE_NAMES[kind]} ({scope})")
    for status, names in by_status.items():
        if status == 200:
            yield ok("datadog-names", f"Names can be looked up: {listed(names)}.")
        elif status in REFUSED:
            text = f"Insights of these types show an id instead of a name: {listed(names)}."
            yield warning("datadog-names", text, "Leave it so, or give the application key these permissions.")
        else:
            yield _unknown("datadog-names", f"whether names can be looked up ({listed(names)})", status)


def _unknown(check: str, what: str, status: int | None) -> Finding:
    answer = f"Datadog answered {status}" if status else "Datadog did not answer"
    return warning(check, f"{answer}, so it is not known {what}.", "Ask again in a minute.")


def _keys_asked(org: OrganizationConfig) -> list[str]:
    return [API_KEY, BOTH_KEYS] if org.has_keys else []


def _names_asked() -> dict[str, tuple[InsightType, str]]:
    """What to ask for each permission that a name needs, once."""
    kinds = {kind.scope: kind for kind in reversed(TYPES)}
    return {f"GET {kind.path.format(NOBODYS[kind.insight])}": (kind.insight, scope) for scope, kind in kinds.items()}


async def _ask_all(datadog: Datadog, wanted: Iterable[str], within: float) -> SlackResponse:
    async def ask(each: str) -> tuple[str, Answer | DatadogTransient]:
        method, _, path = each.partition(" ")
        try:
            return each, await datadog.ask(method, path, WRITTEN if each is WRITE else None, within=within)
        except DatadogTransient as later:
            return each, later

    return dict(await asyncio.gather(*map(ask, wanted)))


def _status(told: SlackResponse, asked: str) -> int | None:
    """None: it was not asked, or not answered."""
    answer = told.get(asked)
    return answer.status if isinstance(answer, Answer) else None


def _broke(later: DatadogTransient) -> str:
    return type(later.__cause__).__name__ if later.__cause__ else str(later)
