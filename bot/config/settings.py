"""The environment, read once into one frozen `Settings`; a bad one is a sentence that names the variable."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from bot.config import environment, organizations
from bot.config import validation as given_by
from bot.config.organizations import OrganizationConfig, Secret
from bot.config.validation import DATABASE, SECRET_OF, SECRETS, SettingsError, secret_keys
from bot.insights import Mode
from bot.links import Routes
from bot.model import TransportMode
from bot.policy import Confirmers

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(value: object) -> object:
    """`30s`, `5m`, `24h`, `400d`, `500ms` as seconds."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", value.strip())
    if match is None:
        raise ValueError("is not a duration: write it like 30s, 5m, 24h or 400d")
    return float(match[1]) * _UNITS[match[2]]


def _listed(value: object) -> object:
    return environment.listed(value) if isinstance(value, str) else value


def _people(value: tuple[str, ...] | None) -> tuple[str, ...] | None:
    for each in value or ():
        if not re.fullmatch(r"[UWS][A-Z0-9]{2,}", each):
            raise ValueError(f"names {each!r}, which is no id of a person (U…, W…) or user group (S…)")
    return value


def _mode(value: object) -> object:
    if isinstance(value, str) and value not in tuple(Mode):
        raise ValueError(f"is {value!r}, which is no mode: use ask, auto or off")
    return value


def _one_of(*words: str) -> Callable[[object], object]:
    def check(value: object) -> object:
        if value not in words:
            raise ValueError(f"is {value!r}: use {', '.join(words[:-1])} or {words[-1]}")
        return value

    return check


def _switch(value: object) -> object:
    if isinstance(value, str) and value not in ("on", "off"):
        raise ValueError(f"is {value!r}: use on or off")
    return value == "on" if isinstance(value, str) else value


