"""What the settings alone tell: what is wrong, misspelt, or means something else than it looks."""

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches

from bot.config import ConfigError
from bot.config.organizations import OrganizationConfig
from bot.config.settings import SECRETS, Settings
from bot.links import Routes, is_web_host, site_of
from bot.ops.doctor.finding import Finding, Subject, error, ok, warning

PREFIX = "CASE_INSIGHTS_"
"""Variables with it are ours, and one that is not known is misspelt; `DD_…` is also the Datadog Agent's."""


def examine(subject: Subject, problems: Sequence[str], given: Collection[str]) -> Iterator[Finding]:
    """`given`: the names of all variables that are set."""
    settings = subject.settings
    known = {f"{name}_FILE" for name in SECRETS} | {each.alias for each in Settings.model_fields.values() if each.alias}
    strange = sorted(name for name in given if name.startswith(PREFIX) and name not in known)
    for problem in problems:
        yield error("settings", problem)
    for name in strange:
        yield warning("settings", f"{name} is no setting, and changes nothing.", _meant(name, known))
    if not problems and not strange:
        yield ok("settings", f"{len(known.intersection(given))} are set, and can be used.")
    if settings.confirmers == ():
        text = "CASE_INSIGHTS_CONFIRMERS is set but empty: nobody may press a button."
        yield error("confirmers", text, "Remove it (then every full member may), or name people and user groups.")
    try:
        routes = settings.routes()
    except ConfigError as refused:
        yield error("routes", str(refused))
    else:
        yield ok("routes", f"The table of links has {len(routes.rows)} rows.")
        for org in subject.orgs:
            yield from _web_hosts(org, routes)


def _meant(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, 1)
    return f"Did you mean {near[0]}?" if near else "Remove it; the README has a table of all settings."


def _web_hosts(org: OrganizationConfig, routes: Routes) -> Iterator[Finding]:
    hosts, ours = org.setting("DD_WEB_HOSTS"), org.hosts.site
    for host in sorted(org.hosts.web_hosts):
        site = site_of(host)
        if not (is_web_host(host) or host in routes.web_hosts):
            yield error(
                "datadog-hosts",
                f"{hosts} names {host}, from which Datadog serves no pages: no link will match it.",
                "Write the host alone, as the browser shows it in Datadog: acme.datadoghq.com.",
            )
        elif site is not None and site != ours and not ours.endswith(f".{site}"):
            yield warning(
                "datadog-hosts",
                f"{hosts} names {host}, which is on {site}, while {org.setting('DD_SITE')} is {ours}.",
                f"Set {org.setting('DD_SITE')} to {site}, or take the host out.",
            )
