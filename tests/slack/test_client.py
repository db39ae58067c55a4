"""The client for Slack, against the sandbox's: what it asks, and what each failure is taken for."""

import re
import socket
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.messages.card_view import Message
from bot.messages.cards import metadata
from bot.model import Thread
from bot.policy import Person
from bot.sandbox.slack.server import SlackServer
from bot.sandbox.slack.workspace import OUR_BOT, OUR_USER
from bot.slack.client import Myself, Slack
from bot.slack.errors import SlackPermanent, SlackTransient
from bot.slack.manifest import app_manifest
from bot.slack.people import PAGE

HERE = "C0INCIDENTS"
TOKEN = "xoxb-sandbox"
CARD = Message("Add 1 insight?", [{"type": "section", "text": {"type": "mrkdwn", "text": "*Add 1 insight?*"}}])


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer(app_manifest()) as server:
        yield server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        yield session


@pytest.fixture
async def slack(server: SlackServer, session: aiohttp.ClientSession) -> Slack:
    return client(session, server.url)


@pytest.fixture
async def thread(server: SlackServer) -> Thread:
    return Thread("T0ACME", HERE, server.message(HERE, "U0ANA", "The API is slow")["ts"])


def client(session: aiohttp.ClientSession, url: str, token: str = TOKEN) -> Slack:
    return Slack(AsyncWebClient(token, url, session=session, retry_handlers=[]))


def spoil(
    server: SlackServer, body: Any = None, *, status: int = 200, times: int | None = None, **headers: str
) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    server.control.rule("slack", "*", status=status, body=body, headers=named, times=times)


async def later(slack: Slack) -> SlackTransient:
    with pytest.raises(SlackTransient) as error:
        await slack.myself()
    return error.value


async def end(slack: Slack, thread: Thread) -> SlackPermanent:
    with pytest.raises(SlackPermanent) as error:
        await slack.post(thread, CARD, metadata("7f3a"))
    return error.value


# --- posting and finding ---


async def test_the_bot_knows_who_it_is(slack, server):
    me = await slack.myself()
    assert me == Myself("T0ACME", "Acme", None, OUR_USER, OUR_BOT, me.url)
    assert me.url.startswith("http")


async def test_a_card_is_a_reply_that_unfurls_nothing_and_is_found_by_its_mark_and_bot(slack, server, thread):
    ts = (await slack.post(thread, CARD, metadata("7f3a"))).ts
    (_, posted) = server.thread(HERE, thread.ts)
    assert (posted["ts"], posted["thread_ts"], posted["text"]) == (ts, thread.ts, CARD.text)
    assert posted["metadata"] == {"event_type": "case_insights_card", "event_payload": {"card": "7f3a"}}
    (call,) = server.control.matching("slack", "chat.postMessage")
    assert (call.arguments["unfurl_links"], call.arguments["unfurl_media"]) == (False, False)
    await slack.update(HERE, ts, Message("Added.", []))
    assert server.thread(HERE, thread.ts)[1]["text"] == "Added."
    assert await slack.find(thread, metadata("7f3a"), time.time(), OUR_BOT) == ts, "its metadata stays"
    assert await slack.find(thread, metadata("other"), time.time(), OUR_BOT) is None
    assert await slack.find(thread, metadata("7f3a"), time.time(), "B0OTHER") is None


async def test_a_card_is_found_on_a_later_page(slack, server, thread):
    for number in range(PAGE + 5):
        server.message(HERE, "U0ANA", f"Still slow {number}", thread_ts=thread.ts, deliver=False)
    ts = (await slack.post(thread, CARD, metadata("7f3a"))).ts
    assert await slack.find(thread, metadata("7f3a"), time.time(), OUR_BOT) == ts
    assert len(server.control.matching("slack", "conversations.replies")) == 2


async def test_a_posts_failure_is_not_tried_again_by_itself(slack, server, thread):
    server.control.rule("slack", "chat.postMessage", drop="after")
    with pytest.raises(SlackTransient):
        await slack.post(thread, CARD, metadata("7f3a"))
    assert len(server.control.matching("slack", "chat.postMessage")) == 1
    assert await slack.find(thread, metadata("7f3a"), time.time(), OUR_BOT) is not None


