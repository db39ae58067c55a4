"""How the app gets installed: the page where a person allows it, and the code that is exchanged for a bot token.

https://docs.slack.dev/authentication/installing-with-oauth, https://docs.slack.dev/reference/methods/oauth.v2.access.
Whoever is asked presses Allow at once. The app is installed when the code is exchanged; whoever wanted it has also
invited it to its channels.
"""

import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from aiohttp import web
from yarl import URL

from bot.sandbox.control import Control, handle_call
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.payload import Arguments
from bot.sandbox.slack.workspace import OUR_APP, Workspace

Json = dict[str, Any]

INSTALLER = "U0ANA"


@dataclass(frozen=True, slots=True)
class Client:
    """What the app's page shows under Basic Information."""

    id: str
    secret: str


@dataclass(slots=True)
class Code:
    """What was allowed: `redirect_uri` is where the person was sent back to; `given`: as the app had asked."""

    scopes: set[str]
    redirect_uri: str
    given: bool
    until: float
    used: bool = False


class OAuth:
    """Both ends of the OAuth flow. `lifetime` of a code is in seconds; `deny`: people press Cancel instead."""

    def __init__(self, manifest: Json, client: Client | None, workspace: Workspace, control: Control) -> None:
        self.client = client
        self.workspace = workspace
        self.control = control
        self.redirect_urls: list[str] = manifest.get("oauth_config", {}).get("redirect_urls", [])
        self.scopes = bot_scopes(manifest)
        self.org_deploy_enabled = bool(manifest.get("settings", {}).get("org_deploy_enabled"))
        self.lifetime = 600.0
        self.deny = False
        self._codes: dict[str, Code] = {}

    def issued(self, code: str) -> bool:
        """Whether this code was given out here."""
        return code in self._codes

    # The page

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """`GET /oauth/v2/authorize`: 302 back to the app, or a page (400) with what is wrong with the address.

        The page begins with an error's name. Slack documents none for `invalid_team` and `org_deploy_not_enabled`:
        they are ours.
        """
        given = dict(request.query)

        async def answer() -> web.Response:
            try:
                target = self._allowed(Arguments(given))
            except SlackError as refusal:
                return web.Response(status=400, text=f"{refusal.error}: {refusal.more['page']}")
            return web.Response(status=302, headers={"Location": str(target)})

        return await handle_call(self.control, request, "slack", "oauth.v2.authorize", given, answer)

    def _allowed(self, asked: Arguments) -> URL:
        """Where the person is sent. Raises SlackError with the words of the `page`."""
        if self.client is None or asked.text("client_id") != self.client.id:
            raise SlackError("invalid_client_id", page="Invalid client_id parameter")
        redirect_uri = asked.text("redirect_uri") or next(iter(self.redirect_urls), "")
        if not any(_is_under(urlsplit(redirect_uri), urlsplit(each)) for each in self.redirect_urls):
            words = f"redirect_uri did not match any configured URIs. Passed URI: {redirect_uri}"
            raise SlackError("bad_redirect_uri", page=words)
        scopes = self._asked_scopes(asked)
        self._check_place(asked.text("team"))
        back = URL(redirect_uri)
        if self.deny:
            return back.extend_query(error="access_denied", state=asked.text("state"))
        code = f"{time.time_ns()}.{secrets.randbelow(10**12)}.{secrets.token_hex(32)}"
        self._codes[code] = Code(scopes, redirect_uri, asked.has("redirect_uri"), time.monotonic() + self.lifetime)
        return back.extend_query(code=code, state=asked.text("state"))

    def _asked_scopes(self, asked: Arguments) -> set[str]:
        scopes, unknown = _split(asked.text("scope")), _split(asked.text("user_scope"))
        unknown |= scopes - self.scopes
        if unknown:
            words = f"Invalid permissions requested: {', '.join(sorted(unknown))}"
            raise SlackError("invalid_scope", page=words)
        if not scopes:
            raise SlackError("no_scopes", page="Missing scope in the request")
        return scopes

    def _check_place(self, team: str) -> None:
        if team not in ("", self.workspace.team_id, self.workspace.enterprise_id):
            raise SlackError("invalid_team", page=f"You are not in {team}")
        if self.workspace.installation.is_org_wide and not self.org_deploy_enabled:
            words = "This app is not enabled for org-wide deployment (settings.org_deploy_enabled)"
            raise SlackError("org_deploy_not_enabled", page=words)

    # oauth.v2.access

    def exchange(self, arguments: Arguments) -> Json:
        """Install the app: the fields of the answer, with its bot token. Raises SlackError."""
        if self.client is None or arguments.text("client_id") != self.client.id:
            raise SlackError("invalid_client_id")
        if arguments.text("client_secret") != self.client.secret:
            raise SlackError("bad_client_secret")
        if arguments.text("grant_type", "authorization_code") != "authorization_code":
            raise SlackError("invalid_grant_type")
        code = self._codes.get(arguments.text("code"))
        if code is None or code.until < time.monotonic():
            raise SlackError("invalid_code")
        if code.used:
            raise SlackError("code_already_used")
        if arguments.text("redirect_uri", "" if code.given else code.redirect_uri) != code.redirect_uri:
            raise SlackError("bad_redirect_uri")
        code.used = True
        return self._installed(code)

    def _installed(self, code: Code) -> Json:
        workspace = self.workspace
        installation = workspace.installation
        token = installation.begin(code.scopes)
        return {
            "access_token": token,
            "token_type": "bot",
            "scope": ",".join(sorted(installation.scopes)),
            "bot_user_id": workspace.our_user,
            "app_id": OUR_APP,
            "team": None if installation.is_org_wide else {"id": workspace.team_id, "name": workspace.name},
            "enterprise": workspace.enterprise,
            "is_enterprise_install": installation.is_org_wide,
            "authed_user": {"id": INSTALLER},
        }


def bot_scopes(manifest: Json) -> set[str]:
    """The bot token's scopes that the manifest knows, the optional ones too."""
    scopes: Json = manifest.get("oauth_config", {}).get("scopes", {})
    return {*scopes.get("bot", []), *scopes.get("bot_optional", [])}


def _is_under(passed: SplitResult, configured: SplitResult) -> bool:
    """Whether a redirect URI is a configured one or lies below it; scheme, host and port are the same."""
    if passed[:2] != configured[:2]:
        return False
    return passed.path == configured.path or passed.path.startswith(configured.path.rstrip("/") + "/")


def _split(scopes: str) -> set[str]:
    """Slack's own addresses have commas; OAuth's standard has blanks, which it takes as well."""
    return set(scopes.replace(",", " ").split())
