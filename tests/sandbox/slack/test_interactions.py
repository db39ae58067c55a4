"""Shortcuts, slash commands, the Home tab and modals, with real slack_bolt at the other end."""

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.control import ControlError, Json
from bot.sandbox.slack.server import SlackServer
from sandbox.slack.conftest import HERE, button, checkboxes, connected, error_of, plain, refusal


def entry(block_id: str, element: Json) -> Json:
    return {"type": "input", "block_id": block_id, "label": plain(block_id), "element": element}


MODAL: Json = {
    "type": "modal",
    "callback_id": "insights.modal",
    "title": plain("Add to case"),
    "submit": plain("Add"),
    "private_metadata": "7",
    "blocks": [
        entry("id", {"type": "plain_text_input", "action_id": "text", "initial_value": "9"}),
        entry("case", {"type": "external_select", "action_id": "case", "min_query_length": 3}),
        entry("insights", checkboxes("1", "2")["elements"][0]),
        button("more"),
    ],
}


async def open_modal(slack: SlackServer, client: AsyncWebClient, view: Json = MODAL) -> Json:
    answer = await client.views_open(trigger_id=slack.triggers.mint("U0ANA"), view=view)
    return answer["view"]


async def test_a_message_shortcut_brings_the_message_and_opens_a_modal(slack, app):
    seen: list[Json] = []

    async def open_it(ack: Any, body: Json, client: AsyncWebClient) -> None:
        seen.append(body)
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)
        await ack()

    app.shortcut("add_to_case")(open_it)
    root = slack.message("C0LONELY", "U0ANA", "root")
    said = slack.message("C0LONELY", "U0ANA", "https://app.datadoghq.com/monitors/1", thread_ts=root["ts"])
    async with connected(slack, app):
        chosen = await slack.shortcut("C0LONELY", said["ts"], "U0BEN", "add_to_case")
    assert chosen["acknowledged"]
    assert (seen[0]["type"], seen[0]["message"]["thread_ts"]) == ("message_action", root["ts"])
    assert (seen[0]["message_ts"], seen[0]["user"]["id"]) == (said["ts"], "U0BEN")
    modal = slack.modal("U0BEN")
    assert modal is not None
    assert modal["title"]["text"] == "Add to case"


async def test_a_commands_answer_is_private(slack, app, listen):
    bodies = listen(app.command("/insight"), "Nothing is tied here.")
    async with connected(slack, app):
        typed = await slack.command(HERE, "U0ANA", "/insight", "explain https://a.example?b=1&c=2")
    assert typed["acknowledged"]
    assert (bodies[0]["text"], bodies[0]["channel_id"]) == ("explain <https://a.example?b=1&amp;c=2>", HERE)
    assert "thread_ts" not in bodies[0]
    assert [(message["user"], message["text"]) for message in slack.private] == [("U0ANA", "Nothing is tied here.")]


async def test_the_home_tab_shows_what_was_published(slack, app):
    async def publish(event: Json, client: AsyncWebClient) -> None:
        view = {"type": "home", "blocks": [{"type": "section", "text": plain("No ties yet.")}]}
        await client.views_publish(user_id=event["user"], view=view)

    app.event("app_home_opened")(publish)
    async with connected(slack, app):
        assert slack.home("U0ANA") == {"view": None}
        await slack.control.until(lambda: slack.views.homes and not slack.transport.undelivered)
    assert slack.home("U0ANA")["view"]["blocks"][0]["text"]["text"] == "No ties yet."


async def test_a_submission_brings_what_was_entered_and_closes_the_modal(slack, app, client, listen):
    bodies = listen(app.view("insights.modal"))

    async def suggest(ack: Any, body: Json) -> None:
        await ack(options=[{"text": plain(f"CASEM-{body['value']}"), "value": "uuid"}])

    app.options("case")(suggest)
    view = await open_modal(slack, client)
    async with connected(slack, app):
        options = await slack.suggest(view["id"], "U0ANA", "case", "4523")
        values = {"case": {"case": "uuid"}, "insights": {"select": ["2"]}}
        done = await slack.submit(view["id"], "U0ANA", values)
    assert [option["text"]["text"] for option in options] == ["CASEM-4523"]
    assert (done["acknowledged"], done["errors"], slack.modal("U0ANA")) == (True, {}, None)
    submitted = bodies[0]["view"]
    state = submitted["state"]["values"]
    assert state["id"]["text"] == {"type": "plain_text_input", "value": "9"}
    assert state["case"]["case"]["selected_option"]["value"] == "uuid"
    assert [option["value"] for option in state["insights"]["select"]["selected_options"]] == ["2"]
    assert submitted["private_metadata"] == "7"


