"""Commands: what each answers the person who typed it, and what it changes."""

import pytest
from sqlalchemy import update

from bot.commands import COMMAND
from bot.messages.replies import NOT_IN_CHANNEL
from bot.model import State, Thread
from bot.sandbox.slack.workspace import OUR_USER
from bot.services.commands import SCANNED, run
from bot.services.responder import Caller
from bot.store import scans, schema, ties
from bot.store.scans import ScanProgress
from tests.services.conftest import ANA, BEN, CHANNEL, GUEST, KEY, TEAM, Office, link
from tests.store.conftest import card_of, items_of

HERE = Thread(TEAM, CHANNEL, "")


async def ask(office: Office, text: str, user: str = ANA, here: Thread = HERE) -> str:
    return await run(office.context, Caller(here, user, COMMAND), text)


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("help", ["`/insight tie &lt;case&gt;`", "`/insight why", "`/insight tie CASEM-4523`", "Add to case"]),
        ("tei casem-4523", ["Not understood: “tei” is no command. Try `/insight tie &lt;case&gt;`."]),
        (f"explain {link(1)}", [f"{link(1)}\nRead as a monitor because of `/monitors/…`; its id is 1."]),
        ("status", ["This channel is tied to no case.", "Mode ask, which takes effect in threads"]),
        ("scan", ["Which thread? A slash command does not know it."]),
        ("undo", ["Which thread? A slash command does not know it."]),
        (f"add {link(1)}", ["This channel is tied to no case. Tie it to one:"]),
        (f"add {link(1)} to NOPE-1", ["Datadog knows no case NOPE-1"]),
        (f"untie in https://acme.slack.com/archives/{CHANNEL}/p1", ["needs a message's address"]),
    ],
)
async def test_the_answer_says_what_it_is_or_what_is_missing(office, text, answers):
    said = await ask(office, text)
    assert [words for words in answers if words not in said] == []
    assert await office.insights() == {}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("tie “{case}” in {there}", "Ana tied"),
        ("mode off in {there}", "turned watching off"),
        ("untie in {there}", "untied"),
    ],
)
async def test_where_a_change_is_announced_is_said_unless_the_person_is_there(office, command, said):
    thread = office.thread()
    there = office.slack.permalink(CHANNEL, thread.ts)
    if "untie" in command:
        assert await ask(office, f"tie {KEY}", here=thread) == ""
    words = command.format(case=KEY.lower(), there=there)
    assert await ask(office, words) == f"Done, and said in the open in <{there}|that thread>."
    assert said in office.in_the_open(thread)[-1]


async def test_beside_an_announcement_nothing_is_said_and_without_one_what_is_so(office):
    thread = office.thread()
    there = office.slack.permalink(CHANNEL, thread.ts)
    for here, command in ((HERE, f"tie {KEY}"), (thread, f"tie {KEY}"), (thread, f"mode off in {there}")):
        assert await ask(office, command, here=here) == ""
    assert await ask(office, f"mode off in {there}") == "This thread is in mode off: watching is off."
    status = await ask(office, f"status in {there}")
    assert f"This thread is tied to {KEY}, Memory leak (Ana said so)." in status
    assert "Mode off" in status


async def test_add_puts_the_links_of_a_message_on_the_case_and_says_why_others_are_left(office):
    thread = office.thread()
    text = f"{link(1)} and {link(2)}, not https://app.datadoghq.com/logs nor https://app.datadoghq.eu/monitors/3"
    ts = office.slack.message(CHANNEL, BEN, text, thread_ts=thread.ts)["ts"]
    there = office.slack.permalink(CHANNEL, ts)
    first, *others = (await ask(office, f"add {there} to {KEY}")).splitlines()
    assert (
        first
        == f"Adding 2 insights to {KEY}. See <{office.slack.permalink(CHANNEL, thread.ts)}|the thread> for the result."
    )
    assert len(others) == 2
    assert "Logs are no insight" in others[0]
    assert "different Datadog organisations" in others[1]
    assert set(await office.insights()) == {"1", "2"}
    for state, answer in (
        (State.CONFIRMED, "Ana is already adding it."),
        (State.UNDOING, "it is being removed."),
        (State.ADDED, "Ana added it at <!date"),
        (State.DISMISSED, f"Adding 1 insight to {KEY}."),
    ):
        async with office.store.write() as tx:
            await tx.execute(update(schema.insights).values(state=state))
        assert answer in await ask(office, f"add {link(2)} to {KEY}", BEN)
    office.slack.delete(CHANNEL, ts)
    assert (await ask(office, f"add {there} to {KEY}")).startswith("There is no such message")


async def test_a_card_links_to_the_message_that_brought_its_links_where_one_did(office):
    thread = office.thread()
    ts = office.slack.message(CHANNEL, BEN, link(1), thread_ts=thread.ts)["ts"]
    there = office.slack.permalink(CHANNEL, ts)
    for words in (f"{there} to {KEY}", f"{link(2)} to {KEY} in {there}"):
        await ask(office, f"add {words}")
    items = await items_of(office.store, await card_of(office.store, thread))
    assert {item.resource_id: item.message_ts for item in items} == {"1": ts, "2": ""}


@pytest.mark.parametrize("asked", ["status", "mode auto", f"tie {KEY}"])
async def test_where_the_bot_is_not_in_the_channel_no_answer_says_that_links_are_offered(office, asked):
    office.slack.workspace.channels[CHANNEL].members.discard(OUR_USER)
    await ask(office, f"tie {KEY}")
    await ask(office, "mode auto")
    said = await ask(office, asked)
    assert said.endswith("But nothing is watched here. " + NOT_IN_CHANNEL)
    assert "links" not in said


