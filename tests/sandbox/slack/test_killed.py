"""An app in a process of its own, killed without warning: what it had not acknowledged comes again."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.sandbox.slack.server import SlackServer
from sandbox.slack.conftest import HERE, MANIFEST

APP = """
import asyncio, sys
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

async def main(url, hangs):
    client = AsyncWebClient(token="xoxb-sandbox", base_url=url)
    app = AsyncApp(client=client, process_before_response=True)

    @app.event("message")
    async def hear(event):
        if hangs:
            await client.chat_postMessage(channel="C0GENERAL", text="heard")
            await asyncio.sleep(60)

    await AsyncSocketModeHandler(app, "xapp-sandbox").start_async()

asyncio.run(main(sys.argv[1], sys.argv[2] == "hangs"))
"""


@asynccontextmanager
async def child(slack: SlackServer, how: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", APP, slack.url, how)
    try:
        await slack.control.until(lambda: slack.socket.connections, timeout=30, what="the child")
        yield process
    finally:
        process.kill()
        await process.wait()
        await slack.control.until(lambda: not slack.socket.connections, what="the websocket's end")


async def test_a_killed_app_gets_the_event_again_after_its_restart() -> None:
    async with SlackServer(MANIFEST, ack_seconds=1.0, retry_delays=(60.0, 60.0)) as slack:
        async with child(slack, "hangs"):
            slack.message(HERE, "U0ANA", "hello")
            posted = await slack.control.until(lambda: slack.control.matching("slack", "chat.postMessage"))
        async with child(slack, "answers"):
            await slack.control.until(lambda: not slack.transport.undelivered, timeout=30, what="acknowledgements")
        sent = [call.arguments for call in slack.control.matching("slack", "socket:events_api")]
    ids = [one["payload"]["event_id"] for one in sent if one["payload"]["event"]["channel"] == HERE]
    assert len(posted) == 1
    assert (len(ids), len(set(ids))) == (2, 1)
