"""Checks of the settings alone: what is wrong, misspelt, or means something else than it seems to."""

from collections.abc import Collection, Iterator, Sequence

from bot.config import ConfigError
from bot.config.organizations import OrganizationConfig
from bot.config.settings import no_settings
from bot.links import site_of
from bot.ops.doctor.finding import Finding, Subject, error, ok, warning


def examine(subject: Subject, problems: Sequence[str], variables: Collection[str]) -> Iterator[Finding]:
    """`variables`: the names of all that are set."""
    settings = subject.settings
    unknown = no_settings(variables)
    for problem in problems:
        yield error("settings", problem)
    for name, near in unknown.items():
        step = f"Did you mean {near}?" if near else "Remove it; the documents have a table of all settings."
        yield warning("settings", f"{name} is no setting, and changes nothing.", step)
    if not problems and not unknown:
        yield ok("settings", f"{len(settings.model_fields_set - {'secret_files'})} are set, and valid.")
    if settings.confirmers == ():
        text = "CASE_INSIGHTS_CONFIRMERS is set but empty: nobody may press a button."
        yield error("confirmers", text, "Remove it (then every full member may), or name people and user groups.")
    try:
        routes = settings.routes(subject.orgs)
    except ConfigError as problem:
        yield error("routes", str(problem))
    else:
        yield ok("routes", f"The table of links has {len(routes.rows)} rows.")
        for org in subject.orgs:
            yield from _web_hosts(org)


def _web_hosts(org: OrganizationConfig) -> Iterator[Finding]:
    hosts, ours = org.setting("DD_WEB_HOSTS"), org.hosts.site
    for host in sorted(org.hosts.web_hosts):
        site = site_of(host)
        if site is not None and site != ours and not ours.endswith(f".{site}"):
            yield warning(
                "datadog-hosts",
                f"{hosts} names {host}, which is on {site}, while {org.setting('DD_SITE')} is {ours}.",
                f"Set {org.setting('DD_SITE')} to {site}, or take the host out.",
            )
