"""The sandbox's Web API as slack_sdk sees it, and what people's acts do to it."""

from typing import Any

import pytest

from bot.sandbox.control import ControlError, Json
from bot.sandbox.slack.server import SlackServer
from sandbox.slack.conftest import HERE, button, checkboxes

METADATA: Json = {"event_type": "card", "event_payload": {"card": "7"}}


def events(slack: SlackServer) -> list[Json]:
    return [payload["event"] for payload in slack.events.sent]


def thread(slack: SlackServer, replies: int = 1) -> tuple[str, list[str]]:
    """A thread of Ana's with replies of Ben's: the ts of the root and of the replies."""
    root = slack.message(HERE, "U0ANA", "root")["ts"]
    return root, [slack.message(HERE, "U0BEN", f"{n}", thread_ts=root)["ts"] for n in range(replies)]


async def test_auth_test_says_who_we_are(client):
    answer = await client.auth_test()
    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == ("T0ACME", "U0CASES", "B0CASES")
    assert "chat:write" in answer.headers["X-OAuth-Scopes"].split(",")


async def test_a_post_takes_forms_as_well_as_json(slack, client):
    blocks = '[{"type": "divider"}]'
    posted = await client.api_call("chat.postMessage", data={"channel": HERE, "text": "a", "blocks": blocks})
    assert posted["message"]["blocks"][0]["type"] == "divider"
    (call,) = slack.control.matching("slack", "chat.postMessage")
    assert call.arguments["blocks"] == [{"type": "divider"}]


async def test_slack_fills_in_what_blocks_leave_out(client):
    text = {"type": "mrkdwn", "text": "b"}
    posted = await client.chat_postMessage(channel=HERE, text="a", blocks=[{"type": "section", "text": text}])
    (section,) = posted["message"]["blocks"]
    assert section["block_id"]
    assert section["text"] == {**text, "verbatim": False}


async def test_every_ts_is_later_than_the_one_before(slack):
    stamps = [slack.message(HERE, "U0ANA", "a")["ts"] for _ in range(50)]
    assert stamps == sorted(set(stamps))


async def test_a_thread_is_read_in_pages(slack, client):
    root, replies = thread(slack, 4)
    pages: list[list[str]] = []
    cursor = ""
    while not pages or cursor:
        page = await client.conversations_replies(channel=HERE, ts=root, limit=2, cursor=cursor)
        pages.append([message["ts"] for message in page["messages"]])
        cursor = (page.get("response_metadata") or {}).get("next_cursor", "")
        assert page["has_more"] is bool(cursor)
    assert pages == [[root, replies[0]], replies[1:3], replies[3:]]


async def test_a_root_counts_its_replies_and_a_reply_is_read_alone_and_linked_with_its_thread(slack, client):
    root, [reply] = thread(slack)
    first = (await client.conversations_replies(channel=HERE, ts=root))["messages"][0]
    assert (first["thread_ts"], first["reply_count"], first["latest_reply"]) == (root, 1, reply)
    alone = await client.conversations_replies(channel=HERE, ts=reply)
    assert [message["ts"] for message in alone["messages"]] == [reply]
    link = f"https://acme.slack.com/archives/{HERE}/p{reply.replace('.', '')}?thread_ts={root}&cid={HERE}"
    assert (await client.chat_getPermalink(channel=HERE, message_ts=reply))["permalink"] == link


async def test_oldest_and_latest_leave_out_their_ends_unless_inclusive(slack, client):
    said = [slack.message(HERE, "U0ANA", f"{n}")["ts"] for n in range(4)]

    async def read(**more: Any) -> list[str]:
        answer = await client.conversations_history(channel=HERE, oldest=said[1], latest=said[3], **more)
        return [message["ts"] for message in answer["messages"]]

    assert await read() == [said[2]]
    assert await read(inclusive=True) == [said[3], said[2], said[1]]


async def test_metadata_is_given_only_when_asked_for(slack, client):
    root = slack.message(HERE, "U0ANA", "root")
    await client.chat_postMessage(channel=HERE, thread_ts=root["ts"], text="card", metadata=METADATA)
    plain = await client.conversations_replies(channel=HERE, ts=root["ts"])
    asked = await client.conversations_replies(channel=HERE, ts=root["ts"], include_all_metadata=True)
    assert "metadata" not in plain["messages"][1]
    assert asked["messages"][1]["metadata"] == METADATA


async def test_an_update_without_blocks_drops_them_and_keeps_the_metadata(slack, client):
    card = await client.chat_postMessage(channel=HERE, text="card", blocks=[button()], metadata=METADATA)
    await client.chat_update(channel=HERE, ts=card["ts"], text="added")
    (message,) = slack.thread(HERE, card["ts"])
    assert (message["text"], message["metadata"], message.get("blocks")) == ("added", METADATA, None)
    changed = events(slack)[-1]
    assert (changed["subtype"], changed["hidden"]) == ("message_changed", True)
    assert (changed["message"]["text"], changed["previous_message"]["text"]) == ("added", "card")


async def test_an_ephemeral_is_seen_by_one_person_and_in_no_history(slack, client):
    await client.chat_postEphemeral(channel=HERE, user="U0ANA", text="only you")
    assert (await client.conversations_history(channel=HERE))["messages"] == []
    (private,) = slack.private
    assert (private["user"], private["text"], private["via"]) == ("U0ANA", "only you", "chat.postEphemeral")
    assert events(slack) == []


async def test_links_of_a_post_unfurl_unless_told_not_to(slack, client):
    link = "https://app.datadoghq.com/monitors/1"
    quiet = {"unfurl_links": False, "unfurl_media": False}
    await client.chat_postMessage(channel=HERE, text=link, **quiet)
    assert [event.get("subtype") for event in events(slack)] == [None]
    loud = await client.chat_postMessage(channel=HERE, text=link)
    (message,) = slack.thread(HERE, loud["ts"])
    assert message["text"] == f"<{link}>"
    assert message["attachments"][0]["from_url"] == link
    assert events(slack)[-1]["subtype"] == "message_changed"


