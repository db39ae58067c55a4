"""What Slack says of the two tokens: who they are, what they may do, where the bot is, and who may press buttons.

Errors and headers: docs.slack.dev/reference/methods. Nothing is posted, and no websocket opened.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any, cast

import aiohttp
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from bot.config.settings import Settings
from bot.model import INSTALL_PATH
from bot.ops.doctor.finding import Examined, Finding, Subject, error, ok, warning
from bot.slack.client import Slack, SlackPermanent, SlackResponse, SlackTransient
from bot.slack.manifest import DISPLAY_NAME, OPTIONAL_SCOPES, SCOPES

PAGES = 5
"""Of a thousand channels each: who is in more does not need their number."""
PAGE = 1000
NAMED = 5
REINSTALL = "on your Slack app's page, OAuth & Permissions"

TOKEN_FIXES: Mapping[str, str] = {
    "invalid_auth": f"Copy the bot token (xoxb-…) again {REINSTALL}.",
    "not_authed": f"Copy the bot token (xoxb-…) again {REINSTALL}.",
    "account_inactive": f"The app was removed: install it again {REINSTALL}, and copy the new token.",
    "token_revoked": f"The token was revoked: install the app again {REINSTALL}, and copy the new token.",
    "token_expired": "Token rotation is on: make the app anew from the manifest, which leaves it off.",
}
APP_TOKEN_FIXES: Mapping[str, str] = {
    "invalid_auth": "Make an app-level token with connections:write on your Slack app's page, Basic Information.",
    "missing_scope": "Make another app-level token, with the scope connections:write, under Basic Information.",
    "not_allowed_token_type": "Use the app-level token (xapp-…) of Basic Information, with connections:write.",
    "socket_mode_not_enabled": "Turn Socket Mode on: your Slack app's page, Socket Mode, Enable Socket Mode.",
}
NETWORK = "Check the network, a proxy (HTTPS_PROXY) and SLACK_API_URL, which is for the sandbox alone."


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why Slack did not answer as it should: its own error word, or what broke."""

    word: str
    answered: bool = True


@dataclass(frozen=True, slots=True)
class _Asking:
    """Slack, asked with one of the tokens."""

    slack: Slack
    within: float

    async def ask(self, method: str, **arguments: Any) -> SlackResponse | Trouble:
        try:
            async with asyncio.timeout(self.within):
                return await self.slack.ask(method, arguments)
        except TimeoutError:
            return Trouble(f"no answer in {self.within:g} s", answered=False)
        except SlackPermanent as end:
            return Trouble(end.reason)
        except SlackTransient as later:
            broke = isinstance(later.__cause__, (aiohttp.ClientError, OSError))
            return Trouble(str(later).removeprefix(f"{method}: "), answered=not broke)


async def examine(subject: Subject) -> Examined:
    """Whatever can be asked with the settings that are right."""
    if "SLACK_API_URL" in subject.broken:
        return Examined()
    (of_bot, ahead), of_app = await asyncio.gather(_with_bot_tokens(subject), _with_app_token(subject))
    return Examined((*of_bot, *of_app), ahead)


async def _with_bot_tokens(subject: Subject) -> tuple[list[Finding], float | None]:
    """Ours, or those of the workspaces that installed the bot."""
    if subject.settings.oauth is None:
        token = None if "SLACK_BOT_TOKEN" in subject.broken else subject.settings.slack_bot_token
        return ([], None) if token is None else await _with_bot_token(subject, token)
    if "CASE_INSIGHTS_SECRET_KEY" in subject.broken:
        return [], None
    from bot.ops.doctor import installed

    found, there = await installed.examine(subject, subject.settings.oauth)
    told = await asyncio.gather(*(_with_bot_token(subject, each.token) for each in there))
    findings = [
        replace(finding, text=f"{each.workspace}: {finding.text}") if len(there) > 1 else finding
        for each, (findings, _) in zip(there, told, strict=True)
        for finding in findings
    ]
    return [*found, *findings], next((ahead for _, ahead in told if ahead is not None), None)


