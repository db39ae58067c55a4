"""The environment, read once into one frozen `Settings`; what is wrong is a sentence that names the variable."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from bot.config import ConfigError, database, environment, organizations, validation, values
from bot.config.credentials import Secret, read_secret
from bot.config.organizations import OrganizationConfig
from bot.config.validation import TransportMode
from bot.insights import Mode
from bot.links import Routes
from bot.policy import Confirmers

SECRETS = (
    *("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_CLIENT_SECRET"),
    *("CASE_INSIGHTS_SECRET_KEY", "DD_API_KEY", "DD_APP_KEY", "DD_ACCESS_TOKEN"),
)
"""Each can also be the path of a file, in NAME_FILE."""
PREFIXES = ("CASE_INSIGHTS_", "SLACK_", "DD_", "DATABASE_")
_DATADOG = ("DD_", *(f"CASE_INSIGHTS_{name}" for name in ("ORGS_FILE", "ROUTES_FILE", "SCM_HOSTS", "CASE_PATH")))
"""What the settings begin with that say how Datadog is called and how links are read."""


def _comma_separated(value: object) -> object:
    return environment.comma_separated(value) if isinstance(value, str) else value


Listed = Annotated[tuple[str, ...], BeforeValidator(_comma_separated)]
LogFormat = Annotated[str, BeforeValidator(values.one_of("console", "json"))]
LogLevel = Annotated[str, BeforeValidator(values.one_of("DEBUG", "INFO", "WARNING", "ERROR"))]
Address = Annotated[str, BeforeValidator(values.web_address)]


@dataclass(frozen=True, slots=True)
class OAuth:
    """`keys`: Fernet's, the one that encrypts first; `allowed`: workspaces and Enterprise Grids; `reaction`: the bot
    hears reactions.
    """

    client_id: str
    client_secret: SecretStr
    keys: tuple[SecretStr, ...]
    allowed: frozenset[str]
    public_url: str
    reaction: bool = False


class Settings(BaseModel):
    """Everything that can be configured; see the table in docs/operating.md. The aliases are the variables."""

    model_config = ConfigDict(frozen=True)

    slack_bot_token: SecretStr | None = Field(None, alias="SLACK_BOT_TOKEN")
    slack_app_token: SecretStr | None = Field(None, alias="SLACK_APP_TOKEN")
    slack_signing_secret: SecretStr | None = Field(None, alias="SLACK_SIGNING_SECRET")
    slack_client_id: str | None = Field(None, alias="SLACK_CLIENT_ID")
    slack_client_secret: SecretStr | None = Field(None, alias="SLACK_CLIENT_SECRET")
    secret_key: SecretStr | None = Field(None, alias="CASE_INSIGHTS_SECRET_KEY")
    allowed_teams: Annotated[Listed | None, AfterValidator(values.allowed_teams)] = Field(
        None, alias="CASE_INSIGHTS_ALLOWED_TEAMS"
    )
    slack_api_url: Address = Field("https://slack.com/api/", alias="SLACK_API_URL")
    dd_site: Annotated[str, BeforeValidator(values.site)] = Field("datadoghq.com", alias="DD_SITE")
    dd_api_key: SecretStr | None = Field(None, alias="DD_API_KEY")
    dd_app_key: SecretStr | None = Field(None, alias="DD_APP_KEY")
    dd_access_token: SecretStr | None = Field(None, alias="DD_ACCESS_TOKEN")
    dd_api_url: Address | None = Field(None, alias="DD_API_URL")
    dd_web_hosts: Annotated[Listed, AfterValidator(values.web_hosts)] = Field((), alias="DD_WEB_HOSTS")
    orgs_file: Path | None = Field(None, alias="CASE_INSIGHTS_ORGS_FILE")
    database_url: str = Field(database.DEFAULT, alias="DATABASE_URL", repr=False)  # it may hold a password
    confirmers: Annotated[Listed | None, AfterValidator(values.confirmers)] = Field(
        None, alias="CASE_INSIGHTS_CONFIRMERS"
    )
    mode: Annotated[Mode, BeforeValidator(values.one_of(*Mode))] = Field(Mode.ASK, alias="CASE_INSIGHTS_MODE")
    shared_channels: Annotated[bool, BeforeValidator(values.one_of("on", "off"))] = Field(
        False, alias="CASE_INSIGHTS_SHARED_CHANNELS"
    )
    comment: Annotated[bool, BeforeValidator(values.one_of("on", "off"))] = Field(True, alias="CASE_INSIGHTS_COMMENT")
    notes: Annotated[bool, BeforeValidator(values.one_of("on", "off"))] = Field(True, alias="CASE_INSIGHTS_NOTES")
    reaction: Annotated[str, AfterValidator(values.emoji)] = Field("", alias="CASE_INSIGHTS_REACTION")
    contact: Annotated[str, AfterValidator(values.contact)] = Field("", alias="CASE_INSIGHTS_CONTACT")
    scm_hosts: Listed = Field((), alias="CASE_INSIGHTS_SCM_HOSTS")
    routes_file: Path | None = Field(None, alias="CASE_INSIGHTS_ROUTES_FILE")
    case_path: str = Field("/cases/", alias="CASE_INSIGHTS_CASE_PATH")
    log_format: LogFormat = Field("console", alias="CASE_INSIGHTS_LOG_FORMAT")
    log_level: LogLevel = Field("INFO", alias="CASE_INSIGHTS_LOG_LEVEL")
    host: str = Field("127.0.0.1", alias="CASE_INSIGHTS_HOST")
    port: int = Field(3000, alias="CASE_INSIGHTS_PORT", ge=0, le=65535)
    public_url: Annotated[Address, AfterValidator(values.public_address)] | None = Field(
        None, alias="CASE_INSIGHTS_PUBLIC_URL"
    )
    lease: Annotated[float, BeforeValidator(values.duration("1s", "1h"))] = Field(30.0, alias="CASE_INSIGHTS_LEASE")
    retry_cap: Annotated[float, BeforeValidator(values.duration("1s", "1h"))] = Field(
        300.0, alias="CASE_INSIGHTS_RETRY_CAP"
    )
    card_delay: Annotated[float, BeforeValidator(values.duration("0s", "1m"))] = Field(
        2.0, alias="CASE_INSIGHTS_CARD_DELAY"
    )
    keep: Annotated[float, BeforeValidator(values.duration("1d", "3650d"))] = Field(
        400 * 86400.0, alias="CASE_INSIGHTS_KEEP"
    )
    give_up_after: Annotated[float, BeforeValidator(values.duration("1s", "30d"))] = Field(
        86400.0, alias="CASE_INSIGHTS_GIVE_UP_AFTER"
    )
    secret_files: Mapping[str, Path] = Field(default_factory=dict[str, Path])
    """The files that secrets came from, by variable: no setting of its own."""

    @property
    def policy(self) -> Confirmers | None:
        """The people and groups that the operator named; None: every full member may confirm."""
        if self.confirmers is None:
            return None
        groups = frozenset(slack_id for slack_id in self.confirmers if slack_id.startswith("S"))
        return Confirmers(frozenset(self.confirmers) - groups, groups)

    @property
    def oauth(self) -> OAuth | None:
        """How workspaces install the bot; None: there is one workspace, whose token is set."""
        client_id, client_secret, key = self.slack_client_id, self.slack_client_secret, self.secret_key
        if not (client_id and client_secret and key and self.public_url):
            return None
        keys = tuple(map(SecretStr, validation.secret_keys(key.get_secret_value())))
        allowed, reaction = frozenset(self.allowed_teams or ()), bool(self.reaction)
        return OAuth(client_id, client_secret, keys, allowed, self.public_url, reaction)

    def orgs(self) -> tuple[OrganizationConfig, ...]:
        """The Datadog organisations, at least one; raises ConfigError for a bad file of them."""
        if self.orgs_file is not None:
            return organizations.read(self.orgs_file)
        keys = {"dd_api_key": self.dd_api_key, "dd_app_key": self.dd_app_key, "dd_access_token": self.dd_access_token}
        secrets = {name: Secret(value, self.secret_files.get(name.upper())) for name, value in keys.items() if value}
        return (organizations.build(organizations.ONE, self.dd_site, self.dd_api_url, self.dd_web_hosts, secrets),)

    def routes(self, orgs: Iterable[OrganizationConfig]) -> Routes:
        """The table of links, with these organisations' hosts; raises ConfigError for a bad file of the operator's."""
        hosts = [host for org in orgs for host in org.hosts.web_hosts]
        return environment.routes(self.routes_file, scm_hosts=self.scm_hosts, web_hosts=hosts, case_path=self.case_path)


def read(
    process: Mapping[str, str] | None = None,
    *,
    env_file: str | None = environment.ENV_FILE,
    transport_mode: TransportMode | None = None,
    listens: bool = True,
) -> Settings:
    """Settings from the environment and `.env`; raises ConfigError with a line for each problem.

    `process`: instead of the process's own environment; `transport_mode`: as chosen on the command line, where both an
    app token and a signing secret are set: the other one is ignored; `listens` False: Slack need not reach the bot.
    """
    settings, problems = examine(process, env_file=env_file, transport_mode=transport_mode, listens=listens)
    if problems:
        raise ConfigError("\n".join(to_tell(problems)))
    return settings


def for_datadog(process: Mapping[str, str] | None = None, *, env_file: str | None = environment.ENV_FILE) -> Settings:
    """Settings for who needs Datadog alone: the others are as if they were not set. Raises ConfigError as `read`."""
    variables = environment.read(process, env_file=env_file)
    kept = {name: value for name, value in variables.items() if name.startswith(_DATADOG)}
    settings, problems = examine(kept, env_file=None, listens=False)
    if ours := [problem for variable, problem in problems.items() if variable.startswith(_DATADOG)]:
        raise ConfigError("\n".join(ours))
    return settings


def examine(
    process: Mapping[str, str] | None = None,
    *,
    env_file: str | None = environment.ENV_FILE,
    transport_mode: TransportMode | None = None,
    listens: bool = True,
) -> tuple[Settings, dict[str, str]]:
    """Settings as far as they are right, and a sentence for each variable that is wrong and so has its default.

    In the order in which somebody sets the bot up. For the arguments see `read`.
    """
    problems: dict[str, str] = {}
    try:
        variables = environment.read(process, env_file=env_file)
    except ConfigError as error:
        variables = environment.read(process, env_file=None)
        problems[""] = str(error)
    files = {name: Path(variables[f"{name}_FILE"]) for name in SECRETS if f"{name}_FILE" in variables}
    wrong = _read_secrets(variables, files)
    problems |= wrong
    if port := variables.pop("PORT", ""):
        variables.setdefault("CASE_INSIGHTS_PORT", port)
    meant = {near: name for name, near in no_settings(variables).items()}
    for problem in validation.problems(variables, transport_mode, listens=listens):
        name = _variable(problem)
        slip = f" {meant[name]} is set, which is no setting." if name in meant and " is not set" in problem else ""
        problems.setdefault(name, f"{problem}{slip}")
    if env_file and not Path(env_file).exists() and not any(name.startswith(PREFIXES) for name in variables):
        problems[env_file] = f"There is no {env_file} in {Path.cwd()} either: run it in the folder where yours is."
    ignored = [name for mode, name in validation.MODE_SECRETS.items() if transport_mode not in (None, mode)]
    variables = {name: value for name, value in variables.items() if name not in (*wrong, *ignored)}
    try:
        return Settings.model_validate({**variables, "secret_files": files}), problems
    except ValidationError as error:
        for problem in _sentences(error):
            problems.setdefault(_variable(problem), problem)
    right = {name: value for name, value in variables.items() if name not in problems}
    return Settings.model_validate({**right, "secret_files": files}), problems


def to_tell(problems: Mapping[str, str]) -> list[str]:
    """The sentences of `examine`: where `.env` cannot be read, not those on what is not set, as it may be there."""
    return [problem for problem in problems.values() if "" not in problems or " is not set" not in problem]


def no_settings(names: Iterable[str]) -> dict[str, str]:
    """Variables that look like settings and are none, each with the setting that is spelt most like it, or "".

    With `SLACK_`, `DD_` and `DATABASE_` only those that are nearly a setting: others have variables of that kind, too.
    """
    known = {f"{name}_FILE" for name in SECRETS} | {
        field.alias for field in Settings.model_fields.values() if field.alias
    }
    found = dict[str, str]()
    for name in sorted({name for name in names if name.upper().startswith(PREFIXES)} - known):
        near = get_close_matches(name.upper(), known, 1, 0.85)
        if near or name.upper().startswith(PREFIXES[0]):
            found[name] = near[0] if near else ""
    return found


def _read_secrets(variables: dict[str, str], files: Mapping[str, Path]) -> dict[str, str]:
    """Put each secret among the variables as it is used; returns a sentence for each that cannot be, which stays."""
    wrong: dict[str, str] = {}
    for name in SECRETS:
        value = variables.pop(name, None)
        try:
            secret = read_secret(name, SecretStr(value) if value is not None else None, files.get(name))
        except ConfigError as error:
            wrong[name], variables[name] = str(error), ""
        else:
            variables |= {name: secret.value.get_secret_value()} if secret else {}
    return wrong


def database_url() -> str:
    """The database's address, for commands that need nothing else; raises ConfigError."""
    url = environment.read().get("DATABASE_URL", database.DEFAULT)
    if problem := database.problem(url):
        raise ConfigError(problem)
    return url


def _variable(sentence: str) -> str:
    """The variable that a sentence begins with."""
    match = re.match(r"[A-Z][A-Z0-9_]*", sentence)
    return match[0] if match else ""


_WORDS = {
    "int_parsing": "is not a whole number",
    "less_than_equal": "must be at most {le}",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt:g}",
}
"""Sentences for pydantic's own checks, by the type of its error."""


def _sentences(error: ValidationError) -> Iterator[str]:
    for detail in error.errors(include_url=False, include_input=False):
        known = _WORDS.get(detail["type"])
        words = known.format(**detail.get("ctx", {})) if known else detail["msg"].removeprefix("Value error, ")
        yield f"{detail['loc'][0]} {words}."
