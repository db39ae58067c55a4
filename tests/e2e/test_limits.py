"""Limits: what one message, one poster in a thread, and one process can cause, and how to get the rest."""

from sqlalchemy import select, update

from bot.sandbox.render import as_text
from bot.store import schema
from tests.e2e.bench import CASE_LINK, CHANNEL, GET, KEY, Bench, monitor, options

MONITOR = "GET /api/v1/monitor/{resource_id}"


def monitors(first: int, last: int) -> str:
    return " ".join(monitor(number) for number in range(first, last + 1))


async def a_minute_later(b: Bench) -> None:
    """As if what is in Slack had been posted a minute earlier; what waits for its turn looks again."""
    at = schema.cards.c.ts
    async with b.transaction() as tx:
        for ts in (await tx.execute(select(at).where(at.is_not(None)))).scalars():
            await tx.execute(update(schema.cards).where(at == ts).values(ts=f"{float(ts) - 60:.6f}"))
        await tx.execute(update(schema.jobs).values(due_at=0.0))


async def test_of_a_message_with_hundreds_of_links_two_cards_are_offered_and_a_scan_offers_more(b: Bench) -> None:
    """K39."""
    root = b.start_thread()
    b.reply(root, monitors(1, 100))
    last = await b.card(root, "60 more links are not offered yet: @Case Insights scan in the thread offers the next 40")
    await b.handled()
    assert [len(options(card)) for card in b.cards(root)] == [20, 20]
    await b.click(last, "insights.dismiss")
    await b.card(root, "60 more links", within=5)  # also when all that was offered is decided

    b.slack.mention(CHANNEL, "U0ANA", "scan", thread_ts=root)
    await b.card(root, "20 more links are not offered yet: @Case Insights scan in the thread offers them")
    await b.handled()
    assert sorted(len(options(card)) for card in b.cards(root)) == [0, 20, 20, 20]
    b.slack.mention(CHANNEL, "U0BEN", "scan", thread_ts=root)
    await b.control.until(lambda: len(b.cards(root)) == 5, what="the third lot")
    await b.handled()
    assert not any("more links" in as_text(card) for card in b.cards(root))


async def test_one_poster_gets_six_cards_and_sixty_look_ups_a_minute_in_a_thread_and_the_rest_later(b: Bench) -> None:
    first = 50_000  # the bot remembers names, and that there are none
    root = b.start_thread()
    await b.handled()
    for number in range(8):
        b.reply(root, monitors(first + 20 * number, first + 20 * number + 19))
    await b.control.until(lambda: len(b.cards(root)) == 6, what="six cards")
    await b.handled()
    assert len(b.cards(root)) == 6
    assert 20 <= len(b.calls(MONITOR)) <= 60
    b.reply(root, monitor(900), "U0BEN")
    await b.card(root, "Add 1 insight to")  # nobody else waits
    await a_minute_later(b)
    await b.control.until(lambda: len(b.cards(root)) == 9, what="the rest")


async def test_a_root_that_names_hundreds_of_cases_asks_for_ten(b: Bench) -> None:
    named = " ".join(f"https://app.datadoghq.com/cases/MANY-{number}" for number in range(1, 301))
    root = b.start_thread(f"{CASE_LINK} {named}")
    b.reply(root, monitor(1))
    await b.card(root, f"Add 1 insight to {KEY}")
    assert len(b.calls(GET)) == 10


async def test_a_root_that_is_edited_again_and_again_asks_for_the_cases_of_its_last_text_alone(b: Bench) -> None:
    def named(word: str) -> str:
        return " ".join(f"https://app.datadoghq.com/cases/{word}-{number}" for number in range(1, 11))

    root = b.start_thread(named("FIRST"))
    for number, word in enumerate(("SECOND", "THIRD", "FOURTH", "LAST"), 1):
        b.reply(root, monitor(number), "U0BEN")
        await b.handled()
        b.slack.edit(CHANNEL, root, named(word))
        await b.handled()
    assert len(b.calls(GET)) == 10
    async with b.transaction() as tx:  # the ten seconds are over
        await tx.execute(update(schema.ties).values(at=schema.ties.c.at - 60))
        await tx.execute(update(schema.jobs).values(due_at=0.0))
    await b.control.until(lambda: len(b.calls(GET)) == 20, what="the look-ups of the last text")
    assert all("LAST" in call.path for call in b.calls(GET)[10:])
    b.slack.edit(CHANNEL, root, CASE_LINK)
    await b.card(root, f"Add 4 insights to {KEY}", within=5)


async def test_however_many_threads_get_a_link_few_roots_are_read_at_once(b: Bench) -> None:
    at_once, threads = 8, 24
    roots = [b.slack.message(CHANNEL, "U0BEN", "Slow", deliver=False)["ts"] for _ in range(threads)]
    b.control.rule("slack", "conversations.replies", hold="before")
    for root in roots:
        b.reply(root, monitor(1))
    await b.control.until(lambda: b.slack.transport.undelivered == 0, what="all to be acknowledged")
    await b.control.until(lambda: len(b.control.held()) == at_once, what="the first roots")
    assert len(b.calls("conversations.replies")) == at_once
    b.control.clear_rules()
    b.control.release()
    await b.control.until(lambda: len(b.calls("conversations.replies")) == threads, what="the others")