async def test_the_status_says_what_the_tie_comes_from(office):
    await ask(office, f"tie {KEY}")
    assert f"is tied to {KEY}, Memory leak (its channel is)." in await ask(office, "status", here=office.thread())
    root = office.thread(f"see https://app.datadoghq.com/cases/{KEY}")
    assert "(its first message says so)." in await ask(office, "status", here=root)


async def test_a_scan_is_a_job_of_the_thread_for_whoever_may(office):
    thread = office.thread()
    await ask(office, f"tie {KEY}", here=thread)
    assert (await ask(office, "scan", GUEST, thread)).startswith("Only full members of")
    assert (await ask(office, "scan", here=thread)).startswith("Reading this thread's earlier messages.")
    async with office.store.read() as connection:
        scan = await scans.waiting(connection, thread)
    assert scan == ScanProgress(ANA, "", SCANNED, 0, 0), "the tie's own scan begins anew, and tells Ana"


async def test_a_guest_changes_nothing_and_is_told_nothing_of_cases(office):
    thread = office.thread()
    there = office.slack.permalink(CHANNEL, thread.ts)
    for change in (f"tie {KEY}", f"add {link(1)} to {KEY}", "untie", "mode auto"):
        assert (await ask(office, change, GUEST)).startswith("Only full members of")
    for question in (f"status in {there}", f"why {there}"):
        answer = await ask(office, question, GUEST)
        assert answer.startswith("Only full members of Acme can see cases here")
    assert "Read as a monitor" in await ask(office, f"explain {link(1)}", GUEST)
    assert await office.insights() == {}
    assert "tied to no case" in await ask(office, "status")


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("command", ["add {link}", "add {link} to {case}", "scan", "undo", "tie {case}", "untie"])
async def test_a_refusal_is_the_same_whatever_there_is_and_asks_nobody(office, command, tied):
    thread = office.thread(f"see https://app.datadoghq.com/cases/{KEY}" if tied else "The API is slow")
    case = KEY if tied else "NOPE-1"
    what = "this thread's settings" if "tie" in command else "a case"
    refusal = f"Only full members of Acme can change {what}. Ask one of them to press Add to case."
    assert await ask(office, command.format(link=link(1), case=case), GUEST, thread) == refusal
    methods = {call.method for call in office.slack.control.calls} | {
        call.method for call in office.datadog.control.calls
    }
    assert methods <= {"auth.test", "users.info"}


@pytest.mark.parametrize(
    "command", ["add {link} to {case}", "tie {case}", "untie", "mode off", "scan", "undo", "status"]
)
async def test_a_place_that_is_gone_is_told_and_nothing_is_done_there(office, command):
    """K35."""
    ts = office.slack.message(CHANNEL, BEN, "soon gone")["ts"]
    there = office.slack.permalink(CHANNEL, ts)
    office.slack.delete(CHANNEL, ts)
    said = await ask(office, f"{command.format(link=link(1), case=KEY)} in {there}")
    assert said.startswith("There is no such message: it was deleted")
    assert await office.insights() == {}
    assert (await ask(office, "status")).startswith("This channel is tied to no case")


@pytest.mark.parametrize("address", ["{there}", "https://app.slack.com/client/T0ACME/{channel}/p{number}"])
async def test_the_address_of_a_reply_may_lack_its_thread(office, address):
    thread = office.thread()
    ts = office.slack.message(CHANNEL, BEN, link(1), thread_ts=thread.ts)["ts"]
    there = office.slack.permalink(CHANNEL, ts).partition("?")[0]
    named = address.format(there=there, channel=CHANNEL, number=ts.replace(".", ""))
    assert (await ask(office, f"tie {KEY} in {named}")).startswith("Done, and said in the open in <")
    async with office.store.read() as connection:
        assert await ties.of(connection, thread) is not None
    assert (await ask(office, f"add {named}")).startswith(f"Adding 1 insight to {KEY}.")


async def test_of_a_channel_that_somebody_is_not_in_they_are_told_nothing_and_change_nothing(office):
    office.slack.add_channel(id="C0SECRET", name="secret", members={BEN, "U0CASES"}, is_private=True)
    there = office.slack.permalink("C0SECRET", office.slack.message("C0SECRET", BEN, link(9))["ts"])
    for words in (f"status in {there}", f"why {there}", f"untie in {there}", f"add {there} to {KEY}"):
        assert "does not show that you are in that channel" in await ask(office, words)
    assert "tied to no case" in await ask(office, f"status in {there}", BEN)


async def test_when_somebody_does_not_answer_nothing_changes_and_the_answer_says_who(office):
    office.slack.control.rule("slack", "users.info", status=503, times=1)
    assert (await ask(office, f"tie {KEY}")).startswith("Slack did not say who you are, so")
    office.datadog.control.rule("datadog", "*", status=503)
    assert await ask(office, f"tie {KEY}") == (
        "Datadog is not answering, so nothing was changed. Try again in a minute."
    )
    office.datadog.control.clear_rules()
    office.datadog.keys_valid = False
    assert (await ask(office, f"tie {KEY}")).startswith("Datadog does not accept the bot's keys")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": 403}, "Datadog does not let the bot see that case"),
        ({"status": 429, "headers": {"X-RateLimit-Reset": "30"}}, "Datadog asks the bot to slow down (429)"),
        ({"status": 503}, "Datadog is not answering"),
    ],
    ids=["forbidden", "limited", "down"],
)
async def test_what_keeps_datadog_from_telling_a_case_is_said_as_it_is(office, answer, said):
    office.datadog.control.rule("datadog", "GET /api/v2/cases/{case_id}", **answer)
    told = await ask(office, f"tie {KEY}", here=office.thread())
    assert told.startswith(said)
    assert "nothing was changed" in told
