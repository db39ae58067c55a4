"""Several workspaces behind one address, as in Slack: each call goes to the workspace of its token or code."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.server import SlackServer
from bot.sandbox.slack.web_api import arguments_of, token_of


@dataclass(frozen=True, slots=True)
class Workspaces:
    """`url` is the base for `SLACK_API_URL`, ending in `/api/`; `servers` are by team id."""

    url: str
    servers: dict[str, SlackServer]

    @property
    def authorize_url(self) -> str:
        """Where people install the app; `team` selects the workspace, by default the first."""
        return self.url.removesuffix("api/") + "oauth/v2/authorize"

    async def verify_request_url(self) -> None:
        """Verify the request URL in all of them; events are sent from then on. Raises ControlError."""
        for server in self.servers.values():
            await server.verify_request_url()


@asynccontextmanager
async def workspaces(*servers: SlackServer) -> AsyncGenerator[Workspaces]:
    """Start these servers. Calls with an unknown token or code go to the first."""

    def of(knows: Callable[[SlackServer], bool]) -> SlackServer:
        return next(filter(knows, servers), servers[0])

    async def call(request: web.Request) -> web.StreamResponse:
        try:
            given = await arguments_of(request)
        except SlackError:  # the server answers with the error
            given = {}
        token, code = token_of(request, given), given.get("code", "")
        exchange = request.match_info["method"] == "oauth.v2.access"
        server = of(
            lambda slack: slack.oauth.issued(code) if exchange else token in slack.workspace.installation.issued
        )
        return await server.web_api.serve(request)

    async def authorize(request: web.Request) -> web.StreamResponse:
        team = request.query.get("team")
        server = of(lambda slack: team in (slack.workspace.team_id, slack.workspace.enterprise_id))
        return await server.oauth.serve(request)

    async with AsyncExitStack() as stack:
        for server in servers:
            await stack.enter_async_context(server)
        app = web.Application()
        app.router.add_route("*", "/api/{method}", call)
        app.router.add_get("/oauth/v2/authorize", authorize)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
        yield Workspaces(url, {server.workspace.team_id: server for server in servers})
