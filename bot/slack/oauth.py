"""How workspaces install the bot: `GET /slack/install` leads to Slack, and Slack back to `GET /slack/oauth_redirect`.

The flow is Bolt's (docs.slack.dev/authentication/installing-with-oauth): a state of ten minutes, signed so that any
replica knows it and nothing is stored before the browser comes back, and tied to the browser by a cookie. We add that
it installs once, that only allowed workspaces get in, and that every outcome is a page that says what to do.
Neither codes nor tokens reach a log or a page, nor does a name that a stranger chose.
"""

import html
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncBoltRequest
from slack_bolt.oauth.async_callback_options import AsyncCallbackOptions, AsyncFailureArgs, AsyncSuccessArgs
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackClientError
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.exc import SQLAlchemyError

from bot.config.settings import OAuth
from bot.messages.text import NAME_CHARS, clean
from bot.slack.manifest import INSTALL_PATH, REDIRECT_PATH, SCOPES, optional_scopes

HEADERS = {
    # The address of a page contains a code: it goes nowhere else, and no page is cached or framed.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
AGAIN = (INSTALL_PATH, "Start again")
REASONS: Mapping[str, str] = {
    "access_denied": "Slack was not allowed to install it.",
    "invalid_browser": "The installation was started in another browser, or more than ten minutes ago.",
    "invalid_state": "The installation was finished already, or started more than ten minutes ago.",
    "missing_code": "Slack sent no code.",
    "invalid_code": "Slack gave no token. If this happens again, the bot's client ID or secret is wrong.",
}
"""Bolt's words for what can go wrong, in ours."""
UNANSWERED = (SlackClientError, aiohttp.ClientError, TimeoutError, ValueError, TypeError, AttributeError)
"""What slack_sdk and Bolt raise when nobody answers, or (the last three) when the answer is not Slack's."""

log = structlog.get_logger(__name__)
_silent = logging.getLogger("bot.silent")  # Bolt's and slack_sdk's own log lines contain codes and states
_silent.disabled = True


Save = Callable[[Installation, str], Awaitable[bool]]
"""Stores an installation and that its state was used, together; False: it was used before."""


class NotAllowed(Exception):
    """This workspace may not install the bot: its name, and its id."""

    def __init__(self, name: str, workspace: str) -> None:
        super().__init__(f"{name} ({workspace})")
        self.workspace = workspace


class StateUsed(Exception):
    """Another request with the same state was faster."""


class Installing:
    """The two pages. `client` has no token."""

    def __init__(
        self,
        client: AsyncWebClient,
        save: Save,
        states: AsyncOAuthStateStore,
        oauth: OAuth,
        slack_url: str,
    ) -> None:
        flow_settings = AsyncOAuthSettings(
            client_id=oauth.client_id,
            client_secret=oauth.client_secret.get_secret_value(),
            scopes=[*SCOPES, *optional_scopes(reaction=oauth.reaction)],
            redirect_uri=f"{oauth.public_url}{REDIRECT_PATH}",
            install_page_rendering_enabled=False,
            authorization_url=f"{slack_url.removesuffix('/').removesuffix('/api')}/oauth/v2/authorize",
            callback_options=AsyncCallbackOptions(success=_installed, failure=_failed),
            state_store=states,
            logger=_silent,
        )
        flow_settings.user_scopes = None  # AsyncOAuthSettings takes them from the environment
        self._flow = _Flow(client, flow_settings, oauth.allowed, save)

    async def begin(self, request: web.Request) -> web.StreamResponse:
        """To Slack, with a new state."""
        return await _answer(self._flow.handle_installation, request)

    async def finish(self, request: web.Request) -> web.StreamResponse:
        """From Slack: the workspace is stored, or a page says why not."""
        return await _answer(self._flow.handle_callback, request)


async def _answer(
    flow: Callable[[AsyncBoltRequest], Awaitable[BoltResponse]], request: web.Request
) -> web.StreamResponse:
    """The flow's answer, or a page about what went wrong in it."""
    headers: Any = request.headers
    try:
        bolt_response = await flow(AsyncBoltRequest(body="", query=request.query_string, headers=headers))
        response: web.StreamResponse = await to_aiohttp_response(bolt_response)
    except NotAllowed as refused:
        log.warning("installation.not_allowed", workspace=refused.workspace)
        text = f"{refused} is not among the workspaces that this bot is for, so nothing was installed."
        response = _page(403, "Not installed", f"{text} Ask whoever runs this bot (CASE_INSIGHTS_ALLOWED_TEAMS).")
    except StateUsed:
        response = _page(401, "Not installed", REASONS["invalid_state"], AGAIN)
    except SQLAlchemyError as error:
        log.warning("store.failed", error=type(error).__name__)
        response = _page(503, "Not installed", "It could not be saved.", AGAIN)
    except UNANSWERED as error:
        log.warning("installation.failed", why=type(error).__name__)
        response = _page(502, "Not installed", "Slack did not answer.", AGAIN)
    response.headers.update(HEADERS)
    return response


class _Flow(AsyncOAuthFlow):
    """Bolt's flow, which stores only allowed workspaces."""

    def __init__(
        self, client: AsyncWebClient, settings: AsyncOAuthSettings, allowed: frozenset[str], save: Save
    ) -> None:
        super().__init__(client=client, logger=_silent, settings=settings)
        self._allowed, self._save = allowed, save

    async def build_authorize_url(self, state: str, request: AsyncBoltRequest) -> str:
        """Bolt's own copies any `team` of the request into the address."""
        team: str = request.query.get("team", [""])[0]
        valid_team = team if re.fullmatch(r"[TE][A-Z0-9]{2,}", team) else None
        return self.settings.authorize_url_generator.generate(state, valid_team)

    async def store_installation(self, request: AsyncBoltRequest, installation: Installation) -> None:
        grid, team = installation.enterprise_id, installation.team_id
        if self._allowed.isdisjoint({grid, team}):
            await self._revoke(str(installation.bot_token))
            raise NotAllowed(_name(installation), str(team or grid))
        if not await self._save(installation, request.query["state"][0]):
            raise StateUsed

    async def _revoke(self, token: str) -> None:
        """A token that is not stored must not stay valid."""
        try:
            await self.client.auth_revoke(token=token)  # pyright: ignore[reportUnknownMemberType]  untyped there
        except UNANSWERED as error:
            log.warning("installation.not_revoked", why=type(error).__name__)


async def _installed(args: AsyncSuccessArgs) -> BoltResponse:
    installation = args.installation
    team = installation.team_id
    log.info("installation.made", workspace=installation.enterprise_id if installation.is_enterprise_install else team)
    where = f"https://slack.com/app_redirect?app={installation.app_id}" + (f"&team={team}" if team else "")
    text = f"Case Insights is in {_name(installation)}. Invite it to a channel: /invite @Case Insights."
    return _for_bolt(_page(200, "Installed", text, (where, "Open Slack")))


async def _failed(args: AsyncFailureArgs) -> BoltResponse:
    text = REASONS.get(args.reason, "Slack could not finish.")
    log.warning("installation.failed", why=args.reason if args.reason in REASONS else "other")
    return _for_bolt(_page(max(args.suggested_status_code, 200), "Not installed", text, AGAIN))


def _name(installation: Installation) -> str:
    org_wide = installation.is_enterprise_install
    name = installation.enterprise_name if org_wide else installation.team_name
    return clean(name or "", NAME_CHARS) or "Your workspace"


def _page(status: int, title: str, text: str, link: tuple[str, str] | None = None) -> web.Response:
    """`link`: an address and its words."""
    more = f'<p><a href="{html.escape(link[0])}">{link[1]}</a></p>' if link else ""
    body = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Case Insights: {title}</title>'
        '<meta name="viewport" content="width=device-width"><style>body{font:18px/1.5 system-ui,sans-serif;'
        "max-width:34em;margin:15vh auto;padding:0 1em;color-scheme:light dark}</style>"
        f"<h1>{title}</h1><p>{html.escape(text)}</p>{more}</html>"
    )
    return web.Response(status=status, text=body, content_type="text/html")


def _for_bolt(page: web.Response) -> BoltResponse:
    return BoltResponse(status=page.status, body=page.text or "", headers={"Content-Type": "text/html"})
