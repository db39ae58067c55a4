"""Events as Slack sends them, not as the sandbox does: fields that are missing or odd, and who is behind a message."""

from typing import Any

import pytest

from tests.e2e.bench import CHANNEL, KEY, PUT, Bench, monitor

Json = dict[str, Any]

CHANGED: Json = {"type": "message", "subtype": "message_changed", "channel": CHANNEL}


def post(b: Bench, root: str, number: int, **more: Any) -> str:
    """A reply with this monitor, of which only the event is told; its ts."""
    ts = f"{float(root) + number:.6f}"
    said = {"user": "U0ANA", "text": f"<{monitor(number)}>", "ts": ts, "thread_ts": root, **more}
    b.slack.event({"type": "message", "channel": CHANNEL, "channel_type": "channel", **said})
    return ts


def change(b: Bench, root: str, message: Json, **more: Any) -> None:
    """An edit as Slack documents it: with neither the previous message nor the kind of channel."""
    b.slack.event({**CHANGED, "ts": f"{float(root) + 900:.6f}", "message": message, **more})


def edited(root: str, ts: str, *numbers: int, **more: Any) -> Json:
    text = " ".join(f"<{monitor(number)}>" for number in numbers)
    return {"type": "message", "user": "U0ANA", "text": text, "ts": ts, "thread_ts": root, **more}


async def test_auto_adds_nothing_that_slackbot_or_an_app_posts(b: Bench) -> None:
    """K28. An app with a person's token, a workflow, a reminder, an e-mail: a card each time, as for every bot."""
    root = b.start_thread()
    await b.slack.command(CHANNEL, "U0ANA", "/insight", "mode auto")
    nobodies: list[Json] = [
        {"user": "USLACKBOT"},
        {"bot_id": "B0ZAP", "app_id": "A0ZAP"},
        {"app_id": "A0ZAP"},
        {"bot_profile": {"id": "B0ZAP"}},
        {"subtype": "bot_message", "username": "hook"},
        {"user": None},
        {"user": "USLACKBOT", "subtype": "file_share", "files": [{"id": "F1", "mode": "email", "title": "FYI"}]},
    ]
    for number, who in enumerate(nobodies, 1):
        post(b, root, number, **who)
    await b.card(root, f"Add {len(nobodies)} insights")
    post(b, root, 99)
    await b.card(root, f"Added to {KEY} by Ana")
    assert [resource for _, resource, _ in b.on_case] == ["99"]
    assert len(b.calls(PUT)) == 1


async def test_an_edit_that_does_not_say_what_was_before(b: Bench) -> None:
    """K29. What was written down of the message tells what came and what went."""
    root = b.start_thread()
    ts = post(b, root, 1)
    await b.card(root, "Add 1 insight")
    change(b, root, edited(root, ts, 1, 2))
    await b.card(root, "Add 2 insights")
    change(b, root, edited(root, ts, 2), previous_message=None)
    await b.card(root, "Add 1 insight")
    change(b, root, edited(root, root, 3, thread_ts=root), previous_message=[])
    await b.handled()
    assert len(b.cards(root)) == 1


async def test_an_edit_of_the_root_that_does_not_say_what_was_before_keeps_its_tie(b: Bench) -> None:
    root = b.start_thread()
    post(b, root, 1)
    card = await b.card(root, "Add 1 insight")
    change(b, root, {**b.slack.conversations.read(b.slack.posted(CHANNEL, root)), "edited": {"user": "U0ANA"}})
    await b.handled()
    assert b.cards(root) == [card]


async def test_a_deletion_by_its_ts_alone_takes_the_offer_back(b: Bench) -> None:
    root = b.start_thread()
    ts = post(b, root, 1)
    await b.card(root, "Add 1 insight")
    event = {"type": "message", "subtype": "message_deleted", "channel": CHANNEL, "ts": root, "deleted_ts": ts}
    b.slack.event({**event, "previous_message": [{"ts": ts, "text": "x"}]})
    await b.card(root, "the links were taken back")


ODD: list[Json] = [
    {"message": None},
    {"message": ["text"]},
    {"message": {"user": "U0ANA", "text": "no ts"}},
    {"message": {"ts": "1.0"}},
    {"message": {"ts": "1.0", "text": None, "blocks": None, "attachments": None, "user": None}},
    {"message": {"ts": "1.0", "text": ["x"], "blocks": {}, "attachments": "x"}},
    {"message": {"ts": "1.0"}, "previous_message": {"text": "no ts"}},
    {"subtype": "message_deleted"},
    {"subtype": "message_deleted", "previous_message": "gone"},
]


@pytest.mark.parametrize("odd", ODD, ids=str)
async def test_what_an_event_lacks_is_no_failure(b: Bench, odd: Json) -> None:
    root = b.start_thread()
    b.slack.event({**CHANGED, "ts": f"{float(root) + 900:.6f}", **odd})
    await b.handled()
    assert "listener.failed" not in b.log
    assert b.slack.transport.undelivered == 0
