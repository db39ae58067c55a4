"""The environment, read once into one frozen `Settings`; a bad one is a sentence that names the variable."""

import re
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from bot import orgs, tables
from bot.insights import Mode
from bot.links import Routes
from bot.model import Way
from bot.orgs import OrgSettings, Secret
from bot.policy import Confirmers
from bot.store import engine

SECRETS = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "DD_API_KEY", "DD_APP_KEY", "DD_ACCESS_TOKEN")
"""Each may also be given as the path of a file, in NAME_FILE."""
SECRET_OF = {Way.SOCKET: "SLACK_APP_TOKEN", Way.HTTP: "SLACK_SIGNING_SECRET"}
"""What each way needs, and is chosen by."""
APP_TOKEN = "make an app-level token (xapp-…) with connections:write on your Slack app's page, Basic Information"  # noqa: S105
SIGNING_SECRET = "copy the signing secret from your Slack app's page, Basic Information"  # noqa: S105
OF_ONE_ORG = ("DD_SITE", "DD_API_KEY", "DD_APP_KEY", "DD_ACCESS_TOKEN", "DD_API_URL", "DD_WEB_HOSTS")
"""What says which Datadog organisation there is; a file of several says it instead."""
DATABASE = "sqlite:///case-insights.db"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class SettingsError(Exception):
    """The bot cannot start with these settings; the message names the variable and the next step."""

    @property
    def name(self) -> str:
        """The variable that the message begins with; for a secret's file the secret's."""
        named = re.match(r"[A-Z][A-Z0-9_]*", str(self))
        name = named[0] if named else ""
        return name.removesuffix("_FILE") if name.removesuffix("_FILE") in SECRETS else name


def seconds(value: object) -> object:
    """`30s`, `5m`, `24h`, `400d`, `500ms` as seconds."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", value.strip())
    if match is None:
        raise ValueError("is not a duration: write it like 30s, 5m, 24h or 400d")
    return float(match[1]) * _UNITS[match[2]]


def _listed(value: object) -> object:
    return tables.listed(value) if isinstance(value, str) else value


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
Address = Annotated[str, BeforeValidator(orgs.web_address)]


class Settings(BaseSettings):
    """Everything the bot can be told from outside; see the README's table."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_file_encoding="utf-8", env_ignore_empty=True, populate_by_name=True
    )

    slack_bot_token: SecretStr = Field(alias="SLACK_BOT_TOKEN")
    slack_app_token: SecretStr | None = Field(None, alias="SLACK_APP_TOKEN")
    slack_signing_secret: SecretStr | None = Field(None, alias="SLACK_SIGNING_SECRET")
    slack_api_url: Address = Field("https://slack.com/api/", alias="SLACK_API_URL")
    dd_site: Annotated[str, BeforeValidator(orgs.known_site)] = Field("datadoghq.com", alias="DD_SITE")
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

    def orgs(self) -> tuple[OrgSettings, ...]:
        """The Datadog organisations, one at least; a bad file of them is a SettingsError."""
        if self.orgs_file is not None:
            try:
                return orgs.read(self.orgs_file)
            except orgs.OrgsError as error:
                raise SettingsError(str(error)) from error
        given = {"dd_api_key": self.dd_api_key, "dd_app_key": self.dd_app_key, "dd_access_token": self.dd_access_token}
        secrets = {name: Secret(value, self.secret_files.get(name.upper())) for name, value in given.items() if value}
        return (orgs.one(self.dd_site, self.dd_api_url, self.dd_web_hosts, secrets),)

    def routes(self) -> Routes:
        """The table of links; a bad file of the operator's is a SettingsError."""
        try:
            return tables.read(self.routes_file, scm_hosts=self.scm_hosts, case_path=self.case_path)
        except tables.TableError as error:
            raise SettingsError(str(error)) from error


def read(
    environment: Mapping[str, str] | None = None,
    *,
    env_file: str | None = tables.ENV_FILE,
    way: Way | None = None,
    listens: bool = True,
) -> Settings:
    """Settings from the environment and `.env`; raises SettingsError with one sentence.

    `way`: which one was chosen, where both an app token and a signing secret are set; the other is then as if it were
    not set. `listens` False: for a command that Slack need not reach.
    """
    found, problems = examine(environment, env_file=env_file, way=way, listens=listens)
    if problems:
        raise problems[0]
    return found


def examine(
    environment: Mapping[str, str] | None = None,
    *,
    env_file: str | None = tables.ENV_FILE,
    way: Way | None = None,
    listens: bool = True,
) -> tuple[Settings, list[SettingsError]]:
    """Settings as far as they are right, and all that is wrong, in the order in which somebody sets the bot up.

    What is wrong with a variable is told once; the variable then has its default, or is empty. The rest: see `read`.
    """
    problems: dict[str, SettingsError] = {}
    try:
        given = tables.environment(environment, env_file=env_file)
    except tables.TableError as error:
        given = tables.environment(environment, env_file=None)
        problems[""] = SettingsError(str(error))
    files: dict[str, Path] = {}
    for name in SECRETS:
        try:
            given = _from_file(given, name)
            if f"{name}_FILE" in given:
                files[name] = Path(given[f"{name}_FILE"])
        except SettingsError as error:
            problems[error.name] = error
    if port := given.pop("PORT", ""):
        given.setdefault("CASE_INSIGHTS_PORT", port)
    for problem in _checked(given, way, listens=listens):
        problems.setdefault(problem.name, problem)
    if way is not None:
        given = {
            name: value for name, value in given.items() if name not in SECRET_OF.values() or name == SECRET_OF[way]
        }
    try:
        return Settings.model_validate({**given, "secret_files": files}), list(problems.values())
    except ValidationError as error:
        for problem in _sentences(error):
            problems.setdefault(problem.name, problem)
    right = {name: value for name, value in given.items() if name not in problems}
    empty = {str(field.alias): "" for field in Settings.model_fields.values() if field.is_required()}
    return Settings.model_validate({**empty, **right, "secret_files": files}), list(problems.values())


