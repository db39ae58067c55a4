"""Response URLs: five uses in half an hour, and what each may do."""

import json

import pytest
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.sandbox.slack.conversations import Posted
from bot.sandbox.slack.server import SlackServer
from sandbox.slack.conftest import HERE, button


def answer_to(slack: SlackServer, source: Posted | None) -> AsyncWebhookClient:
    """Answers Ana's click on this message."""
    url = slack.response_urls.mint(slack.host_and_port(), "U0ANA", HERE, source)
    return AsyncWebhookClient(url, retry_handlers=[])


@pytest.fixture
def answer(slack: SlackServer, card: str) -> AsyncWebhookClient:
    return answer_to(slack, slack.posted(HERE, card))


async def test_an_answer_is_private_unless_said_otherwise(slack, answer):
    response = await answer.send_dict({"text": "for you"})
    assert (response.status_code, response.body) == (200, "ok")
    await answer.send_dict({"text": "for all", "response_type": "in_channel"})
    assert [(message["user"], message["text"]) for message in slack.private] == [("U0ANA", "for you")]
    assert [posted.message["text"] for posted in slack.conversations.top_level(HERE)] == ["card", "for all"]


async def test_a_response_url_is_good_five_times(slack, answer):
    for _ in range(5):
        assert (await answer.send_dict({"text": "again"})).status_code == 200
    refused = await answer.send_dict({"text": "again"})
    assert (refused.status_code, "used_url" in refused.body) == (404, True)
    assert len(slack.private) == 5
    assert len(slack.control.matching("slack", "response_url")) == 6


async def test_a_response_url_expires(slack, card):
    slack.response_urls.lifetime = -1.0
    refused = await answer_to(slack, slack.posted(HERE, card)).send_dict({"text": "late"})
    assert (refused.status_code, json.loads(refused.body)["error"]) == (404, "expired_url")


async def test_the_source_can_be_replaced_or_deleted(slack, answer, card):
    await answer.send_dict({"text": "done", "replace_original": True})
    message = slack.posted(HERE, card).message
    assert (message["text"], message.get("blocks")) == ("done", None)
    await answer.send_dict({"delete_original": True})
    assert slack.conversations.find(HERE, card) is None


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"text": ""}, "no_text"),
        ({"blocks": [{"type": "sektion"}]}, "invalid_blocks"),
        ({"delete_original": True, "text": "bye"}, "invalid_arguments"),
        ({"text": "hi", "response_type": "everyone"}, "invalid_arguments"),
    ],
)
async def test_what_it_does_not_take_is_refused(answer, body, error):
    refused = await answer.send_dict(body)
    assert (refused.status_code, error in refused.body) == (400, True)


async def test_a_private_message_can_be_acted_on_by_its_reader_and_replaced(slack, client):
    await client.chat_postEphemeral(channel=HERE, user="U0ANA", text="tie?", blocks=[button("tie.yes")])
    ts = slack.private[0]["ts"]
    answer = answer_to(slack, slack.conversations.find_private(HERE, ts))
    await answer.send_dict({"text": "tied", "replace_original": True})
    assert [message["text"] for message in slack.private] == ["tied"]
    await answer.send_dict({"delete_original": True})
    assert slack.private == []
