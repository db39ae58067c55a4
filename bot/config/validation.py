"""What the variables must say together: one sentence for each that is missing, or that contradicts another."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from bot.config import database
from bot.config.organizations import FILE as ORGS_FILE
from bot.model import TransportMode

SECRETS = (
    *("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_CLIENT_SECRET"),
    *("CASE_INSIGHTS_SECRET_KEY", "DD_API_KEY", "DD_APP_KEY", "DD_ACCESS_TOKEN"),
)
"""Each may also be given as the path of a file, in NAME_FILE."""
SECRET_OF = {TransportMode.SOCKET: "SLACK_APP_TOKEN", TransportMode.HTTP: "SLACK_SIGNING_SECRET"}
"""What each way needs, and is chosen by."""
APP_TOKEN = "make an app-level token (xapp-…) with connections:write on your Slack app's page, Basic Information"  # noqa: S105
SIGNING_SECRET = "copy the signing secret from your Slack app's page, Basic Information"  # noqa: S105
OF_ONE_ORG = ("DD_SITE", "DD_API_KEY", "DD_APP_KEY", "DD_ACCESS_TOKEN", "DD_API_URL", "DD_WEB_HOSTS")
"""What says which Datadog organisation there is; a file of several says it instead."""
OAUTH = ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "CASE_INSIGHTS_SECRET_KEY", "CASE_INSIGHTS_ALLOWED_TEAMS")
"""With these, workspaces install the bot themselves: all or none of them."""
_OAUTH_STEPS = {
    "SLACK_CLIENT_ID": "copy the client ID from your Slack app's page, Basic Information",
    "SLACK_CLIENT_SECRET": "copy the client secret from your Slack app's page, Basic Information",
    "CASE_INSIGHTS_SECRET_KEY": "make one with openssl rand -base64 32; it encrypts the workspaces' tokens",
    "CASE_INSIGHTS_ALLOWED_TEAMS": "name the workspaces (T…) or Enterprise Grids (E…) that may install the bot; "
    "without it every workspace could write to your cases",
    "CASE_INSIGHTS_PUBLIC_URL": "the https address at which Slack, and whoever installs, reaches the bot",
}
KEY_BYTES = 32
DATABASE = "sqlite:///case-insights.db"


class SettingsError(Exception):
    """The bot cannot start with these settings; the message names the variable and the next step."""

    @property
    def name(self) -> str:
        """The variable that the message begins with; for a secret's file the secret's."""
        named = re.match(r"[A-Z][A-Z0-9_]*", str(self))
        name = named[0] if named else ""
        return name.removesuffix("_FILE") if name.removesuffix("_FILE") in SECRETS else name


def from_file(given: Mapping[str, str], name: str) -> dict[str, str]:
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


def problems(
    given: Mapping[str, str], transport_mode: TransportMode | None, *, listens: bool
) -> Iterator[SettingsError]:
    """What is missing or contradicts itself."""
    yield from _slack_problems(given)
    if listens:
        yield from _way_problems(given, transport_mode)
    yield from _datadog_problems(given)
    try:
        check_database(given.get("DATABASE_URL", DATABASE))
    except SettingsError as error:
        yield error


def check_database(url: str) -> None:
    if not (url.startswith(("sqlite:///", "postgresql://", "postgres://")) and database.can_be_read(url)):
        raise SettingsError("DATABASE_URL: write it like sqlite:///case-insights.db or postgresql://user@host/name.")
    if database.is_cut_short(url):
        raise SettingsError("DATABASE_URL: the user or password holds an @; write it as %40.")
    folder = Path(url.removeprefix("sqlite:///")).parent
    if url.startswith("sqlite") and not folder.is_dir():
        raise SettingsError(f"DATABASE_URL: there is no folder {folder}; make it, or choose another path.")
    if url.startswith("sqlite") and Path(url.removeprefix("sqlite:///")).is_dir():
        raise SettingsError(f"DATABASE_URL: {url.removeprefix('sqlite:///')} is a folder; name a file in it.")
    if url.startswith("postgres") and find_spec("psycopg") is None:
        raise SettingsError(
            "DATABASE_URL names PostgreSQL, whose driver is not installed: pip install '.[postgres]' in its folder."
        )


def _slack_problems(given: Mapping[str, str]) -> Iterator[SettingsError]:
    if any(name in given for name in OAUTH):
        yield from _oauth_problems(given)
    elif "SLACK_BOT_TOKEN" not in given:
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


def _oauth_problems(given: Mapping[str, str]) -> Iterator[SettingsError]:
    for name, step in _OAUTH_STEPS.items():
        if name not in given:
            yield SettingsError(f"{name} is not set: {step}.")
    if "SLACK_BOT_TOKEN" in given:
        yield SettingsError(
            "SLACK_BOT_TOKEN and SLACK_CLIENT_ID are both set: keep the token for one workspace, or the client ID and "
            "what belongs to it for workspaces that install the bot themselves."
        )
    if "SLACK_SIGNING_SECRET" not in given:
        yield SettingsError(f"SLACK_SIGNING_SECRET is not set: workspaces install over HTTP; {SIGNING_SECRET}.")
    written = given.get("CASE_INSIGHTS_SECRET_KEY")
    if written is not None and not all(map(_is_key, secret_keys(written) or [""])):
        step = _OAUTH_STEPS["CASE_INSIGHTS_SECRET_KEY"]
        yield SettingsError(f"CASE_INSIGHTS_SECRET_KEY is no key of {KEY_BYTES} bytes in base64: {step}.")
    if find_spec("cryptography") is None:
        yield SettingsError(
            "CASE_INSIGHTS_SECRET_KEY needs a library that is not installed: pip install '.[oauth]' in its folder."
        )


def secret_keys(written: str) -> tuple[str, ...]:
    """The keys, the one that encrypts first; in Fernet's alphabet, whichever of base64's two was used."""
    return tuple(each.strip().replace("+", "-").replace("/", "_") for each in written.split(",") if each.strip())


def _is_key(key: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(key)) == KEY_BYTES
    except (ValueError, binascii.Error):
        return False


def _way_problems(given: Mapping[str, str], transport_mode: TransportMode | None) -> Iterator[SettingsError]:
    """Exactly one of the two secrets by which Slack reaches us, unless one was chosen."""
    both = [each for each in TransportMode if SECRET_OF[each] in given]
    if any(name in given for name in OAUTH):
        if transport_mode is TransportMode.SOCKET or SECRET_OF[TransportMode.SOCKET] in given:
            yield SettingsError(
                "SLACK_APP_TOKEN: workspaces install over HTTP only; remove it, and run without --socket."
            )
    elif transport_mode is None and len(both) == 2:
        yield SettingsError(
            "SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are both set: "
            "choose with run --socket or run --http, or keep one of them."
        )
    elif transport_mode is None and not both:
        yield SettingsError(
            f"SLACK_APP_TOKEN is not set: {APP_TOKEN}, for Socket Mode; "
            f"or {SIGNING_SECRET}, into SLACK_SIGNING_SECRET, for HTTP mode."
        )
    elif transport_mode is not None and transport_mode not in both:
        step = APP_TOKEN if transport_mode is TransportMode.SOCKET else SIGNING_SECRET
        yield SettingsError(f"{SECRET_OF[transport_mode]} is not set: {step}.")


def _datadog_problems(given: Mapping[str, str]) -> Iterator[SettingsError]:
    if ORGS_FILE in given:
        both = [name for name in OF_ONE_ORG if name in given]
        if both:
            yield SettingsError(f"{ORGS_FILE} and {both[0]} are both set: put what {both[0]} says into the file.")
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