@pytest.mark.parametrize(
    ("user", "field", "value"),
    [
        ("U0ANA", "is_restricted", False),
        ("U0GUEST", "is_restricted", True),
        ("U0STRANGER", "is_stranger", True),
        ("U0STRANGER", "team_id", "T0OTHER"),
        ("U0DATADOG", "is_bot", True),
    ],
)
async def test_users_info_tells_members_from_others(client, user, field, value):
    assert (await client.users_info(user=user))["user"][field] == value


async def test_channels_of_a_person_and_groups_can_be_read(slack, client):
    slack.workspace.user_groups["S0ONCALL"] = ["U0ANA"]
    ours = await client.users_conversations(types="public_channel,private_channel")
    assert [channel["name"] for channel in ours["channels"]] == ["incidents", "general", "acme-and-other"]
    shared = await client.conversations_info(channel="C0SHARED")
    assert (shared["channel"]["is_ext_shared"], shared["channel"]["is_member"]) == (True, True)
    assert (await client.usergroups_users_list(usergroup="S0ONCALL"))["users"] == ["U0ANA"]


# What people do


async def test_an_edit_sends_what_was_and_what_is_and_a_preview_is_one_without_edited(slack):
    message = slack.message(HERE, "U0ANA", "one")
    slack.edit(HERE, message["ts"], "two https://app.datadoghq.com/monitors/2")
    event = events(slack)[-1]
    assert (event["subtype"], "user" in event) == ("message_changed", False)
    assert event["message"]["text"] == "two <https://app.datadoghq.com/monitors/2>"
    assert event["message"]["edited"]["user"] == "U0ANA"
    assert event["previous_message"]["text"] == "one"
    link = slack.message(HERE, "U0ANA", "https://app.datadoghq.com/monitors/2")
    slack.unfurl(HERE, link["ts"], [{"from_url": "https://app.datadoghq.com/monitors/2", "title": "CPU"}])
    event = events(slack)[-1]
    assert (event["subtype"], "edited" in event["message"]) == ("message_changed", False)
    assert event["message"]["text"] == event["previous_message"]["text"]
    assert event["message"]["attachments"][0]["from_url"] == "https://app.datadoghq.com/monitors/2"


async def test_a_deleted_root_with_replies_leaves_a_tombstone(slack):
    root, [reply] = thread(slack)
    slack.delete(HERE, root)
    event = events(slack)[-1]
    assert (event["subtype"], event["message"]["subtype"]) == ("message_changed", "tombstone")
    assert event["previous_message"]["text"] == "root"
    slack.delete(HERE, reply)
    event = events(slack)[-1]
    assert (event["subtype"], event["deleted_ts"]) == ("message_deleted", reply)


async def test_only_channels_we_are_in_and_events_we_asked_for_are_told(slack):
    slack.message("C0LONELY", "U0ANA", "unheard")
    slack.events.subscribed = frozenset({"message.groups"})
    slack.message(HERE, "U0ANA", "not subscribed")
    slack.add_channel(id="C0SECRET", name="secret", members={"U0ANA", "U0CASES"}, is_private=True)
    slack.message("C0SECRET", "U0ANA", "heard")
    assert [(event["text"], event["channel_type"]) for event in events(slack)] == [("heard", "group")]


async def test_a_message_older_than_the_bot_is_only_in_history(slack, client):
    slack.message(HERE, "U0ANA", "long ago", deliver=False)
    assert events(slack) == []
    assert len((await client.conversations_history(channel=HERE))["messages"]) == 1


async def test_bots_broadcasts_and_files_have_their_forms(slack):
    alert = slack.message(HERE, "U0DATADOG", "Triggered", attachments=[{"title": "CPU"}])
    classic = slack.message(HERE, "U0DATADOG", "Triggered", subtype="bot_message")
    wide = slack.message(HERE, "U0ANA", "all", thread_ts=alert["ts"], broadcast=True)
    file = slack.message(HERE, "U0ANA", "see", files=[{"id": "F1", "title": "graph"}])
    assert (alert["bot_id"], alert["user"], alert.get("subtype")) == ("B0DATADOG", "U0DATADOG", None)
    assert (classic["bot_id"], classic.get("user"), classic["subtype"]) == ("B0DATADOG", None, "bot_message")
    assert (wide["subtype"], file["subtype"]) == ("thread_broadcast", "file_share")


async def test_a_stranger_speaks_only_in_the_shared_channel(slack):
    slack.message("C0SHARED", "U0STRANGER", "hi")
    assert slack.events.sent[0]["is_ext_shared_channel"] is True
    assert events(slack)[0]["team"] == "T0OTHER"
    with pytest.raises(ControlError, match="U0STRANGER is not in"):
        slack.message(HERE, "U0STRANGER", "hi")


async def test_what_a_person_could_not_do_is_refused_in_words(slack, client):
    posted = await client.chat_postMessage(channel=HERE, text="card", blocks=[checkboxes("1"), button()])
    card = posted["ts"]
    for act, words in (
        (lambda: slack.click(HERE, card, "gone", "U0ANA"), r"There is no \*/gone on this message"),
        (lambda: slack.tick(HERE, card, "U0ANA", "select", values=["9"]), "select is a checkboxes"),
        (lambda: slack.click(HERE, "1.2", "add", "U0ANA"), "sees no message"),
        (lambda: slack.edit(HERE, card, "mine", "U0ANA"), "cannot edit"),
    ):
        with pytest.raises(ControlError, match=words):
            await act()
