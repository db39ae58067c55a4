"""The modal: the shortcut on any message, Edit… on a card; what is filled in is added, errors stay on their field."""

import asyncio
from typing import Any

from bot.messages.modal import CHANGE, TICK
from bot.sandbox.render import as_text
from tests.e2e.bench import CASE_LINK, CHANNEL, GET, KEY, PUT, TITLE, Bench, comment_is_due, monitor, options
from tests.e2e.test_commands import said_in
from tests.e2e.test_names import call

Json = dict[str, Any]

DRAFT = "https://app.datadoghq.com/apm/recommendations"
LOGS = "https://app.datadoghq.com/logs?query=service%3Aapi"
COMMENT = "POST /api/v2/cases/{case_id}/comment"


async def opened(b: Bench, ts: str, as_user: str = "U0ANA", channel: str = CHANNEL) -> Json:
    """Choose "Add to case" in this message's menu; the modal."""
    said = await b.slack.shortcut(channel, ts, as_user, "add_to_case")
    assert said["acknowledged"]
    assert said["seconds"] < 3.0
    return shown(b, as_user)


def shown(b: Bench, as_user: str = "U0ANA") -> Json:
    view = b.slack.modal(as_user)
    assert view is not None
    return view


async def until_shown(b: Bench, words: str, as_user: str = "U0ANA") -> Json:
    await b.control.until(lambda: words in str(b.slack.modal(as_user)), what=f"a modal that says {words}")
    return shown(b, as_user)


async def submit(b: Bench, view: Json, values: Json | None = None, as_user: str = "U0ANA") -> Json:
    said = await b.slack.submit(view["id"], as_user, values or {})
    assert said["acknowledged"]
    assert said["seconds"] < 3.0
    return said


async def test_the_shortcut_on_a_reply_acts_on_the_reply_and_adds_to_the_threads_case(b: Bench) -> None:
    """K3."""
    root = b.start_thread(f"{CASE_LINK} and {monitor(1)}")
    await b.card(root, "Add 1 insight")
    ts = b.reply(root, "nothing here")
    ts = b.slack.message(CHANNEL, "U0BEN", monitor(2), thread_ts=root, deliver=False)["ts"]
    await opened(b, ts)
    view = await until_shown(b, TITLE)
    assert "monitors/2" in str(view)
    assert "monitors/1" not in str(view)
    assert (await submit(b, view))["errors"] == {}
    await b.control.until(lambda: [rid for _, rid, _ in b.on_case] == ["2"], what="the insight")
    assert b.slack.modal("U0ANA") is None


async def test_a_draft_is_completed_and_added_with_exactly_the_id_given(b: Bench) -> None:
    root = b.start_thread()
    ts = b.slack.message(CHANNEL, "U0ANA", DRAFT, thread_ts=root, deliver=False)["ts"]
    await opened(b, ts)
    view = await until_shown(b, TITLE)
    assert (await submit(b, view))["errors"] == {"id.0": "Give the id, or untick this link."}
    assert b.calls(PUT) == []
    await submit(b, view, {"id.0": {"id": "rec-77"}})
    await b.card(root, f"Added to {KEY} by Ana")
    assert b.on_case == [("APM_RECOMMENDATION", "rec-77", "/apm/recommendations")]
    assert len(b.calls(PUT)) == 1


async def test_a_case_is_searched_by_its_title(b: Bench) -> None:
    ts = b.start_thread(monitor(1))
    view = await opened(b, ts)
    found = await b.slack.suggest(view["id"], "U0ANA", "case.search", "memory leak")
    assert [option["text"]["text"] for option in found] == [f"{KEY} {TITLE}"]
    assert (await submit(b, view, {"case": {"case.search": found[0]["value"]}}))["errors"] == {}
    await b.card(ts, f"Added to {KEY} by Ana")


async def test_a_case_is_found_by_its_key_and_pre_filled_from_the_messages_link_and_tying_is_said(b: Bench) -> None:
    root = b.start_thread("The API is slow")
    ts = b.slack.message(CHANNEL, "U0ANA", f"{CASE_LINK} {monitor(1)}", thread_ts=root, deliver=False)["ts"]
    view = await opened(b, ts)
    found = await b.slack.suggest(view["id"], "U0ANA", "case.search", KEY.lower())
    assert [option["text"]["text"] for option in found] == [f"{KEY} {TITLE}"]
    view = await until_shown(b, "case.known")
    assert (await submit(b, view, {"tie": {"tie": ["tie"]}}))["errors"] == {}
    await b.card(root, f"Added to {KEY} by Ana")
    said = f"Ana tied this thread to {KEY}."
    await b.control.until(lambda: said in str(b.slack.thread(CHANNEL, root)), what=said)


