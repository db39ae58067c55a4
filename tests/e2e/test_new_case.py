"""A case from a thread: four doors open one form, and what is submitted becomes one case, whatever gets lost."""

import asyncio
from typing import Any

import pytest

from bot.sandbox.datadog.cases import Case
from tests.e2e.bench import CASE_LINK, CHANNEL, KEY, Bench, as_read, monitor
from tests.e2e.test_commands import ask, said_in
from tests.e2e.test_modal import shown, submit, until_shown

Json = dict[str, Any]

CREATE = "POST /api/v2/cases"
TITLE, NEW = "API answers slowly", "CASEM-4524"
TOLD = f"Ana created {NEW}, {TITLE}, and tied this thread to it."
DM = "D0ANA"
UNREADABLE = {"data": {"id": None, "attributes": {"title": 7}}}


async def opened(b: Bench, ts: str, as_user: str = "U0ANA", channel: str = CHANNEL) -> Json:
    """Choose "Create case" in this message's menu; the form, filled in."""
    said = await b.slack.shortcut(channel, ts, as_user, "create_case")
    assert said["acknowledged"]
    return await until_shown(b, "project.known", as_user)


async def asked_for(b: Bench, ts: str, title: str = TITLE, channel: str = CHANNEL) -> None:
    """Fill in the form from this message, and submit it."""
    view = await opened(b, ts, channel=channel)
    assert (await submit(b, view, {"title": {"title": title}}))["errors"] == {}


def made(b: Bench) -> list[Case]:
    return [case for case in b.datadog.cases if case.key != KEY]


async def said(b: Bench, words: str, channel: str = CHANNEL) -> None:
    await b.control.until(lambda: words in said_in(b, channel), what=words)


async def settled(b: Bench) -> None:
    """The end of every job, as if each wait of one were over at once."""
    for _ in range(8):
        await b.handled()
        await b.age_unfinished_work()


async def test_the_shortcut_creates_a_case_ties_the_thread_and_offers_its_links(b: Bench) -> None:
    root = b.start_thread(f"*{TITLE}*, see <{monitor(8101)}|the monitor>")
    b.reply(root, monitor(8102))
    await b.handled()
    view = await opened(b, root)
    fields = {"priority": {"priority": "P2"}, "title": {"title": TITLE}}
    assert (await submit(b, view, fields))["errors"] == {}
    await said(b, TOLD)
    [case] = made(b)
    assert (case.title, case.priority) == (TITLE, "P2")
    assert case.description.startswith(f"https://acme.slack.com/archives/{CHANNEL}/p{root.replace('.', '')}\n\n")
    await b.card(root, f"Add 2 insights to {NEW}")
    assert b.private("U0ANA") == [f"Creating “{TITLE}”. You hear here, or from the bot alone, what becomes of it."]


async def test_a_mention_offers_a_button_and_a_command_opens_the_form_for_a_thread_of_its_own(b: Bench) -> None:
    root = b.start_thread("The API is slow")
    b.slack.mention(CHANNEL, "U0ANA", f"new {TITLE}", thread_ts=root)
    await b.answer_to("U0ANA")
    await b.slack.click(CHANNEL, b.slack.private[-1]["ts"], "case.new", "U0ANA")
    view = await until_shown(b, "project.known")
    assert f"'initial_value': '{TITLE}'" in str(view)
    await submit(b, view)
    await said(b, TOLD)

    await b.slack.command(CHANNEL, "U0ANA", "/insight", f"new {TITLE}")
    await submit(b, await until_shown(b, "project.known"))
    await said(b, f"Ana created CASEM-4525, {TITLE}. This message's thread is about it")
    top = next(one for one in b.slack.state()["channels"] if one["id"] == CHANNEL)["messages"][-1]
    b.reply(top["ts"], monitor(8103))
    await b.card(top["ts"], "Add 1 insight to CASEM-4525")


async def test_the_card_that_asks_and_a_command_about_a_thread_open_it_too(b: Bench) -> None:
    root = b.start_thread("The API is slow")
    b.reply(root, CASE_LINK)
    card = await b.card(root, "Tie this thread")
    await b.slack.click(CHANNEL, card["ts"], "case.new", "U0ANA")
    await submit(b, await until_shown(b, "project.known"), {"title": {"title": TITLE}})
    await said(b, TOLD)
    await b.card(root, "")
    assert f"Tied to {NEW} by Ana" in as_read(b.cards(root)[0])

    other = b.start_thread("Another one")
    await ask(b, f"new Slow again in {b.slack.permalink(CHANNEL, other)}")
    await b.slack.click(CHANNEL, b.slack.private[-1]["ts"], "case.new", "U0ANA")
    await submit(b, await until_shown(b, "project.known"))
    await b.control.until(lambda: "Slow again, and tied" in str(b.slack.thread(CHANNEL, other)), what="the tie")


async def test_it_opens_in_time_and_can_be_filled_in_while_datadog_is_silent(own: Bench) -> None:
    for what in ("projects", "types"):
        own.control.rule("datadog", f"GET /api/v2/cases/{what}", status=503, times=1)
    root = own.start_thread("The API is slow")
    assert (await own.slack.shortcut(CHANNEL, root, "U0ANA", "create_case"))["seconds"] < 3.0
    await own.handled()
    view, fields = shown(own), {"title": {"title": TITLE}}
    for block, words in (("project", "case"), ("type", "stand")):
        found = await own.slack.suggest(view["id"], "U0ANA", f"case.{block}", words)
        assert len(found) == 1
        fields[block] = {f"case.{block}": found[0]["value"]}
    assert (await submit(own, view, fields))["errors"] == {}
    await said(own, TOLD)


