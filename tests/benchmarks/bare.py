"""The floor: a bare Bolt app with one listener that does nothing, on the same kind of server or connection as the bot.

`python -m tests.benchmarks.bare http|socket`. Over HTTP it prints its port.
"""

import asyncio
import os
import sys

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient


def bolt_app() -> AsyncApp:
    client = AsyncWebClient(os.environ["TOKEN"], os.environ["SLACK_API_URL"])
    secret = os.environ.get("SLACK_SIGNING_SECRET")
    app = AsyncApp(client=client, signing_secret=secret, process_before_response=True)

    @app.event("message")
    async def on_message() -> None:
        pass

    _ = on_message
    return app


async def over_http(bolt: AsyncApp) -> None:
    """Serve this app on a free port, which is printed."""

    async def events(request: web.Request) -> web.StreamResponse:
        return await to_aiohttp_response(await bolt.async_dispatch(await to_bolt_request(request)))

    app = web.Application()
    app.router.add_post("/slack/events", events)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


async def over_a_socket() -> None:
    await AsyncSocketModeHandler(bolt_app(), os.environ["SLACK_APP_TOKEN"]).start_async()


if __name__ == "__main__":
    asyncio.run(over_http(bolt_app()) if sys.argv[1] == "http" else over_a_socket())
