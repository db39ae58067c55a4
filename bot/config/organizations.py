"""The Datadog organisations that the bot works with: one, from the DD_… settings, or several, from a file.

When Datadog refuses a secret that came from a file, the file is read again: secrets can be renewed while the bot runs.
"""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, cast

import structlog
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr, ValidationError

from bot.config import ConfigError, values
from bot.config.credentials import AccessToken, Credentials, Keys, Secret, read_secret, unreadable
from bot.links import OrgHosts, api_host

ORGS_FILE = "CASE_INSIGHTS_ORGS_FILE"
ONE = "default"
"""The name of the organisation in the DD_… settings."""
SECRETS = ("dd_api_key", "dd_app_key", "dd_access_token")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OrganizationConfig:
    """One organisation. `url`: its API, without a slash at the end; `case_host`: the host of its case pages.

    `teams`: the installations that may use it, None for all: `T…` is that workspace and no sibling in its Grid, `E…` is
    the whole Grid; `secrets`: by their names in `SECRETS`; `in_file`: it comes from the file of organisations.
    """

    hosts: OrgHosts
    url: str
    case_host: str
    teams: frozenset[str] | None
    secrets: Mapping[str, Secret]
    in_file: bool = False

    def setting(self, name: str) -> str:
        """What the operator calls a setting of it: `DD_SITE`, in the file `[acme] dd_site`."""
        return f"[{self.hosts.name}] {name.lower()}" if self.in_file else name

    def unseen_teams(self, installed: Collection[str]) -> str:
        """A sentence on workspaces that are named in vain, where the bot is in a whole Grid; empty where there is none.

        Of a Grid the bot knows no workspaces: clicks in one do not say in which, and its channels can be in several.
        """
        grids = sorted(name for name in installed if name.startswith("E"))
        if not grids or self.teams is None or not self.teams.isdisjoint(grids):
            return ""
        names = ", ".join(sorted(team for team in self.teams.difference(installed) if team.startswith("T")))
        return names and (
            f"{ORGS_FILE}: [{self.hosts.name}] teams names {names}, but the bot is installed in the whole Grid "
            f"{', '.join(grids)}, where it does not know one workspace from another: name the Grid, or install the bot "
            "in the workspace alone."
        )

    @property
    def has_keys(self) -> bool:
        """True: it is called with a pair of keys; False: with an access token."""
        return "dd_api_key" in self.secrets

    def credentials(self) -> Credentials:
        """As read at the start."""
        if token := self.secrets.get("dd_access_token"):
            return AccessToken(token.value)
        return Keys(self.secrets["dd_api_key"].value, self.secrets["dd_app_key"].value)

    def renewed(self) -> Credentials | None:
        """As their files are now; None where one cannot be read, which is logged."""
        try:
            secrets = {
                name: (secret.file and read_secret(name, None, secret.file)) or secret
                for name, secret in self.secrets.items()
            }
        except ConfigError as error:
            log.warning("datadog.secret_unreadable", org=self.hosts.name, why=str(error))
            return None
        return replace(self, secrets=secrets).credentials()


def build(
    name: str, site: str, url: str | None, web_hosts: tuple[str, ...], secrets: Mapping[str, Secret]
) -> OrganizationConfig:
    """An organisation for all workspaces. `url` None: its site's; `web_hosts`: checked, in lower case."""
    hosts = OrgHosts(name, site, frozenset(web_hosts))
    case_host = web_hosts[0] if web_hosts else values.WEB_HOSTS[site]
    return OrganizationConfig(hosts, (url or f"https://{api_host(site)}").rstrip("/"), case_host, None, secrets)


def read(file: Path) -> tuple[OrganizationConfig, ...]:
    """The organisations of a TOML file, a table each; raises ConfigError."""
    tables = _tables(file)
    if not tables:
        raise ConfigError(
            f"{ORGS_FILE}: {file} names no organisation; "
            "give each a table: [acme], then dd_site, dd_api_key and the rest."
        )
    orgs = tuple(_organization(file, name, table) for name, table in tables.items())
    owners: dict[str, str] = {}
    for org in orgs:
        for host in sorted(org.hosts.web_hosts):
            if host in owners:
                raise ConfigError(
                    f"{ORGS_FILE}: {file}: {owners[host]} and {org.hosts.name} both name {host}; keep one."
                )
            owners[host] = org.hosts.name
    return orgs


def web_hosts(file: Path) -> frozenset[str]:
    """The hosts that the organisations of a file name, without its secrets; raises ConfigError."""
    tables = _tables(file)
    return frozenset(host for name, table in tables.items() for host in _checked(file, name, table).dd_web_hosts)


class _Table(BaseModel):
    """The DD_… settings in lower case; secrets also as paths of files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dd_site: Annotated[str, BeforeValidator(values.site)] = "datadoghq.com"
    dd_api_key: SecretStr | None = None
    dd_api_key_file: Path | None = None
    dd_app_key: SecretStr | None = None
    dd_app_key_file: Path | None = None
    dd_access_token: SecretStr | None = None
    dd_access_token_file: Path | None = None
    dd_api_url: Annotated[str, BeforeValidator(values.web_address)] | None = None
    dd_web_hosts: Annotated[tuple[str, ...], AfterValidator(values.web_hosts)] = ()
    teams: Annotated[frozenset[str] | None, AfterValidator(values.org_teams)] = None


def _tables(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{ORGS_FILE}: {unreadable(file, error)}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{ORGS_FILE}: {file} is not TOML ({error}); mend it there.") from error


def _organization(file: Path, name: str, content: object) -> OrganizationConfig:
    table, where = _checked(file, name, content), _where(file, name)
    in_table = {
        secret: read_secret(secret, getattr(table, secret), getattr(table, f"{secret}_file"), where=f"{where} ")
        for secret in SECRETS
    }
    secrets = {secret: value for secret, value in in_table.items() if value is not None}
    _check_complete(where, secrets)
    org = build(name, table.dd_site, table.dd_api_url, table.dd_web_hosts, secrets)
    return replace(org, teams=table.teams, in_file=True)


def _where(file: Path, name: str) -> str:
    return f"{ORGS_FILE}: {file}, [{name}]"


def _checked(file: Path, name: str, content: object) -> _Table:
    if not isinstance(content, dict):
        raise ConfigError(f"{ORGS_FILE}: {file}: {name} is outside of every table; put it under a [name] of its own.")
    where = _where(file, name)
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{where} cannot be a name: use up to 32 of a-z, 0-9, - and _.")
    try:
        return _Table.model_validate(cast(dict[str, Any], content))
    except ValidationError as error:
        raise ConfigError(f"{where} {_sentence(error)}") from None  # pydantic's own words show the value: a secret


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        near = get_close_matches(name, _Table.model_fields, 1)
        return f"{name} is no setting of an organisation{f': did you mean {near[0]}' if near else '; remove it'}."
    if first["type"] != "value_error":
        wanted = "a list in brackets" if name in ("dd_web_hosts", "teams") else "text in quotes"
        return f"{name} must be {wanted}."
    return f"{name} {str(first['msg']).removeprefix('Value error, ')}."


def _check_complete(where: str, secrets: Mapping[str, Secret]) -> None:
    """Either the token or both keys."""
    missing = [name for name in ("dd_api_key", "dd_app_key") if name not in secrets]
    if "dd_access_token" in secrets:
        if len(missing) < 2:
            raise ConfigError(f"{where} has dd_access_token and keys: keep either the token or the two keys.")
    elif missing:
        raise ConfigError(f"{where} has no {missing[0]}: set it or {missing[0]}_file, or dd_access_token.")
