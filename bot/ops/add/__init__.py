"""`case-insights add`: puts links on a case from a pipeline or a runbook, without Slack and without a database.

The law: before each call that adds, the case is read, and what it lists is not sent. So a run can be repeated, also
after one that was cut short. Two runs at the same time can put a copy there: Datadog's API has nothing against that.
"""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from bot.config import ConfigError
from bot.config.organizations import OrganizationConfig
from bot.config.settings import for_datadog
from bot.datadog.answers import DatadogCase
from bot.datadog.client import Datadog
from bot.datadog.errors import DatadogPermanent, DatadogTransient, TransientReason
from bot.links import Routes, as_row, explain, orgs_of, parse
from bot.links.id_formats import case_key, uuid
from bot.links.outcomes import CaseLink, Reason, Uncovered
from bot.links.parse import Reading
from bot.messages import adding
from bot.messages.text import clean
from bot.model import Draft, Identity, Insight, InsightType
from bot.ops.add.delivery import Delivery, Ending, Patience, TimeLimits
from bot.worker.backoff import not_now


@dataclass(frozen=True, slots=True)
class LinkResult:
    """What became of one link. `case`: its key, as far as it is known; `reason`: a sentence, empty if it is there."""

    reading: Reading
    case: str
    ending: Ending
    reason: str = ""

    @property
    def is_on_case(self) -> bool:
        return self.ending in (Ending.ADDED, Ending.ON_CASE)


async def run(
    typed: str, links: Iterable[str], limits: TimeLimits | None = None, *, process: Mapping[str, str] | None = None
) -> list[LinkResult]:
    """Put the links on the case that is `typed` (its key, UUID or link); a result for each, in their order.

    Raises ConfigError where nothing was begun: settings are wrong, or there is no such case. `process`: instead of the
    environment and `.env`.
    """
    limits = limits or TimeLimits()
    settings = for_datadog() if process is None else for_datadog(process, env_file=None)
    orgs = settings.orgs()
    routes = settings.routes(orgs)
    readings = [explain(link, routes) for link in links]
    name, owners = _named(typed, orgs, routes)
    patience = Patience(limits)
    async with contextlib.AsyncExitStack() as stack:
        clients = {org.hosts.name: _client(org, limits, stack) for org in owners}
        try:
            org, case = await _find(clients, typed, name, patience)
        except DatadogTransient as error:
            rows = [(reading, _insight(reading)) for reading in readings]
            failed = Ending.FAILED, not_now(error.why, error.status)
            return _results(name, rows, {each.identity: failed for _, each in rows if isinstance(each, Insight)})
        rows = [(reading, _insight(reading, org, orgs)) for reading in readings]
        insights = [insight for _, insight in rows if isinstance(insight, Insight)]
        endings = await Delivery(clients[org], case.id, insights, routes, limits).run(patience)
    return _results(case.key or name, rows, endings)


def _results(
    case: str,
    rows: Iterable[tuple[Reading, Insight | str]],
    endings: Mapping[Identity, tuple[Ending, str]],
) -> list[LinkResult]:
    return [
        LinkResult(reading, case, *endings[insight.identity])
        if isinstance(insight, Insight)
        else LinkResult(reading, case, Ending.NOT_AN_INSIGHT, insight)
        for reading, insight in rows
    ]


def as_text(result: LinkResult) -> str:
    """One line."""
    return f"{clean(result.reading.link)}: {adding.result(result.ending, result.case, result.reason)}"


def as_json(result: LinkResult) -> Mapping[str, object]:
    """One JSON object: link, outcome, case, reason, type, resource_id, scope, ref; absent is null.

    `outcome` is `added`, `on_case`, `not_an_insight` or `failed`.
    """
    read = as_row(result.reading)
    row = {"link": result.reading.link, "outcome": result.ending.value, "case": result.case}
    named = {name: read[name] for name in ("type", "resource_id", "scope", "ref")}
    return {**row, "reason": result.reason or None, **named}


def _client(org: OrganizationConfig, limits: TimeLimits, stack: contextlib.AsyncExitStack) -> Datadog:
    client = Datadog(org.url, org.credentials(), timeout=limits.timeout, renewed=org.renewed)
    stack.push_async_callback(client.close)
    return client


def _named(typed: str, orgs: Sequence[OrganizationConfig], routes: Routes) -> tuple[str, Sequence[OrganizationConfig]]:
    """The key or UUID of the case, and the organisations that may have it; raises ConfigError for none."""
    link = parse(typed, routes)
    if isinstance(link, CaseLink):
        owners = orgs_of(link.host, [org.hosts for org in orgs])
        name, possible = link.case, [org for org in orgs if org.hosts in owners]
    else:
        name, possible = case_key(typed) or uuid(typed), orgs
    if not name or not possible:
        raise ConfigError(adding.not_a_case(clean(typed)))
    return name, possible


async def _find(clients: Mapping[str, Datadog], typed: str, name: str, patience: Patience) -> tuple[str, DatadogCase]:
    """The case, and its organisation; raises ConfigError where there is none or more than one, and DatadogTransient."""
    found = [(org, case) for org, client in clients.items() if (case := await _case(client, typed, name, patience))]
    if not found:
        raise ConfigError(adding.unknown_case(clean(typed)))
    if len(found) > 1:
        raise ConfigError(adding.several_cases(clean(typed), [org for org, _ in found]))
    return found[0]


async def _case(client: Datadog, typed: str, name: str, patience: Patience) -> DatadogCase | None:
    while True:
        try:
            return await client.case(name)
        except DatadogPermanent as refused:
            if refused.status in (400, 404):
                return None
            raise ConfigError(adding.case_forbidden(clean(typed), refused.words)) from refused
        except DatadogTransient as error:
            if error.why is TransientReason.CREDENTIALS:
                raise ConfigError(adding.KEYS_REFUSED) from error
            if not await patience.after(error):
                raise


def _insight(reading: Reading, org: str = "", orgs: Sequence[OrganizationConfig] = ()) -> Insight | str:
    """What a link names, or why that cannot be put on a case of this organisation, if it is known (not "")."""
    match reading.outcome:
        case Insight() as insight:
            owners = orgs_of(insight.host, [each.hosts for each in orgs])
            fits = not org or insight.type is InsightType.SCM_URL or org in [owner.name for owner in owners]
            return insight if fits else adding.not_read(Reason.OTHER_ORG)
        case Draft() as draft:
            return adding.uncertain(draft, reading.hint)
        case CaseLink():
            return adding.CASE_LINK
        case Uncovered() | None:
            return adding.not_read(reading.reason)
        case _:
            assert_never(reading.outcome)
