"""The sandbox's Slack: one workspace on loopback, with its Web API, Socket Mode or HTTP, and its people."""

from typing import Any, Self

from aiohttp import web

from bot.sandbox.control import Control, no_such_route, only_this_machine, routes
from bot.sandbox.slack.control import slack_routes
from bot.sandbox.slack.installation import Installation
from bot.sandbox.slack.methods import Api
from bot.sandbox.slack.oauth import Client, bot_scopes
from bot.sandbox.slack.user_actions import UserActions
from bot.sandbox.slack.web_api import WebApi
from bot.sandbox.slack.workspace import TEAM, example_workspace

Json = dict[str, Any]

LARGEST_BODY = 4 * 1024 * 1024


class SlackServer(UserActions):
    """A strict Slack for the app of `manifest` (Slack's format). Use as an async context manager.

    `ack_seconds`: how long Slack waits for an acknowledgement; `retry_delays`: the pauses before it repeats an event.
    With a `signing_secret`, and Socket Mode off in the manifest, it calls the manifest's request URLs. Each verb of
    `POST /_sandbox/…` is a method of the same name.

    `team` (an id), `team_name` and `domain` are the workspace's; `enterprise` is the id of its enterprise, if any;
    `org_wide`: the app is installed in the enterprise. With `client_id` and `client_secret` the app is not installed
    until somebody does so by OAuth, and `bot_token` is ignored. Raises ValueError for options that do not go together.
    """

    def __init__(
        self,
        manifest: Json,
        control: Control | None = None,
        *,
        bot_token: str = "xoxb-sandbox",  # noqa: S107 - opens nothing but this sandbox
        app_token: str = "xapp-sandbox",  # noqa: S107 - the same
        ack_seconds: float = 3.0,
        retry_delays: tuple[float, ...] = (1.0, 60.0, 300.0),
        signing_secret: str | None = None,
        team: str = TEAM,
        team_name: str = "Acme",
        domain: str | None = None,
        enterprise: str | None = None,
        org_wide: bool = False,
        client_id: str | None = None,
        client_secret: str | None = None,
    ) -> None:
        client = None if client_id is None or client_secret is None else Client(client_id, client_secret)
        if client is None and (client_id or client_secret):
            raise ValueError("client_id and client_secret go together.")
        if org_wide and enterprise is None:
            raise ValueError("Only in an enterprise there are org-wide installations.")
        if client is not None:
            installation = Installation(None, set(), org_wide)
        elif org_wide and not manifest.get("settings", {}).get("org_deploy_enabled"):
            raise ValueError("The manifest does not let the app be installed org-wide: settings.org_deploy_enabled.")
        else:
            installation = Installation(bot_token, bot_scopes(manifest), org_wide)
        domain = domain or team_name.lower().replace(" ", "-")
        workspace = example_workspace(_display_name(manifest), team, team_name, domain, enterprise, installation)
        super().__init__(manifest, workspace, client, control, ack_seconds, retry_delays, signing_secret)
        api = Api(
            workspace=self.workspace,
            conversations=self.conversations,
            socket=self.socket,
            views=self.views,
            triggers=self.triggers,
            oauth=self.oauth,
            revoke=self.revoke,
            address=self.host_and_port,
        )
        self.web_api = WebApi(api, self.control, app_token)
        self._runner: web.AppRunner | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Serve on `host`; port 0 takes a free one."""
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[only_this_machine])
        app.router.add_route("*", "/api/{method}", self.web_api.serve)
        app.router.add_get("/oauth/v2/authorize", self.oauth.serve)
        app.router.add_get("/link/", self.socket.serve)
        app.router.add_post("/actions/{team}/{app}/{key}", self.response_urls.serve)
        app.router.add_routes([*slack_routes(self), *routes(self.control), no_such_route()])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.address = self._runner.addresses[0][:2]

    async def stop(self) -> None:
        await self.socket.close()
        if self.http is not None:
            await self.http.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """The base for `SLACK_API_URL`, ending in `/api/`."""
        return f"http://{self.host_and_port()}/api/"


def _display_name(manifest: Json) -> str:
    bot_user: Json = manifest.get("features", {}).get("bot_user", {})
    return bot_user.get("display_name") or manifest.get("display_information", {}).get("name", "App")