def _allowed(value: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if value is not None and not value:
        raise ValueError("is empty, so nobody could install the bot: name workspaces (T…) or Enterprise Grids (E…)")
    for each in value or ():
        if not re.fullmatch(r"[TE][A-Z0-9]{2,}", each):
            raise ValueError(f"names {each!r}, which is no id of a workspace (T…) or of an Enterprise Grid (E…)")
    return value


def public_address(value: str) -> str:
    """An address of ours that Slack takes, without a slash at the end; raises ValueError."""
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("is not an address that Slack takes: write it like https://case-insights.example.com")
    return value.rstrip("/")


Duration = Annotated[float, BeforeValidator(seconds)]
Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
LogFormat = Annotated[str, BeforeValidator(_one_of("console", "json"))]
LogLevel = Annotated[str, BeforeValidator(_one_of("DEBUG", "INFO", "WARNING", "ERROR"))]
Address = Annotated[str, BeforeValidator(organizations.web_address)]


@dataclass(frozen=True, slots=True)
class OAuth:
    """`keys`: Fernet's, the one that encrypts first; `allowed`: workspaces and Enterprise Grids."""

    client_id: str
    client_secret: SecretStr
    keys: tuple[SecretStr, ...]
    allowed: frozenset[str]
    public_url: str


class Settings(BaseSettings):
    """Everything the bot can be told from outside; see the README's table."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_file_encoding="utf-8", env_ignore_empty=True, populate_by_name=True
    )

    slack_bot_token: SecretStr | None = Field(None, alias="SLACK_BOT_TOKEN")
    slack_app_token: SecretStr | None = Field(None, alias="SLACK_APP_TOKEN")
    slack_signing_secret: SecretStr | None = Field(None, alias="SLACK_SIGNING_SECRET")
    slack_client_id: str | None = Field(None, alias="SLACK_CLIENT_ID")
    slack_client_secret: SecretStr | None = Field(None, alias="SLACK_CLIENT_SECRET")
    secret_key: SecretStr | None = Field(None, alias="CASE_INSIGHTS_SECRET_KEY")
    allowed_teams: Annotated[Listed | None, AfterValidator(_allowed)] = Field(None, alias="CASE_INSIGHTS_ALLOWED_TEAMS")
    slack_api_url: Address = Field("https://slack.com/api/", alias="SLACK_API_URL")
    dd_site: Annotated[str, BeforeValidator(organizations.known_site)] = Field("datadoghq.com", alias="DD_SITE")
    dd_api_key: SecretStr | None = Field(None, alias="DD_API_KEY")
    dd_app_key: SecretStr | None = Field(None, alias="DD_APP_KEY")
    dd_access_token: SecretStr | None = Field(None, alias="DD_ACCESS_TOKEN")
    dd_api_url: Address | None = Field(None, alias="DD_API_URL")
    dd_web_hosts: Listed = Field((), alias="DD_WEB_HOSTS")
    orgs_file: Path | None = Field(None, alias="CASE_INSIGHTS_ORGS_FILE")
    database_url: str = Field(DATABASE, alias="DATABASE_URL", repr=False)  # it may hold a password
    confirmers: Annotated[Listed | None, AfterValidator(_people)] = Field(None, alias="CASE_INSIGHTS_CONFIRMERS")
    mode: Annotated[Mode, BeforeValidator(_mode)] = Field(Mode.ASK, alias="CASE_INSIGHTS_MODE")
    shared_channels: Annotated[bool, BeforeValidator(_switch)] = Field(False, alias="CASE_INSIGHTS_SHARED_CHANNELS")
    scm_hosts: Listed = Field((), alias="CASE_INSIGHTS_SCM_HOSTS")
    routes_file: Path | None = Field(None, alias="CASE_INSIGHTS_ROUTES_FILE")
    case_path: str = Field("/cases/", alias="CASE_INSIGHTS_CASE_PATH")
    log_format: LogFormat = Field("console", alias="CASE_INSIGHTS_LOG_FORMAT")
    log_level: LogLevel = Field("INFO", alias="CASE_INSIGHTS_LOG_LEVEL")
    host: str = Field("127.0.0.1", alias="CASE_INSIGHTS_HOST")
    port: int = Field(3000, alias="CASE_INSIGHTS_PORT", ge=0, le=65535)
    public_url: Annotated[Address, AfterValidator(public_address)] | None = Field(
        None, alias="CASE_INSIGHTS_PUBLIC_URL"
    )
    lease: Duration = Field(30.0, alias="CASE_INSIGHTS_LEASE", gt=0)
    retry_cap: Duration = Field(300.0, alias="CASE_INSIGHTS_RETRY_CAP", gt=0)
    card_delay: Duration = Field(2.0, alias="CASE_INSIGHTS_CARD_DELAY", ge=0)
    keep: Duration = Field(400 * 86400.0, alias="CASE_INSIGHTS_KEEP", gt=0)
    give_up_after: Duration = Field(86400.0, alias="CASE_INSIGHTS_GIVE_UP_AFTER", gt=0)
    secret_files: Mapping[str, Path] = Field(default_factory=dict[str, Path])
    """Where secrets were read from, by their names: no setting of its own."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `read` hands over: by itself this class would look into the process's environment again."""
        return (init_settings,)

    @property
    def policy(self) -> Confirmers | None:
        """Whom the operator has named; None: every full member."""
        if self.confirmers is None:
            return None
        groups = frozenset(each for each in self.confirmers if each.startswith("S"))
        return Confirmers(frozenset(self.confirmers) - groups, groups)

    @property
    def oauth(self) -> OAuth | None:
        """How workspaces install the bot; None: there is one, of which we have the token."""
        client_id, client_secret, key = self.slack_client_id, self.slack_client_secret, self.secret_key
        if not (client_id and client_secret and key and self.public_url):
            return None
        keys = secret_keys(key.get_secret_value())
        return OAuth(
            client_id, client_secret, tuple(map(SecretStr, keys)), frozenset(self.allowed_teams or ()), self.public_url
        )

    def orgs(self) -> tuple[OrganizationConfig, ...]:
        """The Datadog organisations, one at least; a bad file of them is a SettingsError."""
        if self.orgs_file is not None:
            try:
                return organizations.read(self.orgs_file)
            except organizations.OrgsError as error:
                raise SettingsError(str(error)) from error
        given = {"dd_api_key": self.dd_api_key, "dd_app_key": self.dd_app_key, "dd_access_token": self.dd_access_token}
        secrets = {name: Secret(value, self.secret_files.get(name.upper())) for name, value in given.items() if value}
        return (organizations.one(self.dd_site, self.dd_api_url, self.dd_web_hosts, secrets),)

    def routes(self) -> Routes:
        """The table of links; a bad file of the operator's is a SettingsError."""
        try:
            return environment.read(self.routes_file, scm_hosts=self.scm_hosts, case_path=self.case_path)
        except environment.TableError as error:
            raise SettingsError(str(error)) from error


def read(
    variables: Mapping[str, str] | None = None,
    *,
    env_file: str | None = environment.ENV_FILE,
    transport_mode: TransportMode | None = None,
    listens: bool = True,
) -> Settings:
    """Settings from the environment and `.env`; raises SettingsError with one sentence.

    `transport_mode`: which one was chosen, where both an app token and a signing secret are set; the other is then as
    if it were not set. `listens` False: for a command that Slack need not reach.
    """
    found, problems = examine(variables, env_file=env_file, transport_mode=transport_mode, listens=listens)
    if problems:
        raise problems[0]
    return found


def examine(
    variables: Mapping[str, str] | None = None,
    *,
    env_file: str | None = environment.ENV_FILE,
    transport_mode: TransportMode | None = None,
    listens: bool = True,
) -> tuple[Settings, list[SettingsError]]:
    """Settings as far as they are right, and all that is wrong, in the order in which somebody sets the bot up.

    What is wrong with a variable is told once; the variable then has its default. The rest: see `read`.
    """
    problems: dict[str, SettingsError] = {}
    try:
        given = environment.environment(variables, env_file=env_file)
    except environment.TableError as error:
        given = environment.environment(variables, env_file=None)
        problems[""] = SettingsError(str(error))
    files: dict[str, Path] = {}
    for name in SECRETS:
        try:
            given = given_by.from_file(given, name)
            if f"{name}_FILE" in given:
                files[name] = Path(given[f"{name}_FILE"])
        except SettingsError as error:
            problems[error.name] = error
    if port := given.pop("PORT", ""):
        given.setdefault("CASE_INSIGHTS_PORT", port)
    for problem in given_by.problems(given, transport_mode, listens=listens):
        problems.setdefault(problem.name, problem)
    if transport_mode is not None:
        given = {
            name: value
            for name, value in given.items()
            if name not in SECRET_OF.values() or name == SECRET_OF[transport_mode]
        }
    try:
        return Settings.model_validate({**given, "secret_files": files}), list(problems.values())
    except ValidationError as error:
        for problem in _sentences(error):
            problems.setdefault(problem.name, problem)
    right = {name: value for name, value in given.items() if name not in problems}
    return Settings.model_validate({**right, "secret_files": files}), list(problems.values())


def database_url(variables: Mapping[str, str] | None = None) -> str:
    """Where the database is, for commands that need nothing else; raises SettingsError."""
    try:
        url = environment.environment(variables).get("DATABASE_URL", DATABASE)
    except environment.TableError as error:
        raise SettingsError(str(error)) from error
    given_by.check_database(url)
    return url


def _sentences(error: ValidationError) -> Iterator[SettingsError]:
    for each in error.errors(include_url=False, include_input=False):
        name = str(each["loc"][0]) if each["loc"] else "settings"
        yield SettingsError(f"{name} {_words(each['type'], each.get('ctx') or {}, str(each['msg']))}.")


def _words(kind: str, limits: Mapping[str, object], words: str) -> str:
    match kind:
        case "int_parsing":
            return "is not a whole number"
        case "less_than_equal":
            return f"must be at most {limits['le']}"
        case "greater_than_equal":
            return f"must be at least {limits['ge']}"
        case "greater_than":
            return f"must be more than {limits['gt']:g}"
        case _:
            return words.removeprefix("Value error, ")
