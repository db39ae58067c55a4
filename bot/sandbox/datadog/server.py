"""Datadog's case API, small and as strict as the real one, on loopback."""

import json
import math
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, cast

from aiohttp import web

from bot.sandbox.control import Control, handle_call, no_such_route, only_this_machine, routes
from bot.sandbox.datadog.control import datadog_routes
from bot.sandbox.datadog.organization import ONLY_API_KEY, ApiRequest, Endpoint, Organization, unknown_path
from bot.sandbox.datadog.validation import DatadogError, answer

Json = dict[str, Any]

LOOPBACK = ("127.0.0.1", "localhost")
LARGEST_BODY = 4 * 1024 * 1024
HTML_429 = "<html><head><title>429 Too Many Requests</title></head><body>Too Many Requests</body></html>"


class DatadogServer(Organization):
    """One Datadog organisation, served: an async context manager, or `start` and `stop`.

    Inspect `cases` (`cases["CASEM-1"].insights`) and `control`; `site` is the web host in links to cases.
    The switches of `Organization` can be set while it runs.
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
        super().__init__(lambda case: self.control.publish("case", case.snapshot()), api_key, app_key, access_token)
        self.site = site
        self.url = ""
        self._runner: web.AppRunner | None = None
        self.control.on_reset(self.start_over)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen on loopback (port 0: any free one); `url` says where. Raises ValueError for another host."""
        if host not in LOOPBACK:
            raise ValueError(f"The sandbox listens on loopback only, not on {host}.")
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[only_this_machine])
        api = [
            web.RouteDef(method, path, self._serve(path, endpoint), {}) for method, path, endpoint in self.endpoints()
        ]
        unknown = web.RouteDef("*", "/{anything:.*}", self._serve(None, unknown_path), {})
        steering = [*routes(self.control), *datadog_routes(self, self.control), no_such_route()]
        app.add_routes([*steering, *api, unknown])
        # Long polls and event streams never end by themselves, so they are cut off.
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
        """Answer the next `times` calls (None: all) with 429 and `reset` seconds to wait; returns the rule's id.

        `epoch`: the reset is seconds since the epoch; `html`: the body is HTML. Both have been seen.
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
            api_request = ApiRequest(
                request.method, request.match_info, request.query, request.content_type, await request.text()
            )

            async def apply() -> web.Response:
                try:
                    self.authorise(request.headers, only_api_key=template == ONLY_API_KEY)
                    result = endpoint(api_request)
                    return result if isinstance(result, web.Response) else answer(result)
                except DatadogError as refused:
                    return refused.response()

            method = f"{request.method} {template or request.path}"
            return await handle_call(self.control, request, "datadog", method, _arguments(api_request), apply)

        return handle


def _arguments(request: ApiRequest) -> Json:
    """For the journal: the query and the fields of the body, or the body itself when it is not an object."""
    if not request.body:
        return dict(request.query)
    try:
        body: object = json.loads(request.body)
    except ValueError:
        body = request.body
    return {**request.query, **(cast(Json, body) if isinstance(body, dict) else {"body": body})}
