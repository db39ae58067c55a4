"""Why: what is said of a message's thread, of who posted it, and of each of its links."""

import pytest

from bot.links import Permalink
from bot.model import Thread
from bot.services import watching
from bot.services.checks import UserError
from bot.services.why import why_not_offered
from bot.store import tie_changes
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
    return await why_not_offered(
        office.context, TEAM, Permalink(CHANNEL, message["ts"], thread.ts if thread else message["ts"])
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (link(1), "MONITOR 1, by route monitor."),
        (link(1), "Offered."),
        ("https://app.datadoghq.com/apm/recommendations", "Probably APM_RECOMMENDATION, by route"),
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
    assert "It was not stored: the bot did not receive it" in await asked(office, link(1), BEN, thread, heard=False)
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
        await why_not_offered(office.context, TEAM, Permalink(CHANNEL, "1.000100", "1.000100"))
