"""Ties that people make: a card asks in an untied thread, once, and what was pasted before is offered then."""

from typing import Any

from tests.e2e.bench import CASE_LINK, CHANNEL, KEY, Bench, as_read, monitor, options
from tests.e2e.test_commands import ask


async def test_a_reply_with_a_case_asks_once_and_a_yes_offers_what_came_before(b: Bench) -> None:
    root = b.start_thread("The API is slow")
    b.reply(root, monitor(1))
    b.reply(root, f"this is {CASE_LINK}", "U0BEN")
    asking = await b.card(root, f"Tie this thread to {KEY}, Memory leak investigation on API?")
    b.reply(root, f"or {CASE_LINK}?")
    await b.handled()
    assert len(b.cards(root)) == 1

    await b.slack.click(CHANNEL, asking["ts"], "tie.yes", "U0BEN")
    card = await b.card(root, "Add 1 insight")
    assert [option["text"]["text"] for option in options(card)] == ["Monitor · 1"]
    await b.handled()
    assert f"Tied to {KEY} by Ben" in as_read(b.cards(root)[0])
    b.reply(root, monitor(2))
    await b.card(root, "Add 2 insights")


async def test_no_is_remembered_and_nobody_is_asked_again(b: Bench) -> None:
    root = b.start_thread("The API is slow")
    b.reply(root, CASE_LINK)
    asking = await b.card(root, "Tie this thread")
    await b.slack.click(CHANNEL, asking["ts"], "tie.no", "U0BEN")
    await b.card(root, "Not tied: Ben said no.")
    b.reply(root, f"{CASE_LINK} {monitor(1)}")
    await b.handled()
    assert len(b.cards(root)) == 1


async def test_a_thread_that_is_untied_is_silent_and_its_offer_goes(b: Bench) -> None:
    root, card = await b.offer(1)
    await choose(b, card, "Untie this thread")
    await b.control.until(lambda: "Ana untied this thread" in said(b, root), what="the announcement")
    b.reply(root, monitor(2))
    await b.handled()
    assert "Nothing to add here any more" in as_read(b.cards(root)[0])
    assert len(b.cards(root)) == 1


async def test_off_is_said_in_the_open_with_the_way_back(b: Bench) -> None:
    root, card = await b.offer(1)
    await choose(b, card, "Off in this thread")
    await b.control.until(lambda: "Ana turned watching off in this thread." in said(b, root), what="the announcement")
    b.reply(root, monitor(2))
    await b.handled()
    assert len(options(b.cards(root)[0])) == 1
    announcement = next(one for one in b.slack.thread(CHANNEL, root) if "turned watching off" in as_read(one))
    await b.slack.click(CHANNEL, announcement["ts"], "mode.ask", "U0BEN")
    on = await b.control.until(
        lambda: announced(b, root, "Ben chose “Ask first” for this thread"), what="the announcement"
    )
    b.reply(root, monitor(3))
    await b.card(root, "Add 2 insights")
    await b.slack.click(CHANNEL, on["ts"], "mode.off", "U0ANA")
    await b.control.until(lambda: said(b, root).count("Ana turned watching off") == 2, what="the second announcement")


async def test_a_tie_that_was_said_is_taken_back_where_it_was_said(b: Bench) -> None:
    root = b.start_thread("The API is slow")
    b.slack.mention(CHANNEL, "U0ANA", f"tie {KEY}", thread_ts=root)
    tied = await b.control.until(lambda: announced(b, root, "Ana tied this thread"), what="the announcement")
    await b.slack.click(CHANNEL, tied["ts"], "tie.undo", "U0BEN")
    await b.control.until(lambda: announced(b, root, "Ben untied this thread"), what="the untying")


async def test_private_channels_are_watched_like_public_ones(b: Bench) -> None:
    b.slack.add_channel(id="G0WAR", name="war-room", is_private=True, members={"U0ANA"})
    b.slack.join("G0WAR")
    root = b.slack.message("G0WAR", "U0ANA", "The API is slow, older than the bot")["ts"]
    b.slack.message("G0WAR", "U0ANA", f"{CASE_LINK} {monitor(1)}", thread_ts=root)

    def card(words: str) -> dict[str, Any] | None:
        replies = [each.message for each in b.slack.conversations.replies("G0WAR", root)]
        return next((each for each in replies if words in as_read(each) and each.get("metadata")), None)

    asked = await b.control.until(lambda: card("Tie this thread"), what="the question")
    await b.slack.click("G0WAR", asked["ts"], "tie.yes", "U0ANA")
    offered = await b.control.until(lambda: card("Add 1 insight"), what="a card")
    await b.slack.click("G0WAR", offered["ts"], "insights.add", "U0ANA")
    added = await b.control.until(lambda: card(f"Added to {KEY} by Ana"), what="the insight")
    assert (await b.slack.click("G0WAR", added["ts"], "case.open", "U0ANA"))["acknowledged"]


