"""Checks of the two Slack tokens: whose they are, what they may do, the bot's channels, and who may press buttons.

Errors and headers: docs.slack.dev/reference/methods. Nothing is posted, and no websocket is opened.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from pydantic import SecretStr

from bot.config.settings import Settings
from bot.ops.doctor.finding import Examined, Finding, Subject, error, ok, together, warning
from bot.slack.client import Slack, SlackResponse, web_client
from bot.slack.errors import SlackPermanent, SlackTransient
from bot.slack.json import as_object, as_objects, next_cursor
from bot.slack.manifest import DISPLAY_NAME, INSTALL_PATH, SCOPES, optional_scopes

PAGES = 5
"""Of a thousand channels each: a bot in more than that does not need the exact number."""
PAGE = 1000
NAMED = 5
REINSTALL = "on your Slack app's page, OAuth & Permissions"

TOKEN_FIXES: Mapping[str, str] = {
    "invalid_auth": f"Copy the bot token (xoxb-…) again {REINSTALL}.",
    "not_authed": f"Copy the bot token (xoxb-…) again {REINSTALL}.",
    "account_inactive": f"The app was removed: install it again {REINSTALL}, and copy the new token.",
    "token_revoked": f"The token was revoked: install the app again {REINSTALL}, and copy the new token.",
    "token_expired": "Token rotation is on: create the app again from the manifest, which leaves it off.",
}
APP_TOKEN_FIXES: Mapping[str, str] = {
    "invalid_auth": "Make an app-level token with connections:write on your Slack app's page, Basic Information.",
    "missing_scope": "Make another app-level token, with the scope connections:write, under Basic Information.",
    "not_allowed_token_type": "Use the app-level token (xapp-…) of Basic Information, with connections:write.",
    "socket_mode_not_enabled": "Turn Socket Mode on: your Slack app's page, Socket Mode, Enable Socket Mode.",
}
NETWORK = (
    "Check the network, a proxy (HTTPS_PROXY), your own certificates (SSL_CERT_FILE), "
    "and SLACK_API_URL, which is for the sandbox alone."
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why Slack did not answer as it should. `word`: its own error word, or what broke."""

    word: str
    answered: bool = True


@dataclass(frozen=True, slots=True)
class _Caller:
    """Slack, called with one of the tokens."""

    slack: Slack
    within: float

    async def ask(self, method: str, **arguments: Any) -> SlackResponse | Failure:
        try:
            async with asyncio.timeout(self.within):
                return await self.slack.ask(method, arguments)
        except TimeoutError:
            return Failure(f"no answer in {self.within:g} s", answered=False)
        except SlackPermanent as refused:
            return Failure(refused.reason)
        except SlackTransient as later:
            broke = isinstance(later.__cause__, (aiohttp.ClientError, OSError))
            return Failure(str(later).removeprefix(f"{method}: "), answered=not broke)


async def examine(subject: Subject) -> Examined:
    """All that can be asked with the settings that are right."""
    if "SLACK_API_URL" in subject.broken:
        return Examined()
    of_bot, of_app = await asyncio.gather(_with_bot_tokens(subject), _with_app_token(subject))
    return Examined((*of_bot.findings, *of_app), of_bot.ahead)


async def _with_bot_tokens(subject: Subject) -> Examined:
    """The token that is set, or those of the workspaces that installed the bot."""
    if subject.settings.oauth is None:
        token = None if "SLACK_BOT_TOKEN" in subject.broken else subject.settings.slack_bot_token
        return Examined() if token is None else await _with_bot_token(subject, token)
    if "CASE_INSIGHTS_SECRET_KEY" in subject.broken:
        return Examined()
    from bot.ops.doctor import installed

    findings, installations = await installed.examine(subject, subject.settings.oauth)
    examined = await asyncio.gather(*(_with_bot_token(subject, each.token) for each in installations))
    workspaces = together([installation.workspace for installation in installations], examined)
    return Examined((*findings, *workspaces.findings), workspaces.ahead)