# --- reading ---


async def test_the_root_of_a_thread_is_read_and_none_where_it_is_gone(slack, server, thread):
    server.message(HERE, "U0BEN", "Me too", thread_ts=thread.ts)
    root = await slack.root(thread)
    assert root is not None
    assert (root["ts"], root["text"]) == (thread.ts, "The API is slow")
    assert await slack.root(Thread("T0ACME", HERE, "1.000001")) is None


async def test_a_channel_that_the_bot_is_not_in_says_nothing_of_its_threads(slack, server):
    ts = server.message("C0LONELY", "U0ANA", "Hello")["ts"]
    with pytest.raises(SlackPermanent, match=r"^not_in_channel$"):
        await slack.root(Thread("T0ACME", "C0LONELY", ts))


async def test_what_is_read_is_asked_for_in_a_query_because_slack_takes_json_for_writing(slack, server, thread):
    await slack.root(thread)
    await slack.person("U0ANA", within=5)
    await slack.find(thread, metadata("7f3a"), time.time(), OUR_BOT)
    first, all_ = server.control.matching("slack", "conversations.replies")
    assert first.arguments == {"channel": HERE, "ts": thread.ts, "limit": "1"}
    assert (all_.arguments["limit"], all_.arguments["include_all_metadata"]) == (str(PAGE), "1")


# --- people ---


async def test_a_person_is_read_as_policy_needs_it(slack, server):
    server.add_user(id="W0EVA", name="eva", real_name="Eva", enterprise_id="E0CORP")
    assert await slack.person("W0EVA", within=5) == Person("W0EVA", "Eva", "T0ACME", "E0CORP")


@pytest.mark.parametrize(
    ("fields", "is_"),
    [
        ({"is_restricted": True}, "is_guest"),
        ({"is_ultra_restricted": True}, "is_guest"),
        ({"is_stranger": True}, "is_stranger"),
        ({"deleted": True}, "deleted"),
        ({"bot_id": "B0X", "app_id": "A0X"}, "is_bot"),
    ],
)
async def test_everything_that_makes_somebody_no_member_is_seen(slack, server, fields: dict[str, Any], is_: str):
    server.add_user(id="U0X", name="x", real_name="X", **fields)
    person = await slack.person("U0X", within=5)
    assert person is not None
    seen = {name for name in ("is_guest", "is_stranger", "deleted", "is_bot") if getattr(person, name)}
    assert seen == {is_}


async def test_a_person_is_asked_for_once_a_minute(slack, server):
    first, second = await slack.person("U0ANA", within=5), await slack.person("U0ANA", within=5)
    assert first == second
    assert len(server.control.matching("slack", "users.info")) == 1


async def test_a_person_of_whom_slack_says_nothing_in_time_is_none_and_asked_for_again(slack, server):
    spoil(server, status=500, times=1)
    assert await slack.person("U0ANA", within=5) is None
    assert await slack.person("U0NOBODY", within=5) is None
    rule = server.control.rule("slack", "users.info", hold="before")
    assert await slack.person("U0ANA", within=0.05) is None
    server.control.clear_rules(rule)
    server.control.release()
    assert await slack.person("U0ANA", within=5) is not None


async def test_names_are_those_that_slack_tells_in_time(slack, server):
    assert await slack.names({"U0ANA", "U0NOBODY", "B0DATADOG"}, within=5) == {"U0ANA": "Ana"}
    assert len(server.control.matching("slack", "users.info")) == 2
    spoil(server, status=500)
    assert await slack.names({"U0ANA", "U0BEN"}, within=5) == {"U0ANA": "Ana"}


async def test_without_a_display_name_the_real_one_counts(slack, server):
    user = {"id": "U0X", "team_id": "T0ACME", "name": "x", "real_name": "Xenia", "profile": {"display_name": ""}}
    spoil(server, {"ok": True, "user": user})
    assert await slack.person("U0X", within=5) == Person("U0X", "Xenia", "T0ACME", None)