def database_url(environment: Mapping[str, str] | None = None) -> str:
    """Where the database is, for commands that need nothing else; raises SettingsError."""
    try:
        url = tables.environment(environment).get("DATABASE_URL", DATABASE)
    except tables.TableError as error:
        raise SettingsError(str(error)) from error
    _check_database(url)
    return url


def _from_file(given: Mapping[str, str], name: str) -> dict[str, str]:
    path = given.get(f"{name}_FILE")
    if path is None:
        return dict(given)
    if name in given:
        raise SettingsError(f"{name} and {name}_FILE are both set: keep one of them.")
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise SettingsError(f"{name}_FILE: {path} cannot be read ({reason}); check the path and its mode.") from error
    if not secret:
        raise SettingsError(f"{name}_FILE: {path} is empty; write the secret into it.")
    return {**given, name: secret}


def _checked(given: Mapping[str, str], way: Way | None, *, listens: bool) -> Iterator[SettingsError]:
    """What is missing or contradicts itself."""
    yield from _slack_problems(given)
    if listens:
        yield from _way_problems(given, way)
    yield from _datadog_problems(given)
    try:
        _check_database(given.get("DATABASE_URL", DATABASE))
    except SettingsError as error:
        yield error


def _check_database(url: str) -> None:
    if not (url.startswith(("sqlite:///", "postgresql://", "postgres://")) and engine.can_be_read(url)):
        raise SettingsError("DATABASE_URL: write it like sqlite:///case-insights.db or postgresql://user@host/name.")
    if engine.is_cut_short(url):
        raise SettingsError("DATABASE_URL: the user or password holds an @; write it as %40.")
    folder = Path(url.removeprefix("sqlite:///")).parent
    if url.startswith("sqlite") and not folder.is_dir():
        raise SettingsError(f"DATABASE_URL: there is no folder {folder}; make it, or choose another path.")
    if url.startswith("postgres") and find_spec("psycopg") is None:
        raise SettingsError(
            "DATABASE_URL names PostgreSQL, whose driver is not installed: pip install '.[postgres]' in its folder."
        )


def _slack_problems(given: Mapping[str, str]) -> Iterator[SettingsError]:
    if "SLACK_BOT_TOKEN" not in given:
        yield SettingsError(
            "SLACK_BOT_TOKEN is not set: copy the bot token (xoxb-…) from your Slack app's page, OAuth & Permissions."
        )
    elif not given["SLACK_BOT_TOKEN"].startswith("xoxb-"):
        yield SettingsError("SLACK_BOT_TOKEN is not a bot token: it begins with xoxb-.")
    if not given.get("SLACK_APP_TOKEN", "xapp-").startswith("xapp-"):
        yield SettingsError("SLACK_APP_TOKEN is not an app-level token: it begins with xapp-.")
    if not given.get("SLACK_SIGNING_SECRET", "set").strip() or given.get("SLACK_SIGNING_SECRET", "").startswith("x"):
        yield SettingsError(
            "SLACK_SIGNING_SECRET is no signing secret: copy it from your Slack app's page, Basic Information."
        )


def _way_problems(given: Mapping[str, str], way: Way | None) -> Iterator[SettingsError]:
    """Exactly one of the two secrets by which Slack reaches us, unless one was chosen."""
    both = [each for each in Way if SECRET_OF[each] in given]
    if way is None and len(both) == 2:
        yield SettingsError(
            "SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are both set: "
            "choose with run --socket or run --http, or keep one of them."
        )
    elif way is None and not both:
        yield SettingsError(
            f"SLACK_APP_TOKEN is not set: {APP_TOKEN}, for Socket Mode; "
            f"or {SIGNING_SECRET}, into SLACK_SIGNING_SECRET, for HTTP mode."
        )
    elif way is not None and way not in both:
        step = APP_TOKEN if way is Way.SOCKET else SIGNING_SECRET
        yield SettingsError(f"{SECRET_OF[way]} is not set: {step}.")


def _datadog_problems(given: Mapping[str, str]) -> Iterator[SettingsError]:
    if orgs.FILE in given:
        both = [name for name in OF_ONE_ORG if name in given]
        if both:
            yield SettingsError(f"{orgs.FILE} and {both[0]} are both set: put what {both[0]} says into the file.")
        return
    keys = [name for name in ("DD_API_KEY", "DD_APP_KEY") if name in given]
    if "DD_ACCESS_TOKEN" in given and keys:
        yield SettingsError(f"DD_ACCESS_TOKEN and {keys[0]} are both set: keep either the token or the two keys.")
    if "DD_ACCESS_TOKEN" in given:
        return
    for name in ("DD_API_KEY", "DD_APP_KEY"):
        if name not in given:
            page = "API Keys" if name == "DD_API_KEY" else "Application Keys (scopes cases_read, cases_write)"
            yield SettingsError(f"{name} is not set: make one in Datadog under Organization Settings, {page}.")


def _sentences(error: ValidationError) -> Iterator[SettingsError]:
    for each in error.errors(include_url=False, include_input=False):
        name = str(each["loc"][0]) if each["loc"] else "settings"
        words = str(each["msg"]).removeprefix("Value error, ")
        yield SettingsError(f"{name} {words[0].lower() + words[1:]}.")
