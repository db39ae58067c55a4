"""Messages that change: links that come and go, previews, deletions."""

from tests.e2e.bench import CHANNEL, PUT, Bench, boxes, monitor, options


async def test_a_link_that_an_edit_adds_joins_the_card(b: Bench) -> None:
    """K4."""
    root = b.start_thread()
    ts = b.reply(root, monitor(1))
    first = await b.card(root, "Add 1 insight")
    b.slack.edit(CHANNEL, ts, f"{monitor(1)} and {monitor(2)}")
    both = await b.card(root, "Add 2 insights")
    assert both["ts"] == first["ts"]
    assert set(boxes(first)) < set(boxes(both)), "a new group: the old one keeps people's ticks"


async def test_a_deleted_message_takes_its_offer_back(b: Bench) -> None:
    """K17."""
    root = b.start_thread()
    ts = b.reply(root, monitor(1))
    card = await b.card(root, "Add 1 insight")
    b.slack.delete(CHANNEL, ts)
    await b.card(root, "The links left their messages.")
    await b.click(card, "insights.add", late=True)
    await b.handled()
    assert b.calls(PUT) == []


async def test_a_root_that_is_edited_to_another_case_takes_its_offers_there(b: Bench) -> None:
    b.datadog.add_case("PLAT-7", "Disk full")
    root = b.start_thread()
    b.reply(root, monitor(1))
    await b.card(root, "Add 1 insight to CASEM-4523")
    b.slack.edit(CHANNEL, root, "see https://app.datadoghq.com/cases/PLAT-7")
    card = await b.card(root, "Add 1 insight to PLAT-7, Disk full?")
    await b.click(card, "insights.add")
    await b.card(root, "Added to PLAT-7")
    assert b.on_case == []


async def test_attachments_broadcasts_and_files_bring_links_too(b: Bench) -> None:
    """K5."""
    root = b.start_thread()
    alert = {"title": "High memory", "title_link": monitor(1)}
    b.reply(root, "Monitor alert", as_user="U0DATADOG", attachments=[alert])
    b.reply(root, monitor(2), broadcast=True)
    b.reply(root, monitor(3), files=[{"id": "F1", "name": "graph.png"}])
    assert len(options(await b.card(root, "Add 3 insights"))) == 3