@pytest.mark.parametrize(
    ("rule", "cases"),
    [
        ({"drop": "before"}, 0),
        ({"drop": "after"}, 1),
        ({"status": 500, "apply": True}, 1),
        ({"status": 502}, 0),
        ({"body": UNREADABLE, "apply": True}, 1),
        ({"status": 429, "headers": {"X-RateLimit-Reset": "0.1"}}, 1),
    ],
    ids=["never arrived", "answer lost", "500 though done", "502", "unreadable", "429"],
)
async def test_a_lost_answer_never_makes_two_cases(b: Bench, rule: Json, cases: int) -> None:
    b.control.rule("datadog", CREATE, times=1, **rule)
    await asked_for(b, b.start_thread("The API is slow"))
    await settled(b)
    assert len(made(b)) == cases
    assert len(b.calls(CREATE)) == (2 if rule.get("status") == 429 else 1)
    assert (TOLD in said_in(b, CHANNEL)) == bool(cases)
    assert said_in(b, CHANNEL).count("created") == cases
    uncertain = f"The case “{TITLE}” (wanted here) may have been created"
    assert as_read({"text": said_in(b, DM)}).count(uncertain) == 1 - cases


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            {"status": 403, "body": {"errors": ["Forbidden"]}},
            "check `cases_write` and the keys' access to the project.",
        ),
        ({"status": 400, "body": {"errors": [{"detail": "bad title"}]}}, "'bad title' Check the title, and whether"),
    ],
)
async def test_a_refusal_is_told_to_the_person_alone(b: Bench, rule: Json, words: str) -> None:
    b.control.rule("datadog", CREATE, times=1, **rule)
    root = b.start_thread("The API is slow")
    await asked_for(b, root)
    await said(b, words, DM)
    await b.handled()
    assert (len(b.slack.thread(CHANNEL, root)), len(b.calls(CREATE)), made(b)) == (1, 1, [])


async def test_a_form_that_slack_sends_again_creates_nothing_more(b: Bench) -> None:
    await asked_for(b, b.start_thread("The API is slow"))
    payloads = [call.arguments["payload"] for call in b.calls("socket:interactive")]
    [payload] = [one for one in payloads if one["type"] == "view_submission"]
    send = b.slack.transport.send_interaction
    await asyncio.gather(*(send("interactive", payload, accepts_response_payload=True) for _ in range(3)))
    await said(b, TOLD)
    await settled(b)
    assert len(made(b)) == 1
    assert said_in(b, CHANNEL).count("created") == 1


async def test_a_guest_gets_no_form_and_what_is_missing_is_said_at_its_field(b: Bench) -> None:
    b.slack.join(CHANNEL, "U0GUEST")
    root = b.start_thread("The API is slow")
    await b.slack.shortcut(CHANNEL, root, "U0GUEST", "create_case")
    await until_shown(b, "Only full members of Acme", "U0GUEST")
    view = await opened(b, root)
    assert (await submit(b, view, {"title": {"title": " "}}))["errors"] == {"title": "Give the case a title."}
    with b.locked_database():
        assert "Not saved" in (await submit(b, view, {"title": {"title": TITLE}}))["errors"]["title"]
    await b.slack.submit(view["id"], "U0ANA", {})
    await said(b, TOLD)


async def test_a_thread_that_is_tied_meanwhile_stays_so(b: Bench) -> None:
    root = b.start_thread("The API is slow")
    view = await opened(b, root)
    await ask(b, f"tie {KEY} in {b.slack.permalink(CHANNEL, root)}")
    await submit(b, view, {"title": {"title": TITLE}})
    await said(b, f"Ana created {NEW}, {TITLE}. This thread stays tied to {KEY}.")
    assert f"This thread stays tied to {KEY}." in str(await opened(b, root))
    b.reply(root, monitor(8104))
    await b.card(root, f"Add 1 insight to {KEY}")


@pytest.mark.parametrize("channel", ["C0SHARED", "C0ELSE"])
async def test_where_the_bot_says_nothing_the_person_is_told_alone(b: Bench, channel: str) -> None:
    if channel == "C0ELSE":
        b.slack.add_channel(id=channel, name="elsewhere", members={"U0ANA"})
    ts = b.slack.message(channel, "U0ANA", "The API is slow")["ts"]
    await asked_for(b, ts, channel=channel)
    await said(b, f"You created {NEW}, {TITLE}. The thread is tied to it. Shown here", DM)
    assert TITLE not in said_in(b, channel)


@pytest.mark.parametrize("method", [CREATE, "chat.postMessage"])
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_bot_that_is_killed_creates_and_tells_it_once(b: Bench, method: str, moment: str) -> None:
    root = b.start_thread("The API is slow")
    async with b.killed_at(method, hold=moment):
        await asked_for(b, root)
    await b.start()
    await settled(b)
    assert len(made(b)) == 1
    assert said_in(b, CHANNEL).count(TOLD) == 1
