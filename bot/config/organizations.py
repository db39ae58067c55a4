"""The Datadog organisations that the bot works with: one, by the DD_… settings, or several, by a file.

A secret that lies in a file is read from there again when Datadog refuses it: so it can be renewed under a running bot.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

import structlog
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr, ValidationError

from bot.config.credentials import AccessToken, Credentials, Keys
from bot.links import SITES, api_host
from bot.model import OrgHosts

FILE = "CASE_INSIGHTS_ORGS_FILE"
ONE = "default"
"""The name of the organisation that the DD_… settings are about."""
WEB_HOSTS: Mapping[str, str] = {site.parameter: site.web_host for site in SITES}
SECRETS = ("dd_api_key", "dd_app_key", "dd_access_token")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_TEAM = re.compile(r"[TE][A-Z0-9]{2,}")

log = structlog.get_logger(__name__)


class OrgsError(Exception):
    """The file of organisations cannot be used; the message names it, the organisation and the next step."""


def known_site(value: object) -> object:
    """One of Datadog's nine sites; raises ValueError."""
    if value not in WEB_HOSTS:
        raise ValueError(f"is not one of Datadog's nine sites: use one of {', '.join(WEB_HOSTS)}")
    return value


def web_address(value: object) -> object:
    """http:// or https:// with a host; raises ValueError."""
    parts = urlsplit(str(value))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is not a web address: write it like https://host/path")
    return str(value)


def _teams(value: frozenset[str] | None) -> frozenset[str] | None:
    if value is not None and not value:
        raise ValueError("is empty, so nobody could use it: name workspaces, or leave it out for all")
    for each in sorted(value or ()):
        if not _TEAM.fullmatch(each):
            raise ValueError(f"names {each!r}, which is no id of a workspace (T…) or of an Enterprise Grid (E…)")
    return value


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as it was first read, and the file that it can be read from again; None: it was set as it is."""

    value: SecretStr
    file: Path | None = None

    def read(self) -> SecretStr:
        """As its file has it now; raises OSError and UnicodeDecodeError, and ValueError for an empty file."""
        if self.file is None:
            return self.value
        secret = self.file.read_text(encoding="utf-8").strip()
        if not secret:
            raise ValueError("the file is empty")
        return SecretStr(secret)


@dataclass(frozen=True, slots=True)
class OrganizationConfig:
    """One organisation. `url`: its API, without a slash at the end; `case_host`: where its cases' pages are.

    `teams`: the Slack workspaces (or Grids) that may use it, None for all; `secrets`: by their names in `SECRETS`;
    `of_file`: it is one of a file's.
    """

    hosts: OrgHosts
    url: str
    case_host: str
    teams: frozenset[str] | None
    secrets: Mapping[str, Secret]
    of_file: bool = False

    def setting(self, name: str) -> str:
        """How its operator calls one of its settings, here as in the environment (`DD_SITE`)."""
        return f"[{self.hosts.name}] {name.lower()}" if self.of_file else name

    @property
    def has_keys(self) -> bool:
        """Whether it is called with a pair of keys; else with an access token."""
        return "dd_api_key" in self.secrets

    def credentials(self) -> Credentials:
        """As they were first read."""
        return self._made({name: secret.value for name, secret in self.secrets.items()})

    def renewed(self) -> Credentials | None:
        """As their files have them now; None where they cannot be read, which is logged."""
        try:
            return self._made({name: secret.read() for name, secret in self.secrets.items()})
        except (OSError, ValueError) as error:
            log.warning("datadog.secret_unreadable", org=self.hosts.name, why=type(error).__name__)
            return None

    def _made(self, values: Mapping[str, SecretStr]) -> Credentials:
        if "dd_access_token" in values:
            return AccessToken(values["dd_access_token"])
        return Keys(values["dd_api_key"], values["dd_app_key"])


def one(site: str, url: str | None, web_hosts: tuple[str, ...], secrets: Mapping[str, Secret]) -> OrganizationConfig:
    """The organisation of the DD_… settings."""
    return _org(ONE, site, url, web_hosts, secrets)


def read(file: Path) -> tuple[OrganizationConfig, ...]:
    """The organisations of a TOML file, a table each; raises OrgsError."""
    tables = _tables(file)
    if not tables:
        raise OrgsError(
            f"{FILE}: {file} names no organisation; give each a table: [acme], then dd_site, dd_api_key and the rest."
        )
    found = tuple(_read(file, name, table) for name, table in tables.items())
    owners: dict[str, str] = {}
    for org in found:
        for host in sorted(org.hosts.web_hosts):
            if host in owners:
                raise OrgsError(f"{FILE}: {file}: {owners[host]} and {org.hosts.name} both name {host}; keep one.")
            owners[host] = org.hosts.name
    return found


class _Table(BaseModel):
    """The DD_… settings in lower case; secrets also as paths of files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dd_site: Annotated[str, BeforeValidator(known_site)] = "datadoghq.com"
    dd_api_key: SecretStr | None = None
    dd_api_key_file: Path | None = None
    dd_app_key: SecretStr | None = None
    dd_app_key_file: Path | None = None
    dd_access_token: SecretStr | None = None
    dd_access_token_file: Path | None = None
    dd_api_url: Annotated[str, BeforeValidator(web_address)] | None = None
    dd_web_hosts: tuple[str, ...] = ()
    teams: Annotated[frozenset[str] | None, AfterValidator(_teams)] = None


