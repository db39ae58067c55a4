"""Mentions: act on their thread, once, and answer in private."""

from bot.sandbox.render import as_text
from tests.e2e.bench import CHANNEL, KEY, Bench, monitor

ACK = "chat.postEphemeral"


async def test_a_mention_with_a_link_has_one_effect(b: Bench) -> None:
    """K21: it arrives as `message` and as `app_mention`."""
    root = b.start_thread()
    b.slack.mention(CHANNEL, "U0ANA", f"add {monitor(1)}", thread_ts=root)
    card = await b.card(root, f"Added to {KEY} by Ana")
    its_card = f"<{b.slack.permalink(CHANNEL, card['ts'])}|the card>"
    assert await b.answer_to("U0ANA") == f"Adding 1 insight to {KEY}. See {its_card} for the result."
    await b.handled()
    assert len(b.cards(root)) == 1
    assert [resource for _, resource, _ in b.on_case] == ["1"]


async def test_a_mention_while_the_database_is_locked_is_carried_out_when_slack_repeats_it(b: Bench) -> None:
    root = b.start_thread("The API is slow")
    await b.handled()
    with b.locked_database():
        b.slack.mention(CHANNEL, "U0ANA", f"tie {KEY}", thread_ts=root)
        await b.control.until(lambda: b.slack.transport.undelivered > 0, what="the event")
        await b.control.until(lambda: "store.failed" in b.log, what="the failure")

    def is_announced() -> bool:
        return any(f"Ana tied this thread to {KEY}." in as_text(one) for one in b.slack.thread(CHANNEL, root))

    await b.control.until(is_announced, what="the announcement")


async def test_a_scan_reads_the_thread_and_makes_one_card(b: Bench) -> None:
    root = b.slack.message(CHANNEL, "U0ANA", "Long ago", deliver=False)["ts"]
    for number in range(1, 251):
        text = monitor(number) if number % 50 == 0 else f"remark {number}"
        b.slack.message(CHANNEL, "U0BEN", text, thread_ts=root, deliver=False)
    b.slack.mention(CHANNEL, "U0ANA", f"tie {KEY}", thread_ts=root)
    await b.card(root, "Add 3 insights")  # those of the first 200 messages
    b.control.rule("slack", "conversations.replies", status=429, headers={"Retry-After": "1"}, times=2)
    b.slack.mention(CHANNEL, "U0ANA", "scan", thread_ts=root)
    await b.card(root, "Add 5 insights")
    await b.control.until(lambda: any("2 new links" in said for said in b.private("U0ANA")), what="the scan's end")
    await b.handled()
    assert len(b.cards(root)) == 1
    pages = [call for call in b.calls("conversations.replies") if call.status == 200]
    assert len(pages) >= 5