@pytest.mark.parametrize(
    ("display_name", "shown"),
    [("Xe\nnia\u202e\0", "Xe nia"), ("\u200b", "Xenia"), ("x" * 200, "x" * 40 + "…" + "x" * 39), (7, "7")],
)
async def test_a_name_is_one_visible_line(slack, server, display_name, shown):
    spoil(server, {"ok": True, "user": {"id": "U0X", "real_name": "Xenia", "profile": {"display_name": display_name}}})
    assert await slack.names({"U0X"}, within=5) == {"U0X": shown}


# --- ends ---


async def test_slacks_words_are_one_visible_line(slack, server, thread):
    spoil(server, {"ok": False, "error": "missing_scope", "needed": "chat:\x1b[31m\nwrite"}, times=1)
    assert (await end(slack, thread)).needed == "chat: [31m write"
    spoil(server, {"ok": False, "error": "odd\u202e\nword" + "x" * 90})
    assert re.fullmatch("odd wordx+…x+", (await end(slack, thread)).reason)


async def test_an_answer_to_one_person_is_shown_as_it_is_and_linked_nowhere_by_slack(slack, server, thread):
    await slack.whisper(thread, "U0ANA", "See https://evil.example\n@here")
    [shown] = server.private
    text = {"type": "mrkdwn", "text": "See https://evil.example\n@here", "verbatim": True}
    assert [block["text"] for block in shown["blocks"]] == [text]


async def test_a_missing_scope_is_an_end_that_names_it(slack, server, thread):
    server.scopes.discard("chat:write")
    error = await end(slack, thread)
    assert (error.reason, error.needed) == ("missing_scope", "chat:write")
    assert str(error) == "missing_scope (chat:write)"


@pytest.mark.parametrize("reason", ["token_revoked", "account_inactive", "invalid_auth"])
async def test_a_dead_token_ends_nothing_but_the_start(slack, server, thread, reason: str):
    """Another one comes, where the app is installed again: what is to be said waits for it."""
    spoil(server, {"ok": False, "error": reason})
    with pytest.raises(SlackTransient, match=reason):
        await slack.post(thread, CARD, metadata("7f3a"))
    spoil(server, {"ok": False, "error": reason})
    with pytest.raises(SlackPermanent, match=reason):
        await slack.myself()


ENDS = ["is_archived", "not_in_channel", "restricted_action_thread_locked", "ekm_access_denied", "one_of_tomorrow"]


@pytest.mark.parametrize("reason", ENDS)
async def test_what_asking_again_does_not_change_is_an_end(slack, server, thread, reason: str):
    spoil(server, {"ok": False, "error": reason})
    error = await end(slack, thread)
    assert (error.reason, error.needed) == (reason, "")


async def test_what_slack_refuses_by_itself_is_an_end(slack, server, session):
    with pytest.raises(SlackPermanent, match="message_not_found"):
        await slack.update(HERE, "1.000001", CARD)
    with pytest.raises(SlackPermanent, match="invalid_auth"):
        await client(session, server.url, "xoxb-wrong").myself()


async def test_a_word_of_any_length_is_kept_as_far_as_the_store_takes_it(slack, server, thread):
    spoil(server, {"ok": False, "error": "x" * 500})
    assert (await end(slack, thread)).reason == "x" * 40 + "…" + "x" * 39


async def test_what_belongs_to_a_thread_that_is_gone_stays_nowhere(slack, server, thread):
    """K35."""
    server.delete(HERE, thread.ts)
    for post in (lambda: slack.post(thread, CARD, metadata("7f3a")), lambda: slack.say(thread, CARD)):
        with pytest.raises(SlackPermanent, match="thread_not_found"):
            await post()
    assert [message for message in server.state()["channels"][0]["messages"] if message.get("bot_id")] == []


