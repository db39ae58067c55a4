"""News for people who have stopped looking: a late failure is said in the thread, once; a lost card comes anew."""

from typing import Any

from tests.e2e.bench import CHANNEL, PUT, Bench, as_read, monitor, options

LATE = "Could not add 1 insight to CASEM-4523 for Ana: Monitor 1."


async def confirmed_long_ago(b: Bench, *, deleted: bool = False) -> str:
    """Ana pressed Add three minutes ago, Datadog did not answer, and the next try fails for good; the root.

    `deleted`: somebody deletes the card just before it shows that.
    """
    root, card = await b.offer(1)
    b.control.rule("datadog", PUT, status=500, times=1)
    b.datadog.may_write = False
    await b.click(card, "insights.add")
    await b.control.until(lambda: any(call.status == 500 for call in b.calls(PUT)), what="the first try")
    if deleted:
        await b.handled()
        b.control.rule("slack", "chat.update", hold="before", times=1)
    await b.age_confirmations(180)
    if deleted:
        await b.held("chat.update")
        b.slack.delete(CHANNEL, card["ts"])
        b.control.release()
    return root


def late(b: Bench, root: str) -> list[dict[str, Any]]:
    return [card for card in b.cards(root) if card["text"].startswith(LATE)]


async def test_who_confirmed_is_told_once_in_the_thread_when_it_fails_late(b: Bench) -> None:
    root = await confirmed_long_ago(b)
    await b.control.until(lambda: late(b, root), what="a reply")
    await b.handled()
    card, reply = b.cards(root)
    assert "Datadog refused (403)" in as_read(card)
    assert "Datadog refused (403)" in reply["text"]

    b.datadog.may_write = True
    await b.click(card, "insights.retry")
    await b.control.until(lambda: "Added to CASEM-4523 by Ana" in as_read(b.cards(root)[0]), what="the retry")
    await b.handled()
    assert len(b.cards(root)) == 2


async def test_the_late_reply_links_to_the_card_that_took_the_place_of_a_deleted_one(b: Bench) -> None:
    root = await confirmed_long_ago(b, deleted=True)
    await b.control.until(lambda: late(b, root), what="a reply")
    [reply] = late(b, root)
    [card] = [card for card in b.cards(root) if card["ts"] != reply["ts"]]
    assert f"/p{card['ts'].replace('.', '')}?" in reply["text"]
    b.datadog.may_write = True
    await b.click(card, "insights.retry")
    await b.control.until(lambda: "Added to CASEM-4523 by Ana" in as_read(b.cards(root)[0]), what="the retry")


async def test_killed_between_the_late_reply_and_its_commit_it_is_said_once(own: Bench) -> None:
    root = await confirmed_long_ago(own)
    async with own.killed_at("chat.postMessage", hold="after"):
        pass
    assert len(late(own, root)) == 1, "Slack has posted it"
    searched = len(own.calls("conversations.replies"))
    await own.start()
    await own.control.until(
        lambda: len(own.calls("conversations.replies")) > searched, timeout=20, what="the reply to be looked for"
    )
    await own.handled()
    assert len(late(own, root)) == 1
    assert len(own.calls("chat.postMessage")) == 2


async def test_what_became_of_a_card_that_was_deleted_is_said_in_a_new_reply(b: Bench) -> None:
    root, card = await b.offer(1)
    b.control.rule("datadog", PUT, hold="before", times=1)
    await b.click(card, "insights.add")
    await b.held(PUT)
    b.slack.delete(CHANNEL, card["ts"])
    b.control.release()
    new = await b.card(root, "Added to CASEM-4523 by Ana")
    await b.handled()
    assert new["ts"] != card["ts"]
    assert len(b.cards(root)) == 1
    assert len(b.on_case) == 1


async def test_after_an_offer_was_deleted_later_links_get_a_new_card_of_their_own(b: Bench) -> None:
    root, card = await b.offer(1)
    await b.handled()
    b.slack.delete(CHANNEL, card["ts"])
    await b.handled()
    b.reply(root, monitor(2))
    new = await b.card(root, "Add 1 insight")
    assert [option["text"]["text"] for option in options(new)] == ["Monitor · 2"]
    b.reply(root, f"again: {monitor(1)}")
    new = await b.card(root, "Add 2 insights")
    assert len(b.cards(root)) == 1


async def test_a_link_that_joined_a_card_while_it_was_deleted_gets_a_new_card(b: Bench) -> None:
    root, card = await b.offer(1)
    await b.handled()
    b.control.rule("slack", "chat.update", hold="before", times=1)
    b.reply(root, monitor(2))
    await b.held("chat.update")
    b.slack.delete(CHANNEL, card["ts"])
    b.control.release()
    new = await b.card(root, "Add 1 insight")
    assert [option["text"]["text"] for option in options(new)] == ["Monitor · 2"]
