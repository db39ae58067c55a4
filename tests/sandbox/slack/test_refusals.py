"""What Slack refuses, with Slack's exact error: the table that keeps the sandbox strict."""

from typing import Any

import httpx
import pytest

from bot.sandbox.control import Json
from sandbox.slack.conftest import HERE, button, checkboxes, error_of, refusal

POST, UPDATE, EPHEMERAL = "chat.postMessage", "chat.update", "chat.postEphemeral"
REPLIES, HISTORY, LINK = "conversations.replies", "conversations.history", "chat.getPermalink"
HELLO: Json = {"channel": HERE, "text": "hello"}
OURS: Json = {"channel": HERE, "ts": "{card}"}
ROOT: Json = {"channel": HERE, "ts": "{root}"}
SECTION: Json = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}

DIVIDER: Json = {"type": "divider"}
LONG = [{"type": "markdown", "text": "m" * 11_900}, {"type": "section", "text": {"type": "mrkdwn", "text": "s" * 2900}}]
CARD: Json = {"event_type": "card", "event_payload": {}}
NEVER = "1700000000.000001"


def to(channel: str, **more: Any) -> Json:
    return {"channel": channel, "text": "hello", **more}


def blocks(*blocks: Any) -> Json:
    return to(HERE, blocks=list(blocks))


def metadata(given: Any) -> Json:
    return to(HERE, metadata=given)


# method, error, the arguments that get it ("{card}", "{root}", "{reply}": the ts of these messages)
REFUSED: list[tuple[str, str, list[Json]]] = [
    ("chat.postMassage", "unknown_method", [HELLO]),
    ("apps.connections.open", "not_allowed_token_type", [{}]),
    (POST, "invalid_arguments", [{"text": "hello"}, to(HERE, attachments="not json")]),
    (POST, "channel_not_found", [to("C0NOWHERE"), to("#incidents"), to("C0SECRET")]),
    (POST, "not_in_channel", [to("C0LONELY")]),
    (POST, "is_archived", [to("C0OLD")]),
    (POST, "no_text", [{"channel": HERE}, {"channel": HERE, "text": ""}, {"channel": HERE, "blocks": []}]),
    (POST, "cannot_reply_to_message", [to(HERE, thread_ts="{reply}")]),
    (POST, "invalid_blocks_format", [to(HERE, blocks="[{not json"), to(HERE, blocks=DIVIDER), blocks("divider")]),
    (POST, "invalid_blocks", [blocks({"type": "sektion"}), blocks(*[DIVIDER] * 51), blocks(button(), button())]),
    (POST, "invalid_blocks", [blocks(checkboxes(*map(str, range(11))))]),
    (POST, "invalid_blocks", [blocks(button("a" * 256)), blocks(button(value="v" * 2001))]),
    (POST, "invalid_blocks", [to(HERE, attachments=[{"blocks": [{"type": "sektion"}]}])]),
    (POST, "msg_blocks_too_long", [blocks(*LONG)]),
    (POST, "too_many_attachments", [to(HERE, attachments=[{"text": "a"}] * 101)]),
    (POST, "invalid_metadata_format", [metadata("card"), metadata({"event_type": "card"})]),
    (POST, "invalid_metadata_format", [metadata({"event_type": "card", "event_payload": "7"})]),
    (POST, "metadata_too_large", [metadata({"event_type": "card", "event_payload": {"card": "7" * 16_000}})]),
    (UPDATE, "invalid_arguments", [HELLO]),
    (UPDATE, "message_not_found", [to(HERE, ts=NEVER), to("C0GENERAL", ts="{card}")]),
    (UPDATE, "cant_update_message", [to(HERE, ts="{root}")]),
    (UPDATE, "not_in_channel", [to("C0LONELY", ts="{card}")]),
    (UPDATE, "no_text", [OURS]),
    (UPDATE, "msg_too_long", [{**OURS, "text": "t" * 4001}]),
    (UPDATE, "invalid_blocks", [{**OURS, "text": "t", "blocks": [SECTION] * 51}]),
    ("chat.delete", "message_not_found", [{"channel": HERE, "ts": NEVER}]),
    ("chat.delete", "cant_delete_message", [{"channel": HERE, "ts": "{root}"}]),
    (EPHEMERAL, "invalid_arguments", [HELLO]),
    (EPHEMERAL, "user_not_in_channel", [to(HERE, user="U0STRANGER"), to(HERE, user="U0NOBODY")]),
    (EPHEMERAL, "not_in_channel", [to("C0LONELY", user="U0ANA")]),
    (EPHEMERAL, "no_text", [{"channel": HERE, "user": "U0ANA"}]),
    (EPHEMERAL, "invalid_metadata_format", [{**metadata(CARD), "user": "U0ANA"}]),
    (LINK, "invalid_arguments", [{"channel": HERE}]),
    (LINK, "message_not_found", [{"channel": HERE, "message_ts": NEVER}]),
    (LINK, "channel_not_found", [{"channel": "C0NOWHERE", "message_ts": "{root}"}]),
    (REPLIES, "invalid_arguments", [{"channel": HERE}, {**ROOT, "limit": 0}, {**ROOT, "limit": "all"}]),
    (REPLIES, "thread_not_found", [{"channel": HERE, "ts": NEVER}]),
    (REPLIES, "not_in_channel", [{"channel": "C0LONELY", "ts": "{root}"}]),
    (REPLIES, "channel_not_found", [{"channel": "C0SECRET", "ts": "{root}"}]),
    (REPLIES, "invalid_cursor", [{**ROOT, "cursor": "next"}]),
    (HISTORY, "not_in_channel", [{"channel": "C0LONELY"}]),
    (HISTORY, "invalid_ts_oldest", [{"channel": HERE, "oldest": "yesterday"}]),
    (HISTORY, "invalid_ts_latest", [{"channel": HERE, "latest": "now"}]),
    ("conversations.info", "channel_not_found", [{"channel": "C0NOWHERE"}]),
    ("users.info", "invalid_arguments", [{}]),
    ("users.info", "user_not_found", [{"user": "U0NOBODY"}]),
    ("users.conversations", "user_not_found", [{"user": "U0NOBODY"}]),
    ("users.conversations", "invalid_types", [{"types": "public"}]),
    ("usergroups.users.list", "no_such_subteam", [{"usergroup": "S0NONE"}]),
]