async def test_the_form_names_links_and_change_keeps_what_was_typed_when_pressed_twice(b: Bench) -> None:
    root = b.start_thread()
    ts = b.slack.message(
        CHANNEL, "U0ANA", f"{call(b, 7201, 'High memory')} {monitor(2)} {DRAFT}", thread_ts=root, deliver=False
    )["ts"]
    await opened(b, ts)
    view = await until_shown(b, "2 · Monitor High memory")
    typed = {"id.0": {"id": "rec-77"}, "row.2": {TICK: []}}
    first = b.slack.press(view["id"], "U0ANA", CHANGE, typed, "row.1")
    await asyncio.gather(first, b.slack.press(view["id"], "U0ANA", CHANGE, {}, "row.2"))
    await b.control.until(lambda: ": ref" in str(shown(b)).partition("row.1")[2], what="one link's fields")
    await b.handled()
    assert (await submit(b, shown(b)))["errors"] == {}
    await b.card(root, f"Added to {KEY} by Ana")
    assert sorted(rid for _, rid, _ in b.on_case) == ["7201", "rec-77"]


async def test_edit_changes_what_a_card_offers(b: Bench) -> None:
    root, card = await b.offer(1, 2)
    await b.click(card, "insights.edit")
    view = await until_shown(b, TITLE)
    await b.slack.press(view["id"], "U0ANA", CHANGE, {"row.1": {TICK: []}}, "row.0")
    view = await until_shown(b, "1 · Monitor 1: id")
    await submit(b, view, {"id.0": {"id": "111"}})
    await b.card(root, f"Added to {KEY} by Ana")
    assert b.on_case == [("MONITOR", "111", "/monitors/1")]
    assert [option["text"]["text"] for option in options(b.cards(root)[0])] == ["Monitor · 2"]


async def test_where_the_bot_is_not_in_the_channel_the_card_lives_in_the_persons_messages(b: Bench) -> None:
    b.slack.add_channel(id="C0ELSE", name="elsewhere", members={"U0ANA"})
    ts = b.slack.message("C0ELSE", "U0ANA", monitor(5))["ts"]
    view = await opened(b, ts, channel="C0ELSE")
    assert (await submit(b, view, {"key": {"key": KEY}}))["errors"] == {}
    await b.control.until(lambda: f"Added to {KEY} by Ana" in said_in(b, "D0ANA"), what="the card in direct messages")
    assert "Shown here, because the bot is not in that channel: type `/invite @Case Insights` there" in said_in(
        b, "D0ANA"
    )
    assert f"from Ana ({b.slack.permalink('C0ELSE', ts)})" in said_in(b, "D0ANA", as_text)
    assert [rid for _, rid, _ in b.on_case] == ["5"]


async def test_a_link_without_an_insight_goes_into_the_case_s_comment(b: Bench) -> None:
    root = b.start_thread(f"{CASE_LINK} {LOGS}")
    await b.handled()
    await opened(b, root)
    view = await until_shown(b, "1 · Log search service:api, as a link in the case's comment")
    await submit(b, view, {"key": {"key": KEY}})
    assert (await b.answer_to("U0ANA")).startswith(f"Adding 1 link to {KEY}.")
    await comment_is_due(b)
    await b.card(root, f"Added to {KEY} by Ana")
    [text] = b.datadog.cases[KEY].comments
    assert f"- Log search `service:api`: <{LOGS}>, added by `Ana`" in text


async def test_a_locked_database_loses_no_input(b: Bench) -> None:
    root = b.start_thread()
    ts = b.slack.message(CHANNEL, "U0ANA", monitor(1), thread_ts=root, deliver=False)["ts"]
    await b.handled()
    await opened(b, ts)
    view = await until_shown(b, TITLE)
    with b.locked_database():
        assert (await submit(b, view))["errors"]["key"].startswith("Not saved")
    assert (await submit(b, view))["errors"] == {}
    await b.card(root, f"Added to {KEY} by Ana")


async def test_the_modal_opens_in_time_while_slack_and_datadog_hang(b: Bench) -> None:
    root = b.start_thread()
    await b.handled()
    b.control.rule("slack", "users.info", hold="before")
    b.control.rule("datadog", GET, hold="before")
    ts = b.slack.message(CHANNEL, "U0BEN", monitor(1), thread_ts=root, deliver=False)["ts"]
    view = await opened(b, ts)
    assert "monitors/1" in str(view)
    b.control.clear_rules()
    b.control.release()