async def test_errors_leave_the_modal_open_and_an_update_replaces_it(slack, app, client):
    async def refuse(ack: Any, body: Json) -> None:
        if body["view"]["state"]["values"]["id"]["text"]["value"] == "9":
            await ack(response_action="errors", errors={"id": "That is no id."})
        else:
            await ack(response_action="update", view={**MODAL, "title": plain("Added")})

    app.view("insights.modal")(refuse)
    view = await open_modal(slack, client)
    async with connected(slack, app):
        refused = await slack.submit(view["id"], "U0ANA")
        await slack.submit(view["id"], "U0ANA", {"id": {"text": "10"}})
    modal = slack.modal("U0ANA")
    assert refused["errors"] == {"id": "That is no id."}
    assert modal is not None
    assert (modal["id"], modal["title"]["text"], modal["errors"]) == (view["id"], "Added", {})
    slack.dismiss(view["id"], "U0ANA")
    assert slack.modal("U0ANA") is None


async def test_a_button_in_a_view_is_pressed(slack, app, client, listen):
    bodies = listen(app.action("more"))
    view = await open_modal(slack, client)
    async with connected(slack, app):
        assert (await slack.press(view["id"], "U0ANA", "more", {"id": {"text": "11"}}))["acknowledged"]
    assert bodies[0]["container"] == {"type": "view", "view_id": view["id"]}
    assert bodies[0]["view"]["state"]["values"]["id"]["text"]["value"] == "11"


async def test_what_was_entered_survives_an_update_of_the_view(slack, client):
    view = await open_modal(slack, client)
    slack.interactions.enter(slack.view(view["id"], "U0ANA"), {"id": {"text": "12"}})
    updated = await client.views_update(view_id=view["id"], hash=view["hash"], view=MODAL)
    assert updated["view"]["state"]["values"]["id"]["text"]["value"] == "12"
    assert await error_of(client.views_update(view_id=view["id"], hash=view["hash"], view=MODAL)) == "hash_conflict"


async def test_a_trigger_is_good_once_and_for_three_seconds(slack, client):
    trigger = slack.triggers.mint("U0ANA")
    await client.views_open(trigger_id=trigger, view=MODAL)
    assert await error_of(client.views_open(trigger_id=trigger, view=MODAL)) == "exchanged_trigger_id"
    assert slack.triggers.lifetime == 3.0
    slack.triggers.lifetime = -1.0
    late = slack.triggers.mint("U0ANA")
    assert await error_of(client.views_open(trigger_id=late, view=MODAL)) == "expired_trigger_id"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"title": plain("t" * 25)}, "must be less than 25 characters [json-pointer:/view/title/text]"),
        ({"private_metadata": "m" * 3001}, "must be less than 3001 characters [json-pointer:/view/private_metadata]"),
        ({"blocks": [{"type": "divider"}] * 101}, "no more than 100 items allowed [json-pointer:/view/blocks]"),
        ({"type": "home"}, "unsupported type: home [json-pointer:/view/type]"),
        ({"blocks": [button(), button()]}, "already exists [json-pointer:/view/blocks/1/block_id]"),
    ],
)
async def test_views_beyond_the_limits_are_refused(slack, client, change, words):
    refused = await refusal(open_modal(slack, client, {**MODAL, **change}))
    assert refused["error"] == "invalid_arguments"
    assert words in str(refused["response_metadata"]["messages"])


async def test_a_view_too_large_or_gone_is_refused(slack, client):
    sections = [{"type": "section", "text": plain("s" * 3000)}] * 90
    assert await error_of(open_modal(slack, client, {**MODAL, "blocks": sections})) == "view_too_large"
    assert await error_of(client.views_update(view_id="V0NONE", view=MODAL)) == "not_found"
    assert await error_of(client.views_open(trigger_id="1.2.3", view=MODAL)) == "invalid_trigger_id"
    home = {"type": "home", "blocks": []}
    assert await error_of(client.views_publish(user_id="U0NOBODY", view=home)) == "user_not_found"


async def test_only_what_the_manifest_declares_can_be_opened(slack):
    said = slack.message(HERE, "U0ANA", "root")
    with pytest.raises(ControlError, match="no message shortcut 'other'"):
        await slack.shortcut(HERE, said["ts"], "U0ANA", "other")
    with pytest.raises(ControlError, match="no command '/other'"):
        await slack.command(HERE, "U0ANA", "/other")
    with pytest.raises(ControlError, match="sees no view"):
        await slack.submit("V0NONE", "U0ANA")
