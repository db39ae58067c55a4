"""What insights are called on a card: as Datadog says, soon or not at all, and never more than words."""

import json
import re
from typing import Any

from bot.sandbox.datadog.resources import EVENT_UID, SIGNAL
from bot.sandbox.render import as_text
from tests.e2e.bench import CASE_LINK, CHANNEL, KEY, PUT, TITLE, Bench, monitor, options

Json = dict[str, Any]

MONITOR = "GET /api/v1/monitor/{resource_id}"
ISSUE = "2841440d-e780-4fe2-96cd-6a8c1d194da5"
WEB = "https://app.datadoghq.com"


def call(b: Bench, number: int, name: str) -> str:
    """Have Datadog call a monitor by this name; its link. Each test takes its own: the bot remembers names."""
    thing = b.datadog.resources.by_kind["monitor"]
    thing[str(number)] = {**thing["17131362"], "id": number, "name": name}
    return monitor(number)


def offered(card: Json) -> list[str]:
    return [option["text"]["text"] for option in options(card)]


async def test_a_card_shows_what_insights_are_called_before_and_after_the_click(b: Bench) -> None:
    root = b.start_thread()
    issue = f"{WEB}/error-tracking/issue/{ISSUE}"
    b.reply(root, f"{call(b, 7001, 'High memory on api')} {issue}")
    card = await b.card(root, "Add 2 insights")
    message = "MemoryError: cannot allocate 512 MiB for the response cache"
    assert offered(card)[0] == "Monitor · High memory on api"
    assert offered(card)[1] == "Error Tracking issue · MemoryError: c…locate 512 MiB for the response cache"

    await b.click(card, "insights.add", "U0BEN")
    await b.card(root, f"Monitor High memory on api · from Ana\n• Error Tracking issue {message} · from Ana")
    await b.handled()
    assert [insight[:2] for insight in b.on_case] == [("MONITOR", "7001"), ("ERROR_TRACKING", ISSUE)]


async def test_every_type_that_datadog_has_a_name_for_shows_it(b: Bench) -> None:
    root = b.start_thread()
    b.reply(
        root,
        f"{WEB}/dashboard/abc-def-ghi/api?fullscreen_widget=21 {WEB}/incidents/421 {WEB}/security?event={SIGNAL} "
        f"{WEB}/event/event?uid={EVENT_UID} https://github.com/acme/api/pull/123/files",
    )
    assert sorted(offered(await b.card(root, "Add 5 insights"))) == [
        "Code change · acme/api#123",
        "Event · Deployed api 4.7.1",
        "Incident · API answers slowly after deploy",
        "Security signal · Many failed logins from one address",
        "Widget · Memory by pod",
    ]


async def test_a_hostile_name_pings_nobody_and_shows_as_it_is(b: Bench) -> None:
    """K24."""
    root = b.start_thread()
    hostile = "<!channel> <@U0BEN> & <https://evil.example|High memory>"
    b.reply(root, call(b, 7002, hostile))
    card = await b.card(root, "Add 1 insight")
    assert offered(card) == [f"Monitor · {hostile}"]
    assert options(card)[0]["text"]["type"] == "plain_text", "Slack reads no markup in it"

    await b.click(card, "insights.add", "U0BEN")
    await b.card(root, "Monitor <!channel> <@U0BEN> & <https://evil.example∣High memory>")
    shown = "&lt;!channel&gt; &lt;@U0BEN&gt; &amp; &lt;https://evil.example|High memory&gt;"
    sent = b.calls("chat.update")[-1].arguments
    assert shown in sent["text"]
    assert all(each not in json.dumps(sent) for each in ("<!channel", "<@U", "<https://evil"))


async def test_a_slow_name_holds_up_no_card_and_comes_with_the_next_update(b: Bench) -> None:
    root = b.start_thread()
    await b.handled()
    b.control.rule("datadog", MONITOR, hold="before")
    link = call(b, 7005, "Slow queries")
    b.reply(root, link)
    asked = await b.held(MONITOR)
    card = await b.card(root, "Add 1 insight")
    [post] = b.calls("chat.postMessage")
    assert post.at - asked.at < 2.0
    assert offered(card) == ["Monitor · 7005"]

    b.control.release()
    await b.handled()
    assert offered(b.cards(root)[0]) == ["Monitor · 7005"], "no update is made for a name alone"
    assert b.calls("chat.update") == []
    await b.click(card, "insights.add")
    await b.card(root, "• Monitor Slow queries · from Ana")
    assert len(b.calls(MONITOR)) == 1


async def test_while_datadog_wants_no_calls_no_name_is_asked_for(own: Bench) -> None:
    root = own.start_thread()
    own.reply(root, call(own, 7020, "Seen before"))
    card = await own.card(root, "Monitor · Seen before")
    own.control.rule("datadog", PUT, status=429, headers={"X-RateLimit-Reset": "30"}, times=1)
    await own.click(card, "insights.add")
    await own.control.until(lambda: [each for each in own.calls(PUT) if each.done], what="the refusal")
    before = len(own.calls(MONITOR))
    own.reply(root, call(own, 7021, "Not seen"))
    card = await own.card(root, "Monitor · 7021")
    await own.handled()
    assert len(own.calls(MONITOR)) == before


