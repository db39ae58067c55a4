"""Mentions and answers: each mention is carried out and answered once, and what fails late is said."""

import asyncio
from typing import Any

import pytest

from bot.messages.replies import UNWATCHED
from bot.model import Thread
from bot.sandbox.slack.workspace import OUR_BOT, OUR_USER
from bot.services.checks import UserError
from bot.services.mentions import Mentions
from bot.services.responder import Caller, Responder
from bot.store import shared_channels
from bot.store.connection import CommitUncertain
from tests.services.conftest import ANA, CHANNEL, KEY, SHARED, TEAM, Office
from tests.store.conftest import tie

Json = dict[str, Any]


def mention(thread: Thread, text: str = f"<@{OUR_USER}> tie {KEY}", **more: Any) -> Json:
    return {"user": ANA, "channel": thread.channel, "ts": "2000.000100", "thread_ts": thread.ts, "text": text, **more}


async def hear(office: Office, responder: Responder, *events: Json, shared: bool = False) -> list[str]:
    """What Ana is told of these events, which arrive at once."""
    mentions = Mentions(office.context, responder)
    await asyncio.gather(*(mentions.hear(TEAM, event, shared=shared) for event in events))
    await responder.drain(5.0)
    return office.privately(ANA)


async def test_a_mention_that_arrives_three_times_and_once_more_later_is_answered_once(office):
    event = mention(thread := office.thread())
    await tie(office.store, thread)
    assert await hear(office, office.responder(), event, event, event) == [f"This thread is already tied to {KEY}."]
    assert len(await hear(office, office.responder(), event)) == 1


@pytest.mark.parametrize(
    "addressed",
    [
        f"<@{OUR_USER}>",
        f" <@{OUR_USER}|Case Insights>",
        f"<@{OUR_BOT}>",
        f"<@{OUR_USER}>:",
        f"<@{OUR_USER}>,",
        f"<@U0BEN> <@{OUR_USER}>",
        f"<@U0BEN>, <@W0EVE|eve> and <@{OUR_USER}>".replace(" and", ","),
        f"<@{OUR_USER}> <@U0BEN>",
        f"<@{OUR_USER}>\n",
    ],
)
async def test_the_bot_is_addressed_by_either_of_its_ids_among_the_mentions_that_begin_a_message(office, addressed):
    event = mention(thread := office.thread(), f"{addressed} tie {KEY}")
    assert await hear(office, office.responder(), event) == []
    assert f"Ana tied this thread to {KEY}." in office.in_the_open(thread)[0]


@pytest.mark.parametrize(
    "text", [f"thanks <@{OUR_USER}>", f"I asked <@{OUR_USER}> to tie {KEY}", f"<@{OUR_USER}> tei {KEY}"]
)
async def test_what_is_not_understood_is_answered_and_does_nothing(office, text):
    thread = office.thread()
    [said] = await hear(office, office.responder(), mention(thread, text))
    assert "`@Case Insights help`" in said or "Try `@Case Insights tie" in said
    assert office.in_the_open(thread) == []


@pytest.mark.parametrize(
    "more",
    [
        {"edited": {"user": ANA, "ts": "2000.000200"}},
        {"bot_id": "B0ZAP"},
        {"user": "USLACKBOT"},
    ],
)
async def test_what_no_person_asks_for_is_no_command(office, more):
    thread = office.thread()
    assert await hear(office, office.responder(), {**mention(thread), **more}) == []
    assert office.in_the_open(thread) == []


@pytest.mark.parametrize("channel", [CHANNEL, SHARED])
@pytest.mark.parametrize("command", [f"tie {KEY}", "mode off", "untie"])
async def test_one_without_a_thread_is_told_in_the_channel_that_it_counts_for_its_thread(office, channel, command):
    thread = office.thread(channel=channel)
    if command == "untie":
        await tie(office.store, thread)
    event = {**mention(thread, f"<@{OUR_USER}> {command}", ts=thread.ts), "thread_ts": None}
    [said] = await hear(office, office.responder(), event, shared=channel == SHARED)
    address = office.slack.permalink(channel, thread.ts)
    assert f"That is for <{address}|your message's thread> alone." in said
    assert f"type `/insight {command}` in" in said
    assert [said["thread_ts"] for said in office.slack.private] == [None]
    assert len(office.in_the_open(thread)) == (channel == CHANNEL)


async def test_of_a_channel_that_others_read_it_is_remembered_and_nothing_is_said_in_the_open(office):
    office.slack.scopes.difference_update({"channels:read", "groups:read"})  # Slack would not say it again
    thread = office.thread(channel=SHARED)
    assert await hear(office, office.responder(), mention(thread), shared=True) == [
        f"This thread is now tied to {KEY}. {UNWATCHED}"
    ]
    assert office.in_the_open(thread) == []
    async with office.store.read() as connection:
        assert await shared_channels.is_shared(connection, thread)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (UserError("You may not."), "You may not."),
        (TimeoutError(), "It is not certain whether this was saved: look in the thread"),
        (CommitUncertain("COMMIT"), "It is not certain whether this was saved: look in the thread"),
        (
            KeyError("row"),
            "Something went wrong here. It is not certain whether anything was changed: look",
        ),
    ],
)
async def test_what_fails_after_the_acknowledgement_is_answered_with_a_sentence(office, error, sentence):
    responder = office.responder()

    async def fail() -> str:
        raise error

    responder.respond(Caller(office.thread(), ANA, "/insight"), fail)
    await responder.drain(5.0)
    [said] = office.privately(ANA)
    assert said.startswith(sentence)