async def _with_bot_token(subject: Subject, token: SecretStr) -> Examined:
    async with _client(subject, token) as slack:
        response = await slack.ask("auth.test")
        if isinstance(response, Failure):
            return Examined((_bad_token(subject.settings, response),))
        me = response.data
        scopes = frozenset(response.headers.get("x-oauth-scopes", "").replace(" ", "").split(","))
        channels, app, confirmers = await asyncio.gather(
            _channels(subject, slack), _app(subject, slack, str(me.get("user_id"))), _confirmers(subject, slack, scopes)
        )
    who = ok("slack-token", f"The bot is {me.get('user')} in {me.get('team')}.")
    findings = (
        who,
        *_scopes(scopes, reaction=bool(subject.settings.reaction)),
        *_teams(subject, me),
        *channels,
        *app,
        *confirmers,
    )
    return Examined(findings, _ahead(response, subject.clock()))


async def _with_app_token(subject: Subject) -> list[Finding]:
    if "SLACK_APP_TOKEN" in subject.broken:
        return []
    if subject.settings.slack_app_token is None:
        return [_in_http_mode(subject.settings)]
    async with _client(subject, subject.settings.slack_app_token) as slack:
        response = await slack.ask("apps.connections.open")
    if not isinstance(response, Failure):
        return [ok("slack-socket", "Slack opens a connection for Socket Mode.")]
    if not response.answered:
        return [error("slack-socket", f"Slack did not answer apps.connections.open ({response.word}).", NETWORK)]
    fix = APP_TOKEN_FIXES.get(response.word, "Check that Socket Mode is on and that the token has connections:write.")
    return [error("slack-socket", f"Slack opens no connection with SLACK_APP_TOKEN ({response.word}).", fix)]


def _in_http_mode(settings: Settings) -> Finding:
    """Only Slack can tell whether it finds the address: by the last event."""
    if settings.public_url:
        return ok("slack-http", f"Slack has to send to {settings.public_url}/slack/events, signed.")
    text = "HTTP mode: whether Slack finds the bot cannot be told from here."
    return warning("slack-http", text, "Set CASE_INSIGHTS_PUBLIC_URL to what the Slack app's request URLs say.")


def _bad_token(settings: Settings, failure: Failure) -> Finding:
    url, word = settings.slack_api_url, failure.word
    if not failure.answered:
        return error("slack-token", f"Slack does not answer at {url} ({word}).", NETWORK)
    fix = TOKEN_FIXES.get(word)
    if fix is None:
        return error("slack-token", f"{url} does not answer as Slack does ({word}).", NETWORK)
    if settings.oauth is None:
        return error("slack-token", f"Slack does not accept SLACK_BOT_TOKEN ({word}).", fix)
    if word != "token_expired":
        fix = f"Install the app again: {settings.oauth.public_url}{INSTALL_PATH}."
    return error("slack-token", f"Slack does not accept the workspace's token ({word}).", fix)


def _teams(subject: Subject, me: Mapping[str, Any]) -> list[Finding]:
    """Whether this workspace may use any of the organisations; if not, the bot is silent in it."""
    team = str(me.get("team_id"))
    if subject.settings.oauth is None and (
        problems := [*filter(None, (org.unseen_teams({team}) for org in subject.orgs))]
    ):
        return [error("datadog-teams", problem) for problem in problems]
    ids = {team, str(me.get("enterprise_id"))}
    if not subject.orgs or any(org.teams is None or not ids.isdisjoint(org.teams) for org in subject.orgs):
        return []
    text = f"No Datadog organisation is for {me.get('team')} ({team}), so the bot does nothing there."
    return [error("datadog-teams", text, f"Add {team} to the teams of one in CASE_INSIGHTS_ORGS_FILE.")]


def _scopes(granted: frozenset[str], *, reaction: bool) -> list[Finding]:
    """Compared with the manifest; `reaction`: CASE_INSIGHTS_REACTION is set."""
    findings: list[Finding] = []
    command = f"case-insights manifest{' --reaction' if reaction else ''}"
    update = f"Put the manifest of {command} on your Slack app's page, App Manifest, and install it again."
    missing = [f"{scope} ({reason})" for scope, reason in SCOPES.items() if scope not in granted]
    if missing:
        findings.append(error("slack-scopes", f"The bot token lacks {'; '.join(missing)}.", update))
    asked = optional_scopes(reaction=reaction).items()
    optional = [f"{scope} ({reason})" for scope, reason in asked if scope not in granted]
    if optional:
        text = f"Optional scopes are missing: {'; '.join(optional)}."
        findings.append(warning("slack-scopes", text, f"Leave it so, or: {update[0].lower()}{update[1:]}"))
    return findings or [ok("slack-scopes", "The bot token has every scope of the manifest.")]


