"""Datadog's case API, small and as strict as the real one, on loopback."""

import json
import math
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, cast

from aiohttp import web

from bot.sandbox.control import Control, carry_out, no_such_route, routes
from bot.sandbox.datadog.bodies import RefusedError, answer
from bot.sandbox.datadog.control import datadog_routes
from bot.sandbox.datadog.organization import ONLY_API_KEY, Asked, Endpoint, Organisation, no_such_page

Json = dict[str, Any]

LOOPBACK = ("127.0.0.1", "localhost")
LARGEST_BODY = 4 * 1024 * 1024
HTML_429 = "<html><head><title>429 Too Many Requests</title></head><body>Too Many Requests</body></html>"


class DatadogServer(Organisation):
    """One Datadog organisation, served: an async context manager, or `start` and `stop`.

    Inspect `cases` (`cases["CASEM-1"].insights`) and `control`; `site` is its web host's, for links to cases.
    Everything an `Organisation` has can be set while it runs.
    """

    def __init__(
        self,
        control: Control | None = None,
        *,
        api_key: str = "sandbox-api-key",
        app_key: str = "sandbox-app-key",
        access_token: str = "sandbox-access-token",  # noqa: S107 - it opens nothing but this server
        site: str = "datadoghq.com",
    ) -> None:
        self.control = control or Control()
        super().__init__(lambda case: self.control.tell("case", case.shown()), api_key, app_key, access_token)
        self.site = site
        self.url = ""
        self._runner: web.AppRunner | None = None
        self.control.on_reset(self.start_over)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen on loopback (port 0: any free one); `url` says where. Raises ValueError for another host."""
        if host not in LOOPBACK:
            raise ValueError(f"The sandbox listens on loopback only, not on {host}.")
        app = web.Application(client_max_size=LARGEST_BODY)
        api = [
            web.RouteDef(method, path, self._serve(path, endpoint), {}) for method, path, endpoint in self.endpoints()
        ]
        unknown = web.RouteDef("*", "/{anything:.*}", self._serve(None, no_such_page), {})
        steering = [*routes(self.control), *datadog_routes(self, self.control), no_such_route()]
        app.add_routes([*steering, *api, unknown])
        # Long polls and event streams never end by themselves: they are cut off.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.url = f"http://{host}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening; calls under way get no answer."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def limit(
        self,
        times: int | None,
        reset: float,
        *,
        epoch: bool = False,
        html: bool = False,
        method: str = "*",
    ) -> int:
        """Answer the next `times` calls (None: all) with 429, over in `reset` seconds; returns the rule's id.

        `epoch` gives the end as seconds since the epoch, `html` a body that is not JSON: both have been seen.
        """
        headers = {
            "X-RateLimit-Limit": "10",
            "X-RateLimit-Period": "60",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(math.ceil(time.time() + reset if epoch else reset)),
            "X-RateLimit-Name": "cases",
        }
        body = HTML_429 if html else {"errors": ["Too many requests"]}
        return self.control.rule("datadog", method, status=429, body=body, headers=headers, times=times)

    def _serve(
        self, template: str | None, endpoint: Endpoint
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            asked = Asked(request.method, request.match_info, request.query, request.content_type, await request.text())

            async def apply() -> web.Response:
                try:
                    self.authorise(request.headers, only_api_key=template == ONLY_API_KEY)
                    return answer(endpoint(asked))
                except RefusedError as refused:
                    return refused.response()

            method = f"{request.method} {template or request.path}"
            return await carry_out(self.control, request, "datadog", method, _arguments(asked), apply)

        return handle


def _arguments(asked: Asked) -> Json:
    """For the journal: the query, and the body's fields, or the body as it is when it has none."""
    if not asked.body:
        return dict(asked.query)
    try:
        body: object = json.loads(asked.body)
    except ValueError:
        body = asked.body
    return {**asked.query, **(cast(Json, body) if isinstance(body, dict) else {"body": body})}
