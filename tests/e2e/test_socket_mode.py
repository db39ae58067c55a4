"""Socket Mode, watched: whatever becomes of a websocket, the next one is there, and nothing is lost between them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.bench import CHANNEL, Bench, monitor
from tests.e2e.test_health import ready

OPEN = "apps.connections.open"


@contextmanager
def watched(b: Bench) -> Iterator[list[int]]:
    """How many websockets were open, after each change."""
    open_: list[int] = []
    before = b.control.last_event
    yield open_
    open_ += [event.data["connections"] for event in b.control.events if event.kind == "socket" and event.id > before]


async def refused(b: Bench) -> str:
    """The sentence with which the bot ends."""
    async with asyncio.timeout(20):
        assert await b.bot.wait() == 2
    return b.log.splitlines()[-1].removeprefix("case-insights: ")


async def replaced(b: Bench, old: set[object]) -> None:
    """Slack has one websocket again, and none of these."""
    connections = b.slack.socket.connections
    await b.control.until(
        lambda: len(connections) == 1 and not old & set(connections), timeout=30, what="another websocket"
    )


@pytest.mark.parametrize("reason", ["refresh_requested", "warning"])
async def test_a_websocket_that_slack_is_about_to_close_is_followed_by_another_before_it_goes(
    b: Bench, reason: str
) -> None:
    root, card = await b.offer(1)
    old = set[object](b.slack.socket.connections)
    b.control.rule("slack", "users.info", hold="before")  # a click is under way all the while
    somebody = f"U0{reason[:4].upper()}"  # whom the bot does not know yet
    b.slack.add_user(id=somebody, name="eva", real_name="Eva")
    b.slack.join(CHANNEL, somebody)
    click = asyncio.create_task(b.click(card, "insights.add", somebody))
    await b.held("users.info")
    with watched(b) as open_:
        await b.slack.refresh(reason)
        b.reply(root, monitor(2))
        await b.control.until(lambda: len(b.slack.socket.connections) == 2, what="a second websocket")
        b.reply(root, monitor(3))
        b.control.clear_rules()
        b.control.release()
        assert (await click)["acknowledged"]
        await replaced(b, old)
    assert min(open_) == 1, "there was always one"
    await b.card(root, "Add 2 insights")
    await b.handled()
    events = b.calls("socket:events_api")
    assert [call.arguments["retry_attempt"] for call in events if not call.answer["acknowledged"]] == []


async def test_a_websocket_that_is_open_and_silent_is_noticed_and_replaced(b: Bench) -> None:
    root = b.start_thread()
    await b.handled()
    old = set[object](b.slack.socket.connections)
    assert b.slack.silence_socket() == 1
    b.reply(root, monitor(1))  # Slack believes that this arrives, and repeats it
    await replaced(b, old)
    await b.card(root, "Add 1 insight")


async def test_without_a_websocket_the_bot_is_not_ready_and_says_why_until_it_has_one_again(b: Bench) -> None:
    rule = b.control.rule("slack", OPEN, status=500)
    b.slack.drop_socket()
    await b.control.until(lambda: b.calls(OPEN), what="a try")
    assert await ready(b, when=False) == [
        "Slack's websocket broke and there is no other yet: apps.connections.open fails (internal_error)."
    ]
    b.control.clear_rules(rule)
    assert await ready(b, when=True) == []


async def test_when_slack_opens_no_websocket_any_more_the_bot_ends_and_says_how_to_go_on(own: Bench) -> None:
    off = "Socket Mode is off: turn it on, on your Slack app's page, Socket Mode; "
    await own.slack.refresh("link_disabled")
    assert (await refused(own)).startswith(f"Slack opens no websocket (link_disabled): {off}")
    await own.bot.start()
    assert (await refused(own)).startswith(f"Slack opens no websocket (socket_mode_not_enabled): {off}")
    own.bot.env["SLACK_APP_TOKEN"] = "xapp-of-another-app"
    await own.bot.start()
    token = "make an app-level token (xapp-…) with connections:write on your Slack app's page"
    assert (await refused(own)).startswith(f"Slack opens no websocket (invalid_auth): {token}")
    assert "Traceback" not in own.log
