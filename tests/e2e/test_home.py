"""The Home tab: what concerns the channels that a person shares with the bot, and nothing else."""

from typing import Any

from tests.e2e.bench import CHANNEL, KEY, PUT, Bench, monitor
from tests.e2e.test_commands import said_in


async def opened(b: Bench, words: str, as_user: str = "U0ANA") -> Any:
    b.slack.home(as_user)
    return await b.control.until(lambda: _shown(b, as_user, words), what=f"a Home that says {words}")


def _shown(b: Bench, user: str, words: str) -> Any:
    view = b.slack.views.homes.get(user)
    return view if view and words in str(view.given) else None


async def test_home_lists_ties_modes_and_what_was_added_with_the_way_to_it(b: Bench) -> None:
    await b.slack.command(CHANNEL, "U0ANA", "/insight", f"tie {KEY}")
    await b.slack.command(CHANNEL, "U0ANA", "/insight", "mode auto")
    root = b.start_thread(monitor(1))
    await b.card(root, f"Added to {KEY} by Ana")
    view = await opened(b, "Monitor 1")
    said = str(view.given)
    assert f"/cases/{KEY}|{KEY}>" in said
    assert f"Tied: <#{CHANNEL}>" in said
    assert f"Mode auto · <#{CHANNEL}>" in said
    assert "• Monitor 1 added · " in said
    assert "/insight why" in said


async def test_what_failed_is_retried_all_at_once(b: Bench) -> None:
    root = b.start_thread()
    b.reply(root, monitor(9))
    b.control.rule("datadog", PUT, status=400, body={"errors": ["no such monitor"]}, times=1)
    await b.click(await b.card(root, "Add 1 insight"), "insights.add")
    await b.card(root, "no such monitor")
    view = await opened(b, "Retry all failed")
    assert "no such monitor" in str(view.given)
    await b.slack.press(view.id, "U0ANA", "home.retry")
    await b.card(root, f"Added to {KEY} by Ana")


async def test_ties_and_modes_are_taken_back_from_home_and_said_in_the_open(b: Bench) -> None:
    await b.slack.command(CHANNEL, "U0ANA", "/insight", f"tie {KEY}")
    await b.slack.command(CHANNEL, "U0ANA", "/insight", "mode auto")
    view = await opened(b, "Mode auto")
    await b.slack.press(view.id, "U0ANA", "home.ask", block_id=f"home.ask:{CHANNEL}:")
    await b.slack.press(view.id, "U0ANA", "home.untie", block_id=f"home.untie:{CHANNEL}:")
    for said in ("Ana chose “Ask first” for this channel", "Ana untied this channel"):
        await b.control.until(lambda said=said: said in said_in(b, CHANNEL), what=said)
    await b.control.until(lambda: "home.untie" not in str(b.slack.views.homes["U0ANA"].given), what="a Home without it")
