"""Cards are where people look: a link far below its thread's card gets one at the bottom."""

import re

import pytest

from bot.sandbox.control import Json
from bot.sandbox.render import as_text
from tests.e2e.bench import CHANNEL, KEY, Bench, monitor, options

MOVED = ("conversations.replies", "chat.postMessage", "chat.update")
"""The calls to Slack that a link far below its card costs: the first only where the bot may not have seen all."""


def chat(b: Bench, root: str, messages: int = 6) -> None:
    for number in range(messages):
        b.reply(root, f"still looking ({number})", ("U0ANA", "U0BEN")[number % 2])


def made(b: Bench, before: int) -> list[str]:
    return [call.method for call in b.control.calls[before:] if call.method in MOVED]


async def continued(b: Bench, root: str) -> tuple[Json, Json]:
    """The thread's two cards, once the old one links to the new one."""

    def both() -> tuple[Json, Json] | None:
        old, *new = b.cards(root)
        link = re.search(r"<(\S+)\|Continued below>", str(old["blocks"]))
        if not new or not link:
            return None
        assert link[1] == b.slack.permalink(CHANNEL, new[0]["ts"])
        return old, new[0]

    return await b.control.until(both, timeout=20, what="a card that links to its continuation")


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_link_far_below_its_card_gets_one_at_the_bottom_for_a_call_more(own: Bench, *, restarted: bool) -> None:
    root, old = await own.offer(1)
    chat(own, root)
    await own.handled()
    if restarted:
        await own.restart()
    before = len(own.control.calls)
    own.reply(root, monitor(2), "U0BEN")
    await own.card(root, "Add 2 insights")
    shown, new = await continued(own, root)
    await own.handled()
    assert made(own, before) == [*(MOVED[:1] if restarted else []), *MOVED[1:]]
    assert (shown["ts"], options(shown)) == (old["ts"], [])
    assert [one["text"]["text"] for one in options(new)] == ["Monitor · 1", "Monitor · 2"]


@pytest.mark.parametrize(("chatted", "linked"), [(5, 1), (0, 12)], ids=["five messages", "a burst of links"])
async def test_a_link_near_its_card_joins_it_and_asks_nobody(own: Bench, chatted: int, linked: int) -> None:
    root, _ = await own.offer(1)
    chat(own, root, chatted)
    await own.handled()
    before = len(own.control.calls)
    for number in range(2, 2 + linked):
        own.reply(root, monitor(number), ("U0ANA", "U0BEN")[number % 2])
    await own.card(root, f"Add {1 + linked} insights")
    await own.handled()
    assert len(own.cards(root)) == 1
    assert set(made(own, before)) == {"chat.update"}


AROUND = pytest.mark.parametrize(
    "hold", [{"hold": "before", "drop": "before"}, {"hold": "after"}], ids=["lost", "came"]
)


@AROUND
@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
async def test_killed_while_a_card_moves_down_nothing_is_shown_twice_or_lost(b: Bench, method: str, hold: Json) -> None:
    root, _ = await b.offer(1)
    chat(b, root)
    await b.handled()
    async with b.killed_at(method, **hold):
        b.reply(root, monitor(2))
    await b.start()
    shown, new = await continued(b, root)
    await b.handled()
    assert len(b.cards(root)) == 2
    assert (len(options(shown)), len(options(new))) == (0, 2)
    await b.click(new, "insights.add")
    await b.card(root, f"Added to {KEY} by Ana")


async def test_a_click_on_the_old_card_while_the_new_one_is_on_its_way_adds_what_is_ticked(b: Bench) -> None:
    root, old = await b.offer(1, 2)
    chat(b, root)
    await b.handled()
    b.control.rule("slack", "chat.postMessage", hold="before", times=1)
    b.reply(root, monitor(3))
    await b.held("chat.postMessage")
    await b.tick(old, "U0ANA", 1)
    await b.click(old, "insights.add")
    b.control.release()
    new = await b.card(root, f"Added to {KEY} by Ana")
    assert b.on_case == [("MONITOR", "1", "/monitors/1")]
    assert [one["text"]["text"] for one in options(new)] == ["Monitor · 2", "Monitor · 3"]


async def test_mode_auto_shows_what_it_adds_near_the_message_and_a_command_links_to_the_card(b: Bench) -> None:
    root, first = await b.offer(1)
    assert await b.slack.command(CHANNEL, "U0ANA", "/insight", f"mode auto in {b.slack.permalink(CHANNEL, root)}")
    chat(b, root)
    await b.handled()
    ts = b.reply(root, monitor(2))
    card = await b.card(root, f"Added to {KEY} by Ana")
    assert first["ts"] < ts < card["ts"]
    before = len(b.private("U0ANA"))
    await b.slack.command(CHANNEL, "U0ANA", "/insight", f"add {monitor(3)} in {b.slack.permalink(CHANNEL, root)}")
    await b.control.until(lambda: len(b.private("U0ANA")) > before, timeout=20, what="an answer")
    link = re.search(r"See <(\S+)\|the card> for the result\.", b.private("U0ANA")[-1])
    assert link
    shown = next(one for one in b.cards(root) if b.slack.permalink(CHANNEL, one["ts"]) == link[1])
    await b.control.until(lambda: "Monitor 3" in as_text(next(c for c in b.cards(root) if c["ts"] == shown["ts"])))