async def test_auto_adds_at_once_what_a_member_pastes_and_asks_about_the_rest(b: Bench) -> None:
    root = b.start_thread()
    b.reply(root, monitor(1))
    await choose(b, await b.card(root, "Add 1 insight"), "Always add in this thread")
    words = "chose “Always add” for this thread"
    await b.control.until(lambda: words in said(b, root), what="the announcement")
    root_card = b.cards(root)[0]
    await b.click(root_card, "insights.dismiss")
    await b.card(root, "Dismissed by Ana")
    b.reply(root, monitor(2), "U0BEN")
    added = await b.card(root, f"Added to {KEY} by Ben")
    await b.handled()
    assert [resource for _, resource, _ in b.on_case] == ["2"]
    b.reply(root, monitor(3), "U0GUEST")
    await b.card(root, "Add 1 insight")
    b.reply(root, monitor(4), "U0DATADOG")
    await b.card(root, "Add 2 insights")
    await b.click(added, "insights.undo", "U0BEN")
    await b.control.until(lambda: b.on_case == [], what="the undo")


async def test_auto_adds_nothing_to_a_case_that_a_guest_chose_by_a_root_or_its_edit(b: Bench) -> None:
    other = b.datadog.add_case("OTHER-1", "Something else")
    b.slack.join(CHANNEL, "U0GUEST")
    await b.slack.command(CHANNEL, "U0ANA", "/insight", "mode auto")
    root = b.slack.message(CHANNEL, "U0GUEST", f"see {CASE_LINK}")["ts"]
    b.reply(root, monitor(1))
    card = await b.card(root, f"Add 1 insight to {KEY}")
    await b.click(card, "insights.add")
    await b.card(root, f"Added to {KEY} by Ana")
    b.slack.edit(CHANNEL, root, "see https://app.datadoghq.com/cases/OTHER-1")
    await b.card(root, "Add 1 insight to OTHER-1")
    b.reply(root, monitor(2))
    await b.card(root, "Add 2 insights to OTHER-1")
    assert (len(b.on_case), other.insights) == (1, [])


def announced(b: Bench, root: str, words: str) -> dict[str, Any] | None:
    return next((one for one in b.slack.thread(CHANNEL, root) if words in as_read(one)), None)


def said(b: Bench, root: str) -> str:
    return "\n".join(as_read(message) for message in b.slack.thread(CHANNEL, root))


async def choose(b: Bench, card: dict[str, object], words: str, as_user: str = "U0ANA") -> None:
    """Choose this in a card's overflow menu."""
    menus = [one for block in card["blocks"] for one in block.get("elements", []) if one["type"] == "overflow"]  # type: ignore[attr-defined]
    value = next(option["value"] for option in menus[0]["options"] if option["text"]["text"] == words)
    await b.slack.click(CHANNEL, card["ts"], "insights.more", as_user, option=value)  # type: ignore[arg-type]


async def test_who_names_a_case_that_datadog_does_not_know_is_told_once_and_status_and_why_say_so(b: Bench) -> None:
    b.slack.join(CHANNEL, "U0GUEST")
    links = "https://app.datadoghq.com/cases/NOPE-1"
    roots = {user: b.slack.message(CHANNEL, user, f"see {links}")["ts"] for user in ("U0ANA", "U0GUEST")}
    for root in roots.values():
        b.reply(root, monitor(1))
        b.reply(root, monitor(2), "U0BEN")
    assert (await b.answer_to("U0ANA")).startswith("Datadog knows no case NOPE-1, or the bot may not see it.")
    await b.handled()
    b.reply(roots["U0ANA"], monitor(3))
    await b.handled()
    assert len(b.private("U0ANA")) == 1
    assert b.private("U0GUEST") == [], "who is told of no case is told of none that does not exist"
    there = b.slack.permalink(CHANNEL, roots["U0ANA"])
    assert "Its first message names NOPE-1, which Datadog does not know." in await ask(b, f"status in {there}")
    assert "Its thread's first message names NOPE-1, which Datadog does not know" in await ask(b, f"why {there}")


async def test_a_root_that_names_another_case_offers_nothing_of_a_link_that_it_dropped(b: Bench) -> None:
    b.datadog.add_case("PLAT-7", "Disk full")
    b.start_thread("see https://app.datadoghq.com/cases/PLAT-7")  # so that this case is known at once
    root = b.start_thread(f"{CASE_LINK} {monitor(1)}")
    await b.card(root, "Add 1 insight")
    b.slack.edit(CHANNEL, root, f"https://app.datadoghq.com/cases/PLAT-7 {monitor(2)}")
    await b.card(root, "Add 1 insight to PLAT-7")
    await b.handled()
    posted = [str(call.arguments) for call in b.control.calls if call.method in ("chat.postMessage", "chat.update")]
    assert [shown for shown in posted if "PLAT-7" in shown and "Monitor · 1" in shown] == []
