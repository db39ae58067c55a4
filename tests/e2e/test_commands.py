"""The slash command: acts on its channel, or on the thread that a permalink names; answers in private."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.bench import CASE_LINK, CHANNEL, KEY, Bench, as_read, monitor, options

ACKNOWLEDGED_WITHIN = 3.0


async def ask(b: Bench, text: str, as_user: str = "U0ANA", channel: str = CHANNEL) -> str:
    """Type this after `/insight`; what only that person is told."""
    before = len(b.private(as_user))
    said = await b.slack.command(channel, as_user, "/insight", text)
    assert said["acknowledged"]
    assert said["seconds"] < ACKNOWLEDGED_WITHIN
    await b.control.until(lambda: len(b.private(as_user)) > before, timeout=40, what="an answer")
    return b.private(as_user)[-1]


def said_in(b: Bench, channel: str, read: Callable[[Any], str] = as_read) -> str:
    """What the bot said in the open, in this channel or its threads."""
    roots = [root for one in b.slack.state()["channels"] if one["id"] == channel for root in one["messages"]]
    messages = [message for root in roots for message in b.slack.thread(channel, root["ts"])]
    return "\n".join(read(message) for message in messages if message.get("bot_id"))


@pytest.mark.parametrize("word", ["restricted_action_thread_locked", "ekm_access_denied", "metadata_too_large"])
async def test_where_slack_takes_no_post_the_person_gets_the_result_and_the_reason(b: Bench, word: str) -> None:
    """K34."""
    root = b.start_thread()
    await b.handled()
    b.control.rule("slack", "chat.postMessage", status=200, body={"ok": False, "error": word}, times=1)
    await ask(b, f"add {monitor(1)} to {KEY} in {b.slack.permalink(CHANNEL, root)}")
    await b.control.until(lambda: f"Added to {KEY} by Ana" in said_in(b, "D0ANA"), what="the card in direct messages")
    assert f"because Slack did not let the bot post it there ({word})" in said_in(b, "D0ANA")


async def test_a_thread_is_tied_by_its_permalink_and_what_it_holds_is_offered(b: Bench) -> None:
    root = b.start_thread("The API is slow")
    b.reply(root, monitor(1))
    link = b.slack.permalink(CHANNEL, root)
    assert await ask(b, f"tie “{KEY.lower()}” in {link}") == f"Done, and said in the open in <{link}|that thread>."
    card = await b.card(root, "Add 1 insight")
    assert [option["text"]["text"] for option in options(card)] == ["Monitor · 1"]
    replies = "\n".join(as_read(one) for one in b.slack.thread(CHANNEL, root))
    assert f"Ana tied this thread to {KEY}." in replies
    assert await ask(b, f"tie {KEY} in {link}") == f"This thread is already tied to {KEY}."


async def test_in_a_tied_channel_each_message_is_a_thread_of_its_own(b: Bench) -> None:
    assert (await b.slack.command(CHANNEL, "U0ANA", "/insight", f"tie {CASE_LINK}"))["acknowledged"]
    await b.control.until(lambda: f"Ana tied this channel to {KEY}." in said_in(b, CHANNEL), what="the announcement")
    assert b.private("U0ANA") == [], "nothing beside it"
    root = b.start_thread(f"look: {monitor(1)}")
    await b.card(root, f"Add 1 insight to {KEY}")
    other = b.start_thread(f"and: {monitor(2)}")
    await b.card(other, f"Add 1 insight to {KEY}")
    assert f"This channel is tied to {KEY}, Memory leak investigation on API (Ana said so)." in await ask(b, "status")
    await b.slack.command(CHANNEL, "U0ANA", "/insight", "untie")
    await b.card(root, "Nothing to add here any more")
    third = b.start_thread(f"third: {monitor(3)}")
    await b.handled()
    assert b.cards(third) == []


async def test_with_a_locked_database_the_answer_says_that_nothing_was_saved(b: Bench) -> None:
    with b.locked_database():
        assert (await ask(b, f"tie {KEY}")).startswith("Not saved")
    await b.slack.command(CHANNEL, "U0ANA", "/insight", f"tie {KEY}")
    await b.control.until(lambda: f"Ana tied this channel to {KEY}." in said_in(b, CHANNEL), what="the announcement")


async def test_explain_and_why_tell_what_a_link_is_and_what_became_of_it_on_the_command_line_too(b: Bench) -> None:
    assert "Read as a monitor because of `/monitors/…`" in await ask(b, f"explain {monitor(1)}")
    root = b.start_thread()
    ts = b.reply(root, f"{monitor(1)} https://app.datadoghq.com/logs")
    await b.click(await b.card(root, "Add 1 insight"), "insights.dismiss")
    await b.card(root, "Dismissed")
    there = b.slack.permalink(CHANNEL, ts)
    for said in (await ask(b, f"why {there}"), "\n".join(await b.run_command("why", there))):
        assert f"Its thread is tied to {KEY} by its first message." in said
        assert "Read as a monitor because of `/monitors/…`; its id is 1." in said
        assert "Dismissed by Ana" in said
        assert "Logs are no insight" in said
    assert not any("<" in line for line in await b.run_command("why", there)), "no markup on a terminal"
