"""What Slack refuses, with Slack's exact error: the table that keeps the sandbox strict."""

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.conftest import HERE, button, checkboxes

Json = dict[str, Any]

POST, UPDATE, EPHEMERAL = "chat.postMessage", "chat.update", "chat.postEphemeral"
REPLIES, HISTORY, LINK = "conversations.replies", "conversations.history", "chat.getPermalink"
HELLO: Json = {"channel": HERE, "text": "hello"}
OURS: Json = {"channel": HERE, "ts": "{card}"}
SECTION: Json = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}

# method, arguments ("{card}", "{root}", "{reply}": the ts of these messages), error
REFUSED: list[tuple[str, Json, str]] = [
    ("chat.postMassage", HELLO, "unknown_method"),
    ("apps.connections.open", {}, "not_allowed_token_type"),
    # chat.postMessage
    (POST, {"text": "hello"}, "invalid_arguments"),
    (POST, {"channel": "C0NOWHERE", "text": "hello"}, "channel_not_found"),
    (POST, {"channel": "#incidents", "text": "hello"}, "channel_not_found"),
    (POST, {"channel": "C0LONELY", "text": "hello"}, "not_in_channel"),
    (POST, {"channel": "C0SECRET", "text": "hello"}, "channel_not_found"),
    (POST, {"channel": "C0OLD", "text": "hello"}, "is_archived"),
    (POST, {"channel": HERE}, "no_text"),
    (POST, {"channel": HERE, "text": ""}, "no_text"),
    (POST, {"channel": HERE, "blocks": []}, "no_text"),
    (POST, {**HELLO, "thread_ts": "1700000000.000001"}, "thread_not_found"),
    (POST, {**HELLO, "thread_ts": "{reply}"}, "cannot_reply_to_message"),
    (POST, {**HELLO, "blocks": "[{not json"}, "invalid_blocks_format"),
    (POST, {**HELLO, "blocks": {"type": "divider"}}, "invalid_blocks_format"),
    (POST, {**HELLO, "blocks": ["divider"]}, "invalid_blocks_format"),
    (POST, {**HELLO, "blocks": [{"type": "sektion"}]}, "invalid_blocks"),
    (POST, {**HELLO, "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
    (POST, {**HELLO, "blocks": [checkboxes(*map(str, range(11)))]}, "invalid_blocks"),
    (POST, {**HELLO, "blocks": [button("a" * 256)]}, "invalid_blocks"),
    (POST, {**HELLO, "blocks": [button(value="v" * 2001)]}, "invalid_blocks"),
    (POST, {**HELLO, "blocks": [button(), button()]}, "invalid_blocks"),
    (
        POST,
        {
            **HELLO,
            "blocks": [
                {"type": "markdown", "text": "m" * 11_900},
                *[{"type": "section", "text": {"type": "mrkdwn", "text": "s" * 2900}}],
            ],
        },
        "msg_blocks_too_long",
    ),
    (POST, {**HELLO, "attachments": [{"text": "a"}] * 101}, "too_many_attachments"),
    (POST, {**HELLO, "attachments": "not json"}, "invalid_arguments"),
    (POST, {**HELLO, "attachments": [{"blocks": [{"type": "sektion"}]}]}, "invalid_blocks"),
    (POST, {**HELLO, "metadata": "card"}, "invalid_metadata_format"),
    (POST, {**HELLO, "metadata": {"event_type": "card"}}, "invalid_metadata_format"),
    (POST, {**HELLO, "metadata": {"event_type": "card", "event_payload": "7"}}, "invalid_metadata_format"),
    (
        POST,
        {**HELLO, "metadata": {"event_type": "card", "event_payload": {"card": "7" * 16_000}}},
        "metadata_too_large",
    ),
    # chat.update and chat.delete
    (UPDATE, {**HELLO}, "invalid_arguments"),
    (UPDATE, {**HELLO, "ts": "1700000000.000001"}, "message_not_found"),
    (UPDATE, {**HELLO, "ts": "{root}"}, "cant_update_message"),
    (UPDATE, {**HELLO, "ts": "{card}", "channel": "C0GENERAL"}, "message_not_found"),
    (UPDATE, {**HELLO, "ts": "{card}", "channel": "C0LONELY"}, "not_in_channel"),
    (UPDATE, {**OURS}, "no_text"),
    (UPDATE, {**OURS, "text": "t" * 4001}, "msg_too_long"),
    (UPDATE, {**OURS, "text": "t", "blocks": [SECTION] * 51}, "invalid_blocks"),
    ("chat.delete", {"channel": HERE, "ts": "1700000000.000001"}, "message_not_found"),
    ("chat.delete", {"channel": HERE, "ts": "{root}"}, "cant_delete_message"),
    # chat.postEphemeral
    (EPHEMERAL, HELLO, "invalid_arguments"),
    (EPHEMERAL, {**HELLO, "user": "U0STRANGER"}, "user_not_in_channel"),
    (EPHEMERAL, {**HELLO, "user": "U0NOBODY"}, "user_not_in_channel"),
    (EPHEMERAL, {"channel": "C0LONELY", "user": "U0ANA", "text": "hello"}, "not_in_channel"),
    (EPHEMERAL, {"channel": HERE, "user": "U0ANA"}, "no_text"),
    (
        EPHEMERAL,
        {**HELLO, "user": "U0ANA", "metadata": {"event_type": "card", "event_payload": {}}},
        "invalid_metadata_format",
    ),
    # reading
    (LINK, {"channel": HERE}, "invalid_arguments"),
    (LINK, {"channel": HERE, "message_ts": "1700000000.000001"}, "message_not_found"),
    (LINK, {"channel": "C0NOWHERE", "message_ts": "{root}"}, "channel_not_found"),
    (REPLIES, {"channel": HERE}, "invalid_arguments"),
    (REPLIES, {"channel": HERE, "ts": "1700000000.000001"}, "thread_not_found"),
    (REPLIES, {"channel": "C0LONELY", "ts": "{root}"}, "not_in_channel"),
    (REPLIES, {"channel": "C0SECRET", "ts": "{root}"}, "channel_not_found"),
    (REPLIES, {"channel": HERE, "ts": "{root}", "cursor": "next"}, "invalid_cursor"),
    (REPLIES, {"channel": HERE, "ts": "{root}", "limit": 0}, "invalid_arguments"),
    (REPLIES, {"channel": HERE, "ts": "{root}", "limit": "all"}, "invalid_arguments"),
    (HISTORY, {"channel": "C0LONELY"}, "not_in_channel"),
    (HISTORY, {"channel": HERE, "oldest": "yesterday"}, "invalid_ts_oldest"),
    (HISTORY, {"channel": HERE, "latest": "now"}, "invalid_ts_latest"),
    ("conversations.info", {"channel": "C0NOWHERE"}, "channel_not_found"),
    ("users.info", {}, "invalid_arguments"),
    ("users.info", {"user": "U0NOBODY"}, "user_not_found"),
    ("users.conversations", {"user": "U0NOBODY"}, "user_not_found"),
    ("users.conversations", {"types": "public"}, "invalid_types"),
    ("usergroups.users.list", {"usergroup": "S0NONE"}, "no_such_subteam"),
]


async def refusal(client: AsyncWebClient, method: str, arguments: Json) -> Any:
    """The answer to a call that Slack refuses."""
    with pytest.raises(SlackApiError) as raised:
        await client.api_call(method, json=arguments)
    return raised.value.response


@pytest.mark.parametrize(("method", "arguments", "error"), REFUSED)
async def test_slack_refuses_with_its_own_word(slack, client, method, arguments, error):
    slack.add_channel(id="C0SECRET", name="secret", members={"U0ANA"}, is_private=True)
    slack.add_channel(id="C0OLD", name="old", members={"U0CASES"}, is_archived=True)
    root = slack.message(HERE, "U0ANA", "root")
    reply = slack.message(HERE, "U0BEN", "reply", thread_ts=root["ts"])
    card = await client.chat_postMessage(channel=HERE, text="card")
    stamps = {"{root}": root["ts"], "{reply}": reply["ts"], "{card}": card["ts"]}
    given = {name: stamps.get(value, value) if isinstance(value, str) else value for name, value in arguments.items()}
    assert (await refusal(client, method, given))["error"] == error


@pytest.mark.parametrize(
    ("token", "error"), [("", "not_authed"), ("xoxb-other", "invalid_auth"), ("xapp-sandbox", "not_allowed_token_type")]
)
async def test_a_call_needs_the_right_token(slack, token, error):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(slack.url + POST, json=HELLO) as response,
    ):
        assert (response.status, (await response.json())["error"]) == (200, error)


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
    answer = await refusal(client, method, arguments)
    assert answer["error"] == "missing_scope"
    assert scope in answer["needed"].split(",")
    assert answer["provided"].split(",") == sorted(slack.scopes)
    assert answer.headers["X-OAuth-Scopes"].split(",") == sorted(slack.scopes)


async def test_a_body_that_is_no_json_is_refused(slack):
    headers = {"Authorization": "Bearer xoxb-sandbox", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for body, error in (("{not json", "invalid_json"), ("[1]", "json_not_object")):
            async with session.post(slack.url + POST, data=body) as response:
                assert (await response.json())["error"] == error


async def test_refused_blocks_are_explained_with_a_pointer(client):
    answer = await refusal(client, POST, {**HELLO, "blocks": [checkboxes(*map(str, range(11)))]})
    sentence = "no more than 10 items allowed [json-pointer:/blocks/0/elements/0/options]"
    assert sentence in answer["errors"]
    assert f"[ERROR] {sentence}" in answer["response_metadata"]["messages"]


async def test_too_many_requests_are_refused_by_rule(slack, client):
    slack.control.rule("slack", POST, status=429, headers={"Retry-After": "7"}, times=1)
    answer = await refusal(client, POST, HELLO)
    assert (answer.status_code, answer["error"], answer.headers["Retry-After"]) == (429, "ratelimited", "7")
    assert (await client.chat_postMessage(**HELLO))["ok"]