@pytest.mark.parametrize(
    ("method", "error", "arguments"),
    [(method, error, arguments) for method, error, several in REFUSED for arguments in several],
)
async def test_slack_refuses_with_its_own_word(slack, client, method, error, arguments):
    slack.add_channel(id="C0SECRET", name="secret", members={"U0ANA"}, is_private=True)
    slack.add_channel(id="C0OLD", name="old", members={"U0CASES"}, is_archived=True)
    root = slack.message(HERE, "U0ANA", "root")
    reply = slack.message(HERE, "U0BEN", "reply", thread_ts=root["ts"])
    card = await client.chat_postMessage(channel=HERE, text="card")
    stamps = {"{root}": root["ts"], "{reply}": reply["ts"], "{card}": card["ts"]}
    given = {name: stamps.get(value, value) if isinstance(value, str) else value for name, value in arguments.items()}
    assert await error_of(client.api_call(method, json=given)) == error


@pytest.mark.parametrize(
    ("token", "body", "error"),
    [
        ("", "{}", "not_authed"),
        ("xoxb-other", "{}", "invalid_auth"),
        ("xapp-sandbox", "{}", "not_allowed_token_type"),
        ("xoxb-sandbox", "{not json", "invalid_json"),
        ("xoxb-sandbox", "[1]", "json_not_object"),
    ],
)
async def test_a_call_needs_the_right_token_and_a_json_object(slack, token, body, error):
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    async with httpx.AsyncClient(headers=headers) as caller:
        response = await caller.post(slack.url + POST, content=body)
    assert (response.status_code, response.json()["error"]) == (200, error)


@pytest.mark.parametrize(
    ("method", "arguments", "scope"),
    [
        (POST, HELLO, "chat:write"),
        ("users.info", {"user": "U0ANA"}, "users:read"),
        ("conversations.info", {"channel": HERE}, "channels:read"),
        (HISTORY, {"channel": HERE}, "channels:history"),
        (HISTORY, {"channel": "C0SECRET"}, "groups:history"),
        ("usergroups.users.list", {"usergroup": "S0ONE"}, "usergroups:read"),
        ("users.conversations", {"types": "private_channel"}, "groups:read"),
    ],
)
async def test_a_method_without_its_scope_names_the_scope(slack, client, method, arguments, scope):
    slack.add_channel(id="C0SECRET", name="secret", members={"U0ANA", "U0CASES"}, is_private=True)
    slack.scopes.remove(scope)
    answer = await refusal(client.api_call(method, json=arguments))
    assert answer["error"] == "missing_scope"
    assert scope in answer["needed"].split(",")
    assert answer["provided"].split(",") == sorted(slack.scopes)
    assert answer.headers["X-OAuth-Scopes"].split(",") == sorted(slack.scopes)


async def test_refused_blocks_are_explained_with_a_pointer(client):
    answer = await refusal(client.chat_postMessage(**HELLO, blocks=[checkboxes(*map(str, range(11)))]))
    sentence = "no more than 10 items allowed [json-pointer:/blocks/0/elements/0/options]"
    assert sentence in answer["errors"]
    assert f"[ERROR] {sentence}" in answer["response_metadata"]["messages"]


async def test_too_many_requests_are_refused_by_rule(slack, client):
    slack.control.rule("slack", POST, status=429, headers={"Retry-After": "7"}, times=1)
    answer = await refusal(client.chat_postMessage(**HELLO))
    assert (answer.status_code, answer["error"], answer.headers["Retry-After"]) == (429, "ratelimited", "7")
    assert (await client.chat_postMessage(**HELLO))["ok"]