async def _with_bot_token(subject: Subject, token: SecretStr) -> tuple[list[Finding], float | None]:
    async with _client(subject, token) as slack:
        told = await slack.ask("auth.test")
        if isinstance(told, Trouble):
            return [_no_token(subject.settings, told)], None
        me = told.data
        scopes = frozenset(told.headers.get("x-oauth-scopes", "").replace(" ", "").split(","))
        parts = await asyncio.gather(
            _channels(subject, slack), _app(subject, slack, str(me.get("user_id"))), _confirmers(subject, slack, scopes)
        )
    who = ok("slack-token", f"The bot is {me.get('user')} in {me.get('team')}.")
    findings = [who, *_scopes(scopes), *_teams(subject, me), *(finding for part in parts for finding in part)]
    return findings, _ahead(told, subject.clock())


async def _with_app_token(subject: Subject) -> list[Finding]:
    if "SLACK_APP_TOKEN" in subject.broken:
        return []
    if subject.settings.slack_app_token is None:
        return [_in_http_mode(subject.settings)]
    async with _client(subject, subject.settings.slack_app_token) as slack:
        told = await slack.ask("apps.connections.open")
    if not isinstance(told, Trouble):
        return [ok("slack-socket", "Slack opens a connection for Socket Mode.")]
    if not told.answered:
        return [error("slack-socket", f"Slack did not answer apps.connections.open ({told.word}).", NETWORK)]
    fix = APP_TOKEN_FIXES.get(told.word, "Check that Socket Mode is on and that the token has connections:write.")
    return [error("slack-socket", f"Slack opens no connection with SLACK_APP_TOKEN ({told.word}).", fix)]


def _in_http_mode(settings: Settings) -> Finding:
    """Whether Slack finds the address, only Slack can tell: the last event does."""
    if settings.public_url:
        return ok("slack-http", f"Slack is to send to {settings.public_url}/slack/events, signed.")
    text = "HTTP mode: whether Slack finds the bot cannot be told from here."
    return warning("slack-http", text, "Set CASE_INSIGHTS_PUBLIC_URL to what the Slack app's request URLs say.")


def _no_token(settings: Settings, trouble: Trouble) -> Finding:
    if not trouble.answered:
        return error("slack-token", f"Slack does not answer at {settings.slack_api_url} ({trouble.word}).", NETWORK)
    fix = TOKEN_FIXES.get(trouble.word)
    if fix is None:
        return error(
            "slack-token", f"{settings.slack_api_url} does not answer as Slack does ({trouble.word}).", NETWORK
        )
    if settings.oauth is None:
        return error("slack-token", f"Slack does not take SLACK_BOT_TOKEN ({trouble.word}).", fix)
    again = (
        fix if trouble.word == "token_expired" else f"Install the app again: {settings.oauth.public_url}{INSTALL_PATH}."
    )
    return error("slack-token", f"Slack does not take the workspace's token ({trouble.word}).", again)


def _teams(subject: Subject, me: Mapping[str, Any]) -> list[Finding]:
    """Whether this workspace may use any of the organisations: else the bot keeps quiet in all of it."""
    here = str(me.get("team_id"))
    places = {here, str(me.get("enterprise_id"))}
    if not subject.orgs or any(org.teams is None or not places.isdisjoint(org.teams) for org in subject.orgs):
        return []
    text = f"No Datadog organisation is for {me.get('team')} ({here}), so the bot does nothing there."
    return [error("datadog-teams", text, f"Add {here} to the teams of one in CASE_INSIGHTS_ORGS_FILE.")]


def _scopes(granted: frozenset[str]) -> list[Finding]:
    """Against the manifest: what is missing stops something."""
    found: list[Finding] = []
    update = "Put the manifest of case-insights manifest on your Slack app's page, App Manifest, and install it again."
    missing = [f"{scope} ({what})" for scope, what in SCOPES.items() if scope not in granted]
    if missing:
        found.append(error("slack-scopes", f"The bot token lacks {'; '.join(missing)}.", update))
    without = [f"{scope} ({what})" for scope, what in OPTIONAL_SCOPES.items() if scope not in granted]
    if without:
        text = f"Optional scopes are missing: {'; '.join(without)}."
        found.append(warning("slack-scopes", text, f"Leave it so, or: {update[0].lower()}{update[1:]}"))
    return found or [ok("slack-scopes", "The bot token has all that the manifest asks for.")]