async def test_what_cannot_be_whispered_in_a_channel_is_told_in_direct_messages(slack, server):
    server.workspace.channels[HERE].members.discard("U0BEN")
    for place in (Thread("T0ACME", HERE, ""), Thread("T0ACME", "", "")):
        await slack.whisper(place, "U0BEN", "Done.")
    [direct] = [channel for channel in server.state()["channels"] if channel["id"] == "D0BEN"]
    assert [message["text"] for message in direct["messages"]] == ["Done.", "Done."]


async def test_messages_of_an_odd_shape_are_read_as_far_as_they_go(slack, server, thread):
    odd = [None, "x", {}, {"ts": 7}, {"ts": thread.ts, "thread_ts": ["1.0"], "user": 7, "text": None, "blocks": "x"}]
    for messages in (odd, {}, None):
        server.control.rule(
            "slack", "conversations.replies", status=200, body={"ok": True, "messages": messages}, times=2
        )
        found, cursor = await slack.page(thread, "", 100)
        assert (found, cursor) == ([{"ts": thread.ts, "blocks": "x"}] if messages == odd else [], "")
        assert (await slack.root(thread) is not None) == (messages == odd)


async def test_the_operators_contact_stands_in_what_is_said(session, server, thread):
    slack = Slack(AsyncWebClient(TOKEN, server.url, session=session, retry_handlers=[]), "#sre-tools")
    text = "Tell whoever runs this bot: ref 7F3K."
    await slack.whisper(thread, "U0ANA", text)
    [said] = server.private
    assert said["text"] == "Tell #sre-tools: ref 7F3K."
    assert "whoever" not in str(said)


# --- later ---


RATE_LIMITED = {"ok": False, "error": "ratelimited"}


@pytest.mark.parametrize(
    ("status", "body", "header", "means"),
    [
        *[(429, body, "7", 7.0) for body in (RATE_LIMITED, "<html>Too Many Requests</html>", "", "too many")],
        (200, RATE_LIMITED, "7", 7.0),
        *[(429, None, header, None) for header in ("soon", "nan", "")],
        (429, None, "999999", 3600.0),
        (429, None, "-3", 0.0),
    ],
)
async def test_a_rate_limit_says_when_and_never_negative_endless_or_no_number(
    slack, server, status: int, body: Any, header: str, means: float | None
):
    spoil(server, body, status=status, Retry_After=header)
    assert (await later(slack)).after == means


@pytest.mark.parametrize("reason", ["internal_error", "fatal_error", "service_unavailable", "rate_limited"])
async def test_what_passes_by_itself_is_asked_again(slack, server, reason: str):
    spoil(server, {"ok": False, "error": reason})
    assert str(await later(slack)) == reason


@pytest.mark.parametrize("status", [200, 500, 503])
@pytest.mark.parametrize("body", ["<html>Oh no</html>", "", "oh no", "[]", "null", "7"])
@pytest.mark.parametrize("headers", [{}, {"Content_Type": "application/json"}], ids=["text", "json"])
async def test_an_answer_that_is_no_json_object_is_asked_again(slack, server, status: int, body: str, headers):
    spoil(server, body, status=status, **headers)
    await later(slack)


@pytest.mark.parametrize("rule", [{"drop": "before"}, {"drop": "after"}, {"hold": "before"}], ids=str)
async def test_a_call_without_an_answer_is_asked_again(server, rule: dict[str, Any]):
    server.control.rule("slack", "auth.test", **rule)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.1)) as session:
        await later(client(session, server.url))
    server.control.release()


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/api/"


async def test_a_refused_connection_is_asked_again(session, nobody: str):
    await later(client(session, nobody))


# --- private answers ---


async def test_a_response_url_that_is_gone_or_that_nobody_answers_is_no_error_of_ours(slack, server, nobody: str):
    with pytest.raises(SlackPermanent, match="response_url answered 4"):
        await slack.answer(server.url.replace("/api/", "/actions/T0ACME/A0CASES/none"), "Too late.", None, within=5)
    with pytest.raises(SlackTransient, match="response_url: "):
        await slack.answer(nobody, "Too late.", None, within=5)