async def _app(subject: Subject, slack: _Caller, user: str) -> list[Finding]:
    """With the tokens of two apps the bot starts without an error, and then gets no event."""
    token = subject.settings.slack_app_token
    named = re.match(r"xapp-\d+-(A[A-Z0-9]+)-", token.get_secret_value() if token else "")
    if named is None or "SLACK_APP_TOKEN" in subject.broken:
        return []
    response = await slack.ask("users.info", user=user)
    if isinstance(response, Failure):
        return []  # the scope for it is missing, which is another finding
    app = as_object(as_object(response.data.get("user")).get("profile")).get("api_app_id")
    if app in (None, named[1]):
        return []
    return [
        error(
            "slack-app",
            f"The bot token is of app {app}, but the app-level token is of app {named[1]}: the bot gets no events.",
            f"Take both tokens from one app: api.slack.com/apps/{app}.",
        )
    ]


async def _channels(subject: Subject, slack: _Caller) -> list[Finding]:
    channels: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(PAGES):
        arguments = {"types": "public_channel,private_channel", "exclude_archived": True, "limit": PAGE}
        response = await slack.ask("users.conversations", **arguments, **({"cursor": cursor} if cursor else {}))
        if isinstance(response, Failure):
            if response.word == "missing_scope":
                return [
                    ok("slack-channels", "The bot's channels are not known: the optional scopes for it are missing.")
                ]
            return [warning("slack-channels", f"Slack did not say which channels the bot is in ({response.word}).")]
        channels += as_objects(response.data.get("channels"))
        cursor = next_cursor(response.data)
        if not cursor:
            break
    shared = [channel for channel in channels if channel.get("is_ext_shared") and not subject.settings.shared_channels]
    return _watched([channel for channel in channels if channel not in shared], shared)


def _watched(watched: list[dict[str, Any]], shared: list[dict[str, Any]]) -> list[Finding]:
    allow = "set CASE_INSIGHTS_SHARED_CHANNELS=on (cards there show no names and titles)"
    not_watched = f" Shared with other organisations, and not watched: {_named(shared)}." if shared else ""
    if watched:
        return [ok("slack-channels", f"The bot watches {_named(watched)}.{not_watched}")]
    invite = f"Type /invite @{DISPLAY_NAME} in a channel"
    text = f"The bot is in no channel that it may watch.{not_watched}"
    return [warning("slack-channels", text, f"{invite}, or {allow}." if shared else f"{invite}.")]


def _named(channels: list[dict[str, Any]]) -> str:
    more = f" and {len(channels) - NAMED} more" if len(channels) > NAMED else ""
    return ", ".join(f"#{channel.get('name')}" for channel in channels[:NAMED]) + more


async def _confirmers(subject: Subject, slack: _Caller, scopes: frozenset[str]) -> list[Finding]:
    policy = subject.settings.policy
    if not subject.settings.confirmers or policy is None:
        return []
    if policy.groups and "usergroups:read" not in scopes:
        fix = "Add the scope usergroups:read and install the app again, or name people instead."
        text = "CASE_INSIGHTS_CONFIRMERS names user groups, but without the scope usergroups:read they let nobody in."
        return [error("confirmers", text, fix)]
    calls = [("usergroups.users.list", "usergroup", group) for group in sorted(policy.groups)]
    calls += [("users.info", "user", user) for user in sorted(policy.users)]
    responses = await asyncio.gather(*(slack.ask(method, **{name: value}) for method, name, value in calls))
    unknown = [value for (*_, value), response in zip(calls, responses, strict=True) if isinstance(response, Failure)]
    if unknown:
        text = f"CASE_INSIGHTS_CONFIRMERS names {', '.join(unknown)}, whom Slack does not know: they let nobody in."
        return [
            error("confirmers", text, "Copy the ids again: a person's profile, or a user group's page, ⋯, Copy ID.")
        ]
    return [ok("confirmers", f"{len(calls)} people and user groups are named, and Slack knows them.")]


@asynccontextmanager
async def _client(subject: Subject, token: SecretStr) -> AsyncGenerator[_Caller]:
    async with aiohttp.ClientSession() as session:
        client = web_client(subject.settings.slack_api_url, session, token.get_secret_value())
        yield _Caller(Slack(client), subject.within)


def _ahead(response: SlackResponse, now: float) -> float | None:
    try:
        return now - parsedate_to_datetime(response.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None