async def test_a_guest_who_posts_links_learns_neither_the_cases_title_nor_a_monitors_name(b: Bench) -> None:
    """K38. What a member posts beside is named, and the title stays the guest's to not know until a member clicks."""
    b.slack.join(CHANNEL, "U0GUEST")
    root = b.slack.message(CHANNEL, "U0GUEST", f"see {CASE_LINK}")["ts"]
    b.reply(root, call(b, 7101, "Acquisition of Globex"), "U0GUEST")
    card = await b.card(root, f"Add 1 insight to {KEY}?")
    assert TITLE not in as_text(card)
    assert "Acquisition of Globex" not in as_text(card)
    assert [call.path for call in b.control.calls if "/monitor/" in call.path] == []
    b.reply(root, call(b, 7102, "Disk full on db"), "U0ANA")
    card = await b.card(root, "Add 2 insights")
    assert "Disk full on db" in as_text(card)
    assert "Acquisition of Globex" not in as_text(card)
    assert TITLE not in as_text(card)
    await b.click(card, "insights.add")
    added = await b.card(root, f"Added to {KEY} by Ana")
    assert "Acquisition of Globex" in as_text(added), "a member asked for it"


async def test_a_click_in_another_thread_names_nothing_on_a_guests_card(b: Bench) -> None:
    """Who pressed it there may not even see the guest's thread, where the same link waits."""
    b.slack.join(CHANNEL, "U0GUEST")
    b.slack.add_channel(id="C0BOARD", name="board", is_private=True, members={"U0ANA", "U0CASES"})
    link = call(b, 7103, "Acquisition of Globex")
    root = b.slack.message(CHANNEL, "U0GUEST", f"see {CASE_LINK}")["ts"]
    b.reply(root, f"{link} {monitor(7104)}", "U0GUEST")
    await b.card(root, "Add 2 insights")
    secret = b.slack.message("C0BOARD", "U0ANA", f"see {CASE_LINK}")["ts"]
    b.slack.message("C0BOARD", "U0ANA", link, thread_ts=secret)

    def board() -> Json | None:
        return next((one for one in b.slack.thread("C0BOARD", secret) if "Globex" in as_text(one)), None)

    there = await b.control.until(board, what="the card in the private channel")
    await b.slack.click("C0BOARD", there["ts"], "insights.add", "U0ANA")
    card = await b.card(root, f"Added to {KEY} by Ana")
    assert not any(words in as_text(card) for words in ("Globex", TITLE))


async def test_a_guest_who_names_a_case_in_an_untied_thread_is_asked_without_its_title(b: Bench) -> None:
    """K38."""
    b.slack.join(CHANNEL, "U0GUEST")
    root = b.slack.message(CHANNEL, "U0ANA", "The API is slow")["ts"]
    b.reply(root, f"perhaps {CASE_LINK}", "U0GUEST")
    question = await b.card(root, f"Tie this thread to {KEY}?")
    assert TITLE not in as_text(question)


HOSTILE = "prod_db_main *critical*\n:fire: `x` ~y~ @here #general https://evil.example \x1b[31m\u202ed\u200b\0"
SHOWN = "prod_db_main *critical* :fire: `x` ~y~ @here #general https://evil.example [31m d"


async def test_titles_and_names_of_others_are_one_line_that_does_nothing(own: Bench) -> None:
    own.datadog.cases[KEY].title = HOSTILE
    own.slack.workspace.users["U0ANA"].real_name = "Ana\n*boss* :tada:"
    root = own.start_thread()
    own.reply(root, call(own, 7301, HOSTILE + "\ud83d"))
    card = await own.card(root, f"Add 1 insight to {KEY}")
    assert as_text(card).splitlines()[0] == f"Add 1 insight to {KEY}, {SHOWN}?"
    assert "From Ana ∗boss∗ ∶tada∶'s message" in as_text(card)
    await own.click(card, "insights.add", "U0ANA")
    card = await own.card(root, f"Added to {KEY} by Ana *boss* :tada:")
    assert "Monitor prod_db_main ∗critical∗ ∶fire∶ ˋxˋ ∼y∼ @here #general" in as_text(card)
    for sent in [*own.calls("chat.postMessage"), *own.calls("chat.update")]:
        for block in sent.arguments["blocks"]:
            for text in [block.get("text"), *block.get("elements", [])]:
                if text and text["type"] == "mrkdwn":
                    assert text["verbatim"] is True
                    assert "\n" not in text["text"].replace("\n• ", ""), "lines of the list only"
                    assert not re.search(r"\*critical|:fire|:tada|`x|~y", re.sub(r"<[^<>]*>", "", text["text"]))
