"""What the settings alone tell: what is wrong, misspelt, or means something else than it looks."""

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches

from bot.doctor.finding import Finding, Subject, error, ok, warning
from bot.links import Routes, is_web_host, site_of
from bot.settings import SECRETS, Settings, SettingsError

PREFIX = "CASE_INSIGHTS_"
"""Variables with it are ours, and one that is not known is misspelt; `DD_…` is also the Datadog Agent's."""


def examine(subject: Subject, problems: Sequence[SettingsError], given: Collection[str]) -> Iterator[Finding]:
    """`given`: the names of all variables that are set."""
    settings = subject.settings
    known = {str(field.alias) for field in Settings.model_fields.values()} | {f"{name}_FILE" for name in SECRETS}
    strange = sorted(name for name in given if name.startswith(PREFIX) and name not in known)
    for problem in problems:
        yield error("settings", str(problem))
    for name in strange:
        yield warning("settings", f"{name} is no setting, and changes nothing.", _meant(name, known))
    if not problems and not strange:
        yield ok("settings", f"{len(known.intersection(given))} are set, and can be used.")
    if settings.confirmers == ():
        text = "CASE_INSIGHTS_CONFIRMERS is set but empty: nobody may press a button."
        yield error("confirmers", text, "Remove it (then every full member may), or name people and user groups.")
    try:
        routes = settings.routes()
    except SettingsError as refused:
        yield error("routes", str(refused))
    else:
        yield ok("routes", f"The table of links has {len(routes.rows)} rows.")
        yield from _web_hosts(settings, routes)


def _meant(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, 1)
    return f"Did you mean {near[0]}?" if near else "Remove it; the README has a table of all settings."


def _web_hosts(settings: Settings, routes: Routes) -> Iterator[Finding]:
    for host in settings.org.web_hosts:
        site = site_of(host)
        if not (is_web_host(host) or host in routes.web_hosts):
            yield error(
                "datadog-hosts",
                f"DD_WEB_HOSTS names {host}, from which Datadog serves no pages: no link will match it.",
                "Write the host alone, as the browser shows it in Datadog: acme.datadoghq.com.",
            )
        elif site is not None and site != settings.dd_site and not settings.dd_site.endswith(f".{site}"):
            yield warning(
                "datadog-hosts",
                f"DD_WEB_HOSTS names {host}, which is on {site}, while DD_SITE is {settings.dd_site}.",
                f"Set DD_SITE={site}, or take the host out.",
            )
