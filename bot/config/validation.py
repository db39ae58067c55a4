"""What the variables must say together: a sentence for each that is missing or contradicts another.

Each sentence begins with the variable's name and ends with the next step.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib.util import find_spec

from bot.config import database
from bot.config.organizations import ORGS_FILE


class TransportMode(StrEnum):
    """How Slack reaches the bot: over websockets that the bot opens, or at the bot's own address."""

    SOCKET = "socket"
    HTTP = "http"


MODE_SECRETS = {TransportMode.SOCKET: "SLACK_APP_TOKEN", TransportMode.HTTP: "SLACK_SIGNING_SECRET"}
"""The secret that each mode needs; which one is set chooses the mode."""
APP_TOKEN = "make an app-level token (xapp-…) with connections:write on your Slack app's page, Basic Information"  # noqa: S105
SIGNING_SECRET = "copy the signing secret from your Slack app's page, Basic Information"  # noqa: S105
ONE_ORG = ("DD_SITE", "DD_API_KEY", "DD_APP_KEY", "DD_ACCESS_TOKEN", "DD_API_URL", "DD_WEB_HOSTS")
"""The settings of a single Datadog organisation; a file of several replaces them."""
OAUTH = ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "CASE_INSIGHTS_SECRET_KEY", "CASE_INSIGHTS_ALLOWED_TEAMS")
"""With these, workspaces install the bot themselves: all or none of them."""
_OAUTH_STEPS = {
    "SLACK_CLIENT_ID": "copy the client ID from your Slack app's page, Basic Information",
    "SLACK_CLIENT_SECRET": "copy the client secret from your Slack app's page, Basic Information",
    "CASE_INSIGHTS_SECRET_KEY": "make one with openssl rand -base64 32; it encrypts the workspaces' tokens",
    "CASE_INSIGHTS_ALLOWED_TEAMS": "name the workspaces (T…) or Enterprise Grids (E…) that may install the bot; "
    "without it every workspace could write to your cases",
    "CASE_INSIGHTS_PUBLIC_URL": "the https address at which Slack, and anybody who installs the bot, reaches it",
}
_DATADOG_PAGES = {
    "DD_API_KEY": "API Keys",
    "DD_APP_KEY": "Application Keys (scopes cases_read, cases_write)",
}
KEY_BYTES = 32


def problems(variables: Mapping[str, str], transport_mode: TransportMode | None, *, listens: bool) -> Iterator[str]:
    """`transport_mode`: as chosen on the command line; `listens` False: Slack need not reach the bot."""
    with_oauth = any(name in variables for name in OAUTH)
    yield from _oauth_problems(variables) if with_oauth else _bot_token_problems(variables)
    if listens and with_oauth:
        if transport_mode is TransportMode.SOCKET or "SLACK_APP_TOKEN" in variables:
            yield "SLACK_APP_TOKEN: workspaces install over HTTP only; remove it, and run without --socket."
    elif listens:
        yield from _mode_problems(variables, transport_mode)
    yield from _datadog_problems(variables)
    if problem := database.problem(variables.get("DATABASE_URL", database.DEFAULT)):
        yield problem


def _bot_token_problems(variables: Mapping[str, str]) -> Iterator[str]:
    if "SLACK_BOT_TOKEN" not in variables:
        yield "SLACK_BOT_TOKEN is not set: copy the bot token (xoxb-…) from your Slack app's page, OAuth & Permissions."


def _oauth_problems(variables: Mapping[str, str]) -> Iterator[str]:
    for name, step in _OAUTH_STEPS.items():
        if name not in variables:
            yield f"{name} is not set: {step}."
    if not re.fullmatch(r"\d+\.\d+", variables.get("SLACK_CLIENT_ID", "1.1")):
        yield f"SLACK_CLIENT_ID is no client ID (digits, a point, digits): {_OAUTH_STEPS['SLACK_CLIENT_ID']}."
    if "SLACK_BOT_TOKEN" in variables:
        yield (
            "SLACK_BOT_TOKEN and SLACK_CLIENT_ID are both set: keep the token for one workspace, or the client ID and "
            "what belongs to it for workspaces that install the bot themselves."
        )
    if "SLACK_SIGNING_SECRET" not in variables:
        yield f"SLACK_SIGNING_SECRET is not set: workspaces install over HTTP; {SIGNING_SECRET}."
    keys = variables.get("CASE_INSIGHTS_SECRET_KEY")
    if keys is not None and not all(map(_is_key, secret_keys(keys) or [""])):
        step = _OAUTH_STEPS["CASE_INSIGHTS_SECRET_KEY"]
        yield f"CASE_INSIGHTS_SECRET_KEY is no key of {KEY_BYTES} bytes in base64: {step}."
    if find_spec("cryptography") is None:
        step = "run .venv/bin/pip install '.[oauth]' in the folder of Case Insights"
        yield f"CASE_INSIGHTS_SECRET_KEY needs a library that is not installed: {step}."


def secret_keys(value: str) -> tuple[str, ...]:
    """The keys, the one that encrypts first; in base64's URL-safe alphabet, which Fernet takes."""
    return tuple(key.strip().replace("+", "-").replace("/", "_") for key in value.split(",") if key.strip())


def _is_key(key: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(key)) == KEY_BYTES
    except (ValueError, binascii.Error):
        return False


def _mode_problems(variables: Mapping[str, str], chosen: TransportMode | None) -> Iterator[str]:
    """Exactly one of the two secrets, unless a mode was chosen."""
    possible = [mode for mode in TransportMode if MODE_SECRETS[mode] in variables]
    if chosen is not None:
        if chosen not in possible:
            step = APP_TOKEN if chosen is TransportMode.SOCKET else SIGNING_SECRET
            yield f"{MODE_SECRETS[chosen]} is not set: {step}."
    elif len(possible) == 2:
        yield (
            "SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are both set: "
            "choose with run --socket or run --http, or keep one of them."
        )
    elif not possible:
        yield (
            f"SLACK_APP_TOKEN is not set: {APP_TOKEN}, for Socket Mode; "
            f"or {SIGNING_SECRET}, into SLACK_SIGNING_SECRET, for HTTP mode."
        )


def _datadog_problems(variables: Mapping[str, str]) -> Iterator[str]:
    keys = [name for name in _DATADOG_PAGES if name in variables]
    if ORGS_FILE in variables:
        if both := [name for name in ONE_ORG if name in variables]:
            yield f"{ORGS_FILE} and {both[0]} are both set: put what {both[0]} says into the file."
    elif "DD_ACCESS_TOKEN" in variables:
        if keys:
            yield f"DD_ACCESS_TOKEN and {keys[0]} are both set: keep either the token or the two keys."
    else:
        for name, page in _DATADOG_PAGES.items():
            if name not in variables:
                yield f"{name} is not set: make one in Datadog under Organization Settings, {page}."