def _tables(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise OrgsError(f"{FILE}: {file} cannot be read ({reason}); check its path and mode.") from error
    except tomllib.TOMLDecodeError as error:
        raise OrgsError(f"{FILE}: {file} is not TOML ({error}).") from error


def _read(file: Path, name: str, table: object) -> OrganizationConfig:
    where = f"{FILE}: {file}, [{name}]"
    if not isinstance(table, dict):
        raise OrgsError(f"{FILE}: {file}: {name} stands outside of every table; put it under a [name] of its own.")
    if not _NAME.fullmatch(name):
        raise OrgsError(f"{where} cannot be a name: use up to 32 of a-z, 0-9, - and _.")
    try:
        made = _Table.model_validate(cast(dict[str, Any], table))
    except ValidationError as error:
        raise OrgsError(f"{where} {_sentence(error)}") from None  # pydantic's words show what was given: a secret
    secrets = {each: found for each in SECRETS if (found := _secret(where, made, each)) is not None}
    _complete(where, secrets)
    org = _org(name, made.dd_site, made.dd_api_url, made.dd_web_hosts, secrets)
    return replace(org, teams=made.teams, of_file=True)


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


def _secret(where: str, made: _Table, name: str) -> Secret | None:
    value, file = getattr(made, name), getattr(made, f"{name}_file")
    if value is not None and file is not None:
        raise OrgsError(f"{where} {name} and {name}_file are both set: keep one of them.")
    if file is None:
        return None if value is None else Secret(value)
    secret = Secret(SecretStr(""), file)
    try:
        return Secret(secret.read(), file)
    except OSError as error:
        raise OrgsError(f"{where} {name}_file: {file} cannot be read ({error.strerror}); check its mode.") from error
    except ValueError as error:
        reason = "is not a text file" if isinstance(error, UnicodeDecodeError) else "is empty"
        raise OrgsError(f"{where} {name}_file: {file} {reason}; write the secret into it.") from error


def _complete(where: str, secrets: Mapping[str, Secret]) -> None:
    """Either the token or both keys."""
    missing = [name for name in ("dd_api_key", "dd_app_key") if name not in secrets]
    if "dd_access_token" in secrets:
        if len(missing) < 2:
            raise OrgsError(f"{where} has dd_access_token and keys: keep either the token or the two keys.")
    elif missing:
        raise OrgsError(f"{where} has no {missing[0]}: set it or {missing[0]}_file, or dd_access_token.")


def _org(
    name: str, site: str, url: str | None, web_hosts: tuple[str, ...], secrets: Mapping[str, Secret]
) -> OrganizationConfig:
    hosts = OrgHosts(name, site, frozenset(host.lower() for host in web_hosts))
    case_host = web_hosts[0].lower() if web_hosts else WEB_HOSTS[site]
    return OrganizationConfig(hosts, (url or f"https://{api_host(site)}").rstrip("/"), case_host, None, secrets)
