"""Datadog's hosts: its nine sites, which organisation a web host belongs to, and look-alikes.

Every comparison is on the parsed, lower-cased host, label by label, never on a substring.
Sites and hosts: https://docs.datadoghq.com/getting_started/site/
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.links.outcomes import Reason


@dataclass(frozen=True, slots=True)
class Site:
    """A Datadog site: its site parameter, and the host of its web pages."""

    name: str
    parameter: str
    web_host: str


@dataclass(frozen=True, slots=True)
class OrgHosts:
    """The web hosts of one Datadog organisation.

    `site` is the site parameter (`datadoghq.com`, `us5.datadoghq.com` …), `web_hosts` its custom sub-domains;
    without any, every sub-domain under the site's suffix counts but those where Datadog serves no web app.
    """

    name: str
    site: str
    web_hosts: frozenset[str] = frozenset()


SITES = (
    Site("US1", "datadoghq.com", "app.datadoghq.com"),
    Site("US3", "us3.datadoghq.com", "us3.datadoghq.com"),
    Site("US5", "us5.datadoghq.com", "us5.datadoghq.com"),
    Site("AP1", "ap1.datadoghq.com", "ap1.datadoghq.com"),
    Site("AP2", "ap2.datadoghq.com", "ap2.datadoghq.com"),
    Site("UK1", "uk1.datadoghq.com", "uk1.datadoghq.com"),
    Site("EU1", "datadoghq.eu", "app.datadoghq.eu"),
    Site("US1-FED", "ddog-gov.com", "app.ddog-gov.com"),
    Site("US2-FED", "us2.ddog-gov.com", "us2.ddog-gov.com"),
)

_BY_PARAMETER = {site.parameter: site for site in SITES}
# Some tools build `app.us5.datadoghq.com`; it counts as that site.
_BY_WEB_HOST = {host: site for site in SITES for host in (site.web_host, f"app.{site.parameter}")}
_SUFFIXES = ("datadoghq.com", "datadoghq.eu", "ddog-gov.com")
_FAMILIAR = ("datadoghq", "ddog-gov", "datad0g")

# Sub-domains of Datadog that do not serve the web app. Custom sub-domains are free text, so this can only
# be a list; an org that really has one of these names sets it in DD_WEB_HOSTS.
# fmt: off
_NOT_THE_APP = frozenset({
    "agent", "api", "apt", "blog", "browser-intake", "careers", "cdn", "chat", "community", "config", "dd-agent",
    "docs", "download", "downloads", "events", "go", "govsupport", "help", "images", "info", "install", "intake",
    "investors", "ip-ranges", "jobs", "keys", "labs", "learn", "learning", "logs", "marketplace", "mcp", "otlp",
    "p", "packages", "partner", "partners", "process", "public", "pypi", "rpm", "s3", "security", "securitylabs",
    "sftp", "static", "status", "store", "support", "telemetry", "trace", "training", "trust", "www", "yum",
})
# fmt: on
_LABEL = re.compile(r"(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""Of a host; `xn--` would spell foreign letters."""
# Where browsers send to: `browser-intake-us3-datadoghq.com`.
_INTAKE = re.compile(r"browser-intake-(?:[a-z0-9]{2,4}-)?(?:datadoghq\.com|datadoghq\.eu|ddog-gov\.com)")


def api_host(site: str) -> str:
    """The API host of a site parameter."""
    return f"api.{site}"


@lru_cache(maxsize=4096)
def refusal(host: str) -> Reason | None:
    """Why a lower-cased host is none of Datadog's web hosts; None when it is one."""
    if host in _BY_WEB_HOST:
        return None
    if "xn--" in host:
        return Reason.DISGUISED
    for suffix in _SUFFIXES:
        if host == suffix:
            return Reason.NOT_THE_APP
        if host.endswith(f".{suffix}"):
            return None if _custom_site(host) is not None else Reason.NOT_THE_APP
    if _INTAKE.fullmatch(host):
        return Reason.NOT_THE_APP
    return Reason.LOOK_ALIKE if any(name in host for name in _FAMILIAR) else Reason.NOT_OURS


def orgs_of(host: str, orgs: Sequence[OrgHosts]) -> tuple[OrgHosts, ...]:
    """Every configured org that a web host can belong to.

    A host that an org names, or its site's own web host, beats a custom sub-domain of the site. Several orgs
    remain when they share a site's web host.
    """
    host = host.lower()
    named = tuple(org for org in orgs if host in org.web_hosts)
    if named:
        return named
    site = _BY_WEB_HOST.get(host)
    if site is not None:
        return tuple(org for org in orgs if org.site == site.parameter)
    custom = _custom_site(host)
    if custom is None:
        return ()
    return tuple(org for org in orgs if not org.web_hosts and _under(org.site, custom))


def elsewhere(hosts: Collection[str], orgs: Sequence[OrgHosts]) -> frozenset[str]:
    """The sites of these web hosts, if none of the hosts belongs to a configured org: DD_SITE may be wrong.

    A custom sub-domain that could be on an org's site proves nothing.
    """
    if any(orgs_of(host, orgs) for host in hosts):
        return frozenset()
    return frozenset(
        site
        for host in hosts
        if (site := site_of(host))
        and not any(org.site == site or (host not in _BY_WEB_HOST and _under(org.site, site)) for org in orgs)
    )


def can_be_web_host(host: str) -> bool:
    """Whether a lower-cased host can be one that an organisation names: it is on a site, whatever its name.

    `status.datadoghq.com` can be, where an organisation says so.
    """
    label, _, parent = host.partition(".")
    return host in _BY_WEB_HOST or (parent in _BY_PARAMETER and _LABEL.fullmatch(label) is not None)


def site_of(host: str) -> str | None:
    """The site parameter of a lower-cased web host, as far as the host shows it; None if it is not Datadog's."""
    site = _BY_WEB_HOST.get(host)
    return site.parameter if site is not None else _custom_site(host)


def _under(site: str, custom: str) -> bool:
    """Whether a custom sub-domain under `custom` can be on `site`: the bare domain does not show the site."""
    return site == custom or (custom in _SUFFIXES and site.endswith(f".{custom}"))


def _custom_site(host: str) -> str | None:
    """The site of a custom sub-domain (`acme.us5.datadoghq.com`), or None."""
    label, _, parent = host.partition(".")
    return parent if parent in _BY_PARAMETER and _is_org_label(label) else None


def _is_org_label(label: str) -> bool:
    if label in _NOT_THE_APP or label.endswith(("-intake", "-agent")) or label.startswith("browser-intake"):
        return False
    return _LABEL.fullmatch(label) is not None
