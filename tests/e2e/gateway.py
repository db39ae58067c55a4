"""One address for several Slack workspaces, as Slack has one: each call goes to the workspace that it is about."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web

from bot.sandbox.slack import SlackServer
from tests.e2e.balancer import HOP


class _Gateway:
    def __init__(self, servers: Sequence[SlackServer], session: aiohttp.ClientSession) -> None:
        self._servers, self._session = servers, session

    async def serve(self, request: web.Request) -> web.Response:
        body = await request.read()
        server = self._whose(request, body)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
        url = server.url.removesuffix("/api/") + request.path_qs
        try:
            async with self._session.request(
                request.method, url, data=body, headers=headers, allow_redirects=False
            ) as said:
                answer = {name: value for name, value in said.headers.items() if name.lower() not in HOP}
                return web.Response(status=said.status, body=await said.read(), headers=answer)
        except aiohttp.ClientError:
            assert request.transport is not None
            request.transport.abort()  # as the workspace did
            return web.Response(status=502)

    def _whose(self, request: web.Request, body: bytes) -> SlackServer:
        """By token, by the code that it gave, or by the team that is installed into; else any refuses."""
        given = parse_qs(body.decode())
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or given.get("token", [""])[0]
        code, team = given.get("code", [""])[0], request.query.get("team")
        for server in self._servers:
            if server.web_api.bot_token == token or code in server.distribution.codes:
                return server
            if team == server.workspace.team_id:
                return server
        return self._servers[0]


@asynccontextmanager
async def gateway(servers: Sequence[SlackServer]) -> AsyncGenerator[str]:
    """What SLACK_API_URL is to be."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        app = web.Application()
        app.router.add_route("*", "/{anything:.*}", _Gateway(servers, session).serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
        finally:
            await runner.cleanup()
