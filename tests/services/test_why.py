"""Why: what is said of a message's thread, of who posted it, and of each of its links."""

import pytest
from sqlalchemy import update

from bot.commands import COMMAND, Why
from bot.links import Permalink
from bot.model import State, Thread
from bot.services import watching
from bot.services.checks import UserError
from bot.services.why import in_slack, why_not_offered
from bot.store import schema, tie_changes
from tests.services.conftest import ANA, BEN, CHANNEL, GUEST, KEY, TEAM, Office, link
from tests.store.conftest import CASE, tie_by_hand

CASE_LINK = f"https://app.datadoghq.com/cases/{KEY}"


async def asked(office: Office, text: str, user: str = ANA, thread: Thread | None = None, *, heard: bool = True) -> str:
    """What is said of a message with this text; `heard`: the bot got its event."""
    message = office.slack.message(CHANNEL, user, text, thread_ts=thread.ts if thread else None)
    if heard:
        event = {"channel": CHANNEL, "channel_type": "channel", "user": user, "text": text, "ts": message["ts"]}
        event |= {"thread_ts": thread.ts} if thread else {}
        await watching.watch(office.context, TEAM, event, shared=False)
    command = Why(Permalink(CHANNEL, message["ts"], thread.ts if thread else message["ts"]))
    return await in_slack(office.context, TEAM, command, COMMAND)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (link(1), "Read as a monitor because of `/monitors/…`; its id is 1."),
        (link(1), "Offered, and nobody has decided yet."),
        (
            "https://app.datadoghq.com/apm/recommendations",
            "Probably an APM recommendation because of",
        ),
        ("https://app.datadoghq.com/apm/recommendations", "It needs an id, so it gets no card by itself"),
        (CASE_LINK, f"A case: {KEY}."),
        ("https://app.datadoghq.com/logs?query=x", "Logs are no insight"),
        (
            "https://app.datadoghq.eu/monitors/3",
            "Its host app.datadoghq.eu is not on this bot's Datadog site (datadoghq.com).",
        ),
        ("hello", "There is no link in this message. Its thread is tied to CASEM-4523 because somebody said so."),
    ],
)
async def test_it_says_what_became_of_each_link(office, text, words):
    thread = office.thread()
    await tie_by_hand(office.store, thread, CASE, ANA)
    assert words in await asked(office, text, BEN, thread)


async def test_it_says_what_the_bot_did_not_hear_or_still_waits_for(office):
    thread = office.thread()
    assert "The bot has no record of it: it did not see" in await asked(office, link(1), BEN, thread, heard=False)
    said = await asked(office, link(1), BEN, thread)
    assert "The bot does not know yet which case its thread is about." in said
    assert "It waits until the bot knows this thread's case." in said
    await tie_changes.untie(office.store, thread, ANA)
    assert "Somebody said that its thread is about no case." in await asked(office, link(1), BEN, thread)


async def test_it_says_by_what_a_thread_is_tied_and_whether_its_poster_may_add(office):
    await tie_by_hand(office.store, Thread(TEAM, CHANNEL, ""), CASE, ANA)
    assert f"Its thread is tied to {KEY} by its channel." in await asked(office, link(1))
    assert "The poster may not add insights: their links are never added at once." in await asked(
        office, link(2), GUEST
    )
    assert "A bot posted it" in await asked(office, link(3), "U0DATADOG")
    with pytest.raises(UserError, match="There is no such message"):
        await in_slack(office.context, TEAM, Why(Permalink(CHANNEL, "1.000100", "1.000100")), COMMAND)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.DISMISSED, "Dismissed by Ana, <!date^1^{date_short_pretty} {time}|1970-01-01 00:00 UTC>, so it is not"),
        (State.UNDONE, "Removed by Ana, <!date"),
        (State.ADDED, "Added by Ana, <!date"),
        (State.FAILED, "Ana confirmed it, but it was not added"),
        (State.UNDOING, "Ana is having it removed."),
    ],
)
async def test_of_a_link_pasted_again_it_says_who_decided_when_and_what_to_do_now(office, state, words):
    thread = office.thread()
    await tie_by_hand(office.store, thread, CASE, ANA)
    await asked(office, link(1), BEN, thread)
    async with office.store.write() as tx:
        await tx.execute(update(schema.insights).values(state=state, by=ANA, at=1.0))
    said = await asked(office, link(1), BEN, thread)
    assert words in said
    assert ("⋯ on the message, Add to case." in said) == (state in (State.DISMISSED, State.UNDONE))


async def test_every_link_of_a_long_message_is_told_whole_on_one_of_the_pages(office):
    """K39."""
    links = [f"{link(number)}?q={'x' * (number % 90)}y" for number in range(1, 121)]
    ts = office.slack.message(CHANNEL, BEN, " ".join(links))["ts"]
    message = Permalink(CHANNEL, ts, ts)
    pages = await why_not_offered(office.context, TEAM, message)
    assert [one for one in links if f"• {one}\n   Read as a monitor because of" not in "\n".join(pages)] == []
    for number in range(1, len(pages) + 1):
        shown = await in_slack(office.context, TEAM, Why(message, number), COMMAND)
        assert shown.startswith(pages[number - 1])
        assert len(shown) < 4_000
        again = f"For the next: `/insight why {office.slack.permalink(CHANNEL, ts)} {number + 1}`"
        assert (again in shown) == (number < len(pages))
    assert len(pages) > 2
    assert await in_slack(office.context, TEAM, Why(message, 9999), COMMAND) == pages[-1]
