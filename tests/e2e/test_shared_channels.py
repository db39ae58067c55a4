"""Channels that are shared with other organisations: silent by default, and without names where they are watched."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import update

from bot.sandbox.render import as_text
from bot.store import schema
from tests.e2e.bench import CASE_LINK, KEY, PUT, TITLE, Bench, bench, monitor, options
from tests.e2e.test_commands import said_in
from tests.e2e.test_limits import a_minute_later
from tests.e2e.test_modal import submit, until_shown
from tests.e2e.test_new_case import NEW

SHARED = "C0SHARED"
KNOWN = 17131362
"""A monitor that the sandbox's Datadog has a name for."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def watching(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    settings = {"CASE_INSIGHTS_SHARED_CHANNELS": "on"}
    async with bench(tmp_path_factory.mktemp("shared"), settings=settings) as built:
        yield built


async def test_by_default_nothing_is_watched_and_what_is_added_on_purpose_is_shown_to_that_person_alone(
    b: Bench,
) -> None:
    root = b.slack.message(SHARED, "U0ANA", f"see {CASE_LINK}")["ts"]
    b.slack.message(SHARED, "U0ANA", monitor(1), thread_ts=root)
    await b.handled()
    said = await b.slack.command(SHARED, "U0ANA", "/insight", f"add {monitor(KNOWN)} to {KEY}")
    assert said["acknowledged"]
    await b.control.until(lambda: f"Added to {KEY} by Ana" in said_in(b, "D0ANA"), what="the card in direct messages")
    assert b.datadog.resources.by_kind["monitor"][str(KNOWN)]["name"] in said_in(b, "D0ANA")
    assert said_in(b, SHARED) == ""


@pytest.mark.parametrize("words", ["add {link} to {key} in {there}", "scan in {there}", "tie {key} in {there}"])
async def test_a_command_asks_whose_channel_it_is_before_it_posts_there(own: Bench, words: str) -> None:
    """No event has told it: the bot was invited a moment ago."""
    root = own.slack.message(SHARED, "U0ANA", f"see {CASE_LINK}", deliver=False)["ts"]
    own.slack.message(SHARED, "U0ANA", monitor(1), thread_ts=root, deliver=False)
    there = own.slack.permalink(SHARED, root)
    filled = words.format(link=monitor(KNOWN), key=KEY, there=there)
    await own.slack.command("C0GENERAL", "U0ANA", "/insight", filled)
    await own.answer_to("U0ANA")
    await own.handled()
    assert len(own.slack.thread(SHARED, root)) == 2


async def test_a_card_that_was_held_up_is_not_posted_where_other_organisations_came_meanwhile(own: Bench) -> None:
    root = own.slack.message("C0GENERAL", "U0ANA", f"see {CASE_LINK}")["ts"]
    await own.handled()
    own.control.rule("slack", "chat.postMessage", status=429, headers={"Retry-After": "2"}, times=1)
    own.slack.message("C0GENERAL", "U0ANA", monitor(1), thread_ts=root)
    await own.control.until(lambda: own.calls("chat.postMessage"), what="the refused post")
    own.slack.workspace.channels["C0GENERAL"].is_ext_shared = True
    await own.control.until(lambda: own.calls("conversations.info"), what="the question whose channel it is")
    await own.handled()
    assert len(own.slack.thread("C0GENERAL", root)) == 2


async def test_a_card_that_waited_for_its_turn_is_not_posted_where_other_organisations_came_meanwhile(
    own: Bench,
) -> None:
    root = own.slack.message("C0GENERAL", "U0ANA", f"see {CASE_LINK}")["ts"]
    for first in range(1, 160, 20):
        own.slack.message("C0GENERAL", "U0ANA", " ".join(map(monitor, range(first, first + 20))), thread_ts=root)
    await own.control.until(lambda: len(own.calls("chat.postMessage")) == 6, what="the cards of a minute")
    await own.handled()
    assert own.calls("conversations.info") == [], "the usual card costs no such call"
    own.slack.workspace.channels["C0GENERAL"].is_ext_shared = True
    async with own.transaction() as tx:
        older = schema.cards.c.first_link_at - 61
        await tx.execute(update(schema.cards).where(schema.cards.c.ts.is_(None)).values(first_link_at=older))
    await a_minute_later(own)
    await own.control.until(lambda: own.calls("conversations.info"), what="the question whose channel it is")
    await own.handled()
    assert len(own.calls("chat.postMessage")) == 6


async def test_a_channel_that_is_shared_no_more_is_watched_again(own: Bench) -> None:
    """K40."""
    b = own
    root = b.slack.message(SHARED, "U0ANA", f"see {CASE_LINK}")["ts"]
    b.slack.message(SHARED, "U0ANA", monitor(1), thread_ts=root)
    await b.handled()
    assert b.calls("chat.postMessage") == []
    b.slack.workspace.channels[SHARED].is_ext_shared = False
    b.slack.message(SHARED, "U0ANA", monitor(2), thread_ts=root)
    await b.control.until(lambda: b.calls("chat.postMessage"), what="a card")


async def test_where_it_is_watched_a_new_case_is_told_without_its_title_and_without_who_wanted_it(
    watching: Bench,
) -> None:
    b = watching
    root = b.slack.message(SHARED, "U0ANA", "Acquisition of Globex is slow")["ts"]
    await b.slack.shortcut(SHARED, root, "U0ANA", "create_case")
    await submit(b, await until_shown(b, "project.known"))
    words = f"Someone created {NEW} (https://app.datadoghq.com/cases/{NEW}) and tied this thread to it."
    await b.control.until(lambda: words in as_text(b.slack.thread(SHARED, root)[-1]), what=words)


async def test_where_it_is_watched_cards_have_no_names_and_no_titles(watching: Bench) -> None:
    b = watching
    root = b.slack.message(SHARED, "U0ANA", f"see {CASE_LINK}")["ts"]
    b.slack.message(SHARED, "U0STRANGER", monitor(KNOWN), thread_ts=root)

    def found() -> dict[str, object] | None:
        replies = [each.message for each in b.slack.conversations.replies(SHARED, root)]
        return next((each for each in replies if each.get("metadata")), None)

    card = await b.control.until(found, what="a card")
    assert f"Add 1 insight to {KEY}?" in as_text(card)
    assert TITLE not in as_text(card)
    assert [option["text"]["text"] for option in options(card)] == [f"Monitor · {KNOWN}"]
    b.slack.mention(SHARED, "U0STRANGER", "status", thread_ts=root)
    assert (await b.answer_to("U0STRANGER")).startswith("Only full members of Acme can see cases")
    await b.slack.click(SHARED, card["ts"], "insights.add", "U0STRANGER")
    await b.control.until(lambda: "can change" in b.private("U0STRANGER")[-1], what="the refusal")
    await b.handled()
    assert b.calls(PUT) == []
