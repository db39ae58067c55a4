"""A load balancer: one address for all replicas, which get the requests in turn."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

HOP = {"host", "connection", "transfer-encoding", "content-length"}
"""Hop-by-hop headers, which are not forwarded."""


class Balancer:
    """`targets` are the replicas' addresses, without a slash at the end; `served` counts requests by target."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.targets: list[str] = []
        self.served: Counter[str] = Counter()
        self.url = ""
        self._session = session
        self._turn = 0

    async def serve(self, request: web.Request) -> web.Response:
        """Forward to the next replica: 502 when it closes the connection, 503 when there is none."""
        body = await request.read()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
        for _ in range(len(self.targets)):
            self._turn += 1
            target = self.targets[self._turn % len(self.targets)]
            try:
                async with self._session.request(
                    request.method, target + request.path_qs, data=body, headers=headers
                ) as said:
                    self.served[target] += 1
                    answer = {name: value for name, value in said.headers.items() if name.lower() not in HOP}
                    return web.Response(status=said.status, body=await said.read(), headers=answer)
            except aiohttp.ClientConnectorError:
                continue
            except aiohttp.ClientError:
                return web.Response(status=502)
        return web.Response(status=503)


@asynccontextmanager
async def balancer() -> AsyncGenerator[Balancer]:
    # A replica that ends must not be met again on a connection it left behind.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        made = Balancer(session)
        app = web.Application()
        app.router.add_route("*", "/{anything:.*}", made.serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield made
        finally:
            await runner.cleanup()
