"""How the app comes into the workspace, and out of it: OAuth, as somebody goes through it who presses Allow.

https://docs.slack.dev/authentication/installing-with-oauth, https://docs.slack.dev/reference/methods/oauth.v2.access
"""

import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from bot.sandbox.slack_events import Events
from bot.sandbox.slack_payload import Arguments
from bot.sandbox.slack_people import OUR_APP, OUR_USER, Workspace
from bot.sandbox.slack_refusal import RefusedError

Json = dict[str, Any]

CODE_SECONDS = 600.0
INSTALLER = "U0ANA"


@dataclass(slots=True)
class Code:
    """What Slack gives the app's browser: worth a token, once."""

    redirect_uri: str
    scopes: set[str]
    at: float
    used: bool = False


class Distribution:
    """The app's client. Without `client_id` the app is installed from the start, and there is no OAuth.

    `scopes` are those that the token has: the ones that were asked for. `deny`: the person presses Cancel instead.
    """

    def __init__(
        self, manifest: Json, workspace: Workspace, events: Events, scopes: set[str], client: tuple[str, str] | None
    ) -> None:
        oauth: Json = manifest.get("oauth_config", {})
        self.workspace, self.events, self.scopes, self.client = workspace, events, scopes, client
        self.redirect_urls: list[str] = oauth.get("redirect_urls", [])
        self.org_deploy = bool(manifest.get("settings", {}).get("org_deploy_enabled"))
        self.offered = frozenset(scopes)
        self.codes: dict[str, Code] = {}
        self.deny = False
        workspace.installed = client is None

    async def authorize(self, request: web.Request) -> web.StreamResponse:
        """`GET /oauth/v2/authorize`: back to the app with a code, or a page that names what is wrong."""
        asked = request.query
        redirect, scopes = asked.get("redirect_uri", ""), set(filter(None, asked.get("scope", "").split(",")))
        if self.client is None or asked.get("client_id") != self.client[0]:
            return _page("invalid_client_id")
        if redirect not in self.redirect_urls:
            return _page("bad_redirect_uri")
        if not scopes or asked.get("user_scope") or scopes - self.offered:
            return _page("invalid_scope")
        if self.workspace.tenant.org_wide and not self.org_deploy:
            return _page("org_deploy_not_enabled")
        if self.deny:
            answer = {"error": "access_denied"}
        else:
            answer = {"code": f"{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"}
            self.codes[answer["code"]] = Code(redirect, scopes, time.time())
        raise web.HTTPFound(f"{redirect}?{urlencode({**answer, 'state': asked.get('state', '')})}")

    def access(self, arguments: Arguments) -> Json:
        """`oauth.v2.access`, but for the token, which the caller knows. Raises RefusedError."""
        client = arguments.text("client_id"), arguments.text("client_secret")
        if self.client is None or client[0] != self.client[0]:
            raise RefusedError("invalid_client_id")
        if client[1] != self.client[1]:
            raise RefusedError("bad_client_secret")
        code = self.codes.get(arguments.text("code"))
        if code is None or time.time() - code.at > CODE_SECONDS:
            raise RefusedError("invalid_code")
        if code.used:
            raise RefusedError("code_already_used")
        if arguments.text("redirect_uri") != code.redirect_uri:
            raise RefusedError("bad_redirect_uri")
        code.used = True
        self.scopes.clear()
        self.scopes.update(code.scopes)
        self.workspace.installed = True
        tenant = self.workspace.tenant
        return {
            "app_id": OUR_APP,
            "authed_user": {"id": INSTALLER},
            "scope": ",".join(sorted(code.scopes)),
            "token_type": "bot",
            "bot_user_id": OUR_USER,
            "team": tenant.team(),
            "enterprise": tenant.grid(),
            "is_enterprise_install": tenant.org_wide,
        }

    def remove(self) -> None:
        """The app is taken out: it hears that, and nothing more."""
        self.workspace.installed = False
        self.events.removed()


def _page(error: str) -> web.Response:
    """What a person sees in the browser."""
    return web.Response(status=400, text=f"Something went wrong when authorizing this app. Error details: {error}")
