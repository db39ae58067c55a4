"""Datadog's hosts: its nine sites, whose web host is whose, and which hosts only look the part.

Every comparison is on the parsed, lower-cased host, label by label; never on a substring.
Sites and hosts: https://docs.datadoghq.com/getting_started/site/
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.model import OrgHosts, Reason


@dataclass(frozen=True, slots=True)
class Site:
    """One Datadog site: its site parameter, and the host its web pages are served from."""

    name: str
    parameter: str
    web_host: str

    @property
    def api_host(self) -> str:
        return f"api.{self.parameter}"


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
# Third parties also build `app.us5.datadoghq.com`; it is read as that site.
_BY_WEB_HOST = {host: site for site in SITES for host in (site.web_host, f"app.{site.parameter}")}
_SUFFIXES = ("datadoghq.com", "datadoghq.eu", "ddog-gov.com")
_FAMILIAR = ("datadoghq", "ddog-gov", "datad0g")

# Labels under a Datadog domain that serve something else than the web app. Custom sub-domains are
# free text, so this can only be a list; an org that really has one of these names configures it.
# fmt: off
_NOT_THE_APP = frozenset({
    "agent", "api", "apt", "blog", "browser-intake", "careers", "cdn", "chat", "community", "config", "dd-agent",
    "docs", "download", "downloads", "events", "go", "govsupport", "help", "images", "info", "install", "intake",
    "investors", "ip-ranges", "jobs", "keys", "labs", "learn", "learning", "logs", "marketplace", "mcp", "otlp",
    "p", "packages", "partner", "partners", "process", "public", "rpm", "s3", "security", "securitylabs", "sftp",
    "static", "status", "store", "support", "telemetry", "trace", "training", "trust", "www", "yum",
})
# fmt: on


def api_host(site: str) -> str:
    """The API host of a site parameter: always `api.` and the parameter."""
    return f"api.{site}"


def is_web_host(host: str) -> bool:
    """Whether Datadog's web pages can be served from this lower-cased host."""
    return refusal(host) is None


@lru_cache(maxsize=4096)
def refusal(host: str) -> Reason | None:
    """Why a lower-cased host is not one of Datadog's web hosts; None when it is one."""
    if host in _BY_WEB_HOST:
        return None
    if "xn--" in host:
        return Reason.DISGUISED
    for suffix in _SUFFIXES:
        if host == suffix:
            return Reason.NOT_THE_APP
        if host.endswith(f".{suffix}"):
            return None if _custom_site(host) is not None else Reason.NOT_THE_APP
    return Reason.LOOK_ALIKE if any(name in host for name in _FAMILIAR) else Reason.NOT_OURS


def orgs_of(host: str, orgs: Sequence[OrgHosts]) -> tuple[OrgHosts, ...]:
    """Every configured org that a web host can belong to, best claims only.

    A host that an org names, or its site's own web host, beats a custom sub-domain that merely lies under
    the site's domain. More than one org remains when several share a site's web host.
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
    """The sites of these web hosts, where no host is a configured org's and no org is on these sites.

    Then a site may be set wrongly. A custom sub-domain that could be on an org's site says nothing.
    """
    if any(orgs_of(host, orgs) for host in hosts):
        return frozenset()
    return frozenset(
        site
        for host in hosts
        if (site := site_of(host))
        and not any(org.site == site or (host not in _BY_WEB_HOST and _under(org.site, site)) for org in orgs)
    )


def site_of(host: str) -> str | None:
    """The site parameter of a lower-cased web host, as far as it tells; None where it is none of Datadog's."""
    site = _BY_WEB_HOST.get(host)
    return site.parameter if site is not None else _custom_site(host)


def _under(site: str, custom: str) -> bool:
    """Whether a custom sub-domain under `custom` can be of `site`: the bare domain does not tell the site."""
    return site == custom or (custom in _SUFFIXES and site.endswith(f".{custom}"))


def _custom_site(host: str) -> str | None:
    """The site parameter a custom sub-domain lies directly under (`acme.us5.datadoghq.com`), or None."""
    label, _, parent = host.partition(".")
    if parent not in _BY_PARAMETER or not _is_org_label(label):
        return None
    return parent


def _is_org_label(label: str) -> bool:
    if label in _NOT_THE_APP or label.endswith(("-intake", "-agent")) or label.startswith("browser-intake"):
        return False
    return label.replace("-", "").isalnum() and not label.startswith("-") and not label.endswith("-")