async def _app(subject: Subject, slack: _Asking, user: str) -> list[Finding]:
    """Two tokens of two apps start without a word, and then nothing is heard."""
    token = subject.settings.slack_app_token
    named = re.match(r"xapp-\d+-(A[A-Z0-9]+)-", token.get_secret_value() if token else "")
    if named is None or "SLACK_APP_TOKEN" in subject.broken:
        return []
    told = await slack.ask("users.info", user=user)
    if isinstance(told, Trouble):
        return []  # the scope for it is missing, and that is told
    app = cast(dict[str, Any], told.data.get("user", {}).get("profile", {})).get("api_app_id")
    if app in (None, named[1]):
        return []
    return [
        error(
            "slack-app",
            f"The bot token is of app {app}, but the app-level token is of app {named[1]}: nothing would be heard.",
            f"Take both tokens from one app: api.slack.com/apps/{app}.",
        )
    ]


async def _channels(subject: Subject, slack: _Asking) -> list[Finding]:
    channels: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(PAGES):
        asked = {"types": "public_channel,private_channel", "exclude_archived": True, "limit": PAGE}
        told = await slack.ask("users.conversations", **asked, **({"cursor": cursor} if cursor else {}))
        if isinstance(told, Trouble):
            if told.word == "missing_scope":
                return [ok("slack-channels", "Which channels the bot is in is not told, for want of optional scopes.")]
            return [warning("slack-channels", f"Slack did not say which channels the bot is in ({told.word}).")]
        channels += told.data.get("channels", [])
        cursor = str(cast(dict[str, Any], told.data.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            break
    shared = [each for each in channels if each.get("is_ext_shared") and not subject.settings.shared_channels]
    return _watched([each for each in channels if each not in shared], shared)


def _watched(watched: list[dict[str, Any]], shared: list[dict[str, Any]]) -> list[Finding]:
    allow = "set CASE_INSIGHTS_SHARED_CHANNELS=on (cards there show no names and titles)"
    passed = f" Shared with other organisations, and not watched: {_named(shared)}." if shared else ""
    if watched:
        return [ok("slack-channels", f"The bot watches {_named(watched)}.{passed}")]
    invite = f"Type /invite @{DISPLAY_NAME} in a channel"
    text = f"The bot is in no channel that it may watch.{passed}"
    return [warning("slack-channels", text, f"{invite}, or {allow}." if shared else f"{invite}.")]


def _named(channels: list[dict[str, Any]]) -> str:
    more = f" and {len(channels) - NAMED} more" if len(channels) > NAMED else ""
    return ", ".join(f"#{each.get('name')}" for each in channels[:NAMED]) + more


async def _confirmers(subject: Subject, slack: _Asking, scopes: frozenset[str]) -> list[Finding]:
    policy = subject.settings.policy
    if not subject.settings.confirmers or policy is None:
        return []
    if policy.groups and "usergroups:read" not in scopes:
        fix = "Add the scope usergroups:read and install the app again, or name people instead."
        text = "CASE_INSIGHTS_CONFIRMERS names user groups, but without the scope usergroups:read they let nobody in."
        return [error("confirmers", text, fix)]
    asked = [("usergroups.users.list", "usergroup", each) for each in sorted(policy.groups)]
    asked += [("users.info", "user", each) for each in sorted(policy.users)]
    answers = await asyncio.gather(*(slack.ask(method, **{name: each}) for method, name, each in asked))
    unknown = [each for (*_, each), told in zip(asked, answers, strict=True) if isinstance(told, Trouble)]
    if unknown:
        text = f"CASE_INSIGHTS_CONFIRMERS names {', '.join(unknown)}, of whom Slack does not tell: they let nobody in."
        return [
            error("confirmers", text, "Copy the ids again: a person's profile, or a user group's page, ⋯, Copy ID.")
        ]
    return [ok("confirmers", f"{len(asked)} people and user groups are named, and Slack knows them.")]


@asynccontextmanager
async def _client(subject: Subject, token: SecretStr) -> AsyncGenerator[_Asking]:
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            token.get_secret_value(), subject.settings.slack_api_url, session=session, retry_handlers=[]
        )
        yield _Asking(Slack(client), subject.within)


def _ahead(told: SlackResponse, now: float) -> float | None:
    try:
        return now - parsedate_to_datetime(told.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None
