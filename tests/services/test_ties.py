"""Ties and modes, whichever door asks for them: policy, what changes, and who is told of it."""

from collections.abc import Awaitable, Callable

import pytest

from bot.commands import CaseReference
from bot.insights import Mode
from bot.model import Case, Thread, TieKind
from bot.services import ties
from bot.services.checks import UserError
from bot.services.responder import Answer, text_of
from bot.store import cases, modes, questions
from bot.store import now as store_now
from bot.store import ties as stored
from tests.services.conftest import ANA, BEN, CHANNEL, GUEST, KEY, SHARED, TEAM, Office
from tests.store.conftest import CASE, OTHER_CASE, card_of, monitor, paste, tie

CASE_NAMED = CaseReference(KEY)
Act = Callable[[Office, Thread, str], Awaitable[Answer]]
ACTS: dict[str, Act] = {
    "tie": lambda office, place, user: ties.tie(office.context, place, CASE_NAMED, user),
    "untie": lambda office, place, user: ties.untie(office.context, place, user),
    "off": lambda office, place, user: ties.set_mode(office.context, place, Mode.OFF, user),
    "auto": lambda office, place, user: ties.set_mode(office.context, place, Mode.AUTO, user),
}
SAID = {
    "tie": (f"Ana tied this thread to {KEY}.", f"This thread is now tied to {KEY}.", f"is already tied to {KEY}."),
    "untie": ("Ana untied this thread: ", "This thread is tied to no case.", "This thread is tied to no case."),
    "off": ("Ana turned watching off in this thread.", "This thread is in mode off", "is in mode off"),
    "auto": ("Ana chose “Always add” for this thread", "This thread is in mode auto", "is in mode auto"),
}
"""In the open; to the person alone where nothing may be said in the open; where nothing changes."""


@pytest.mark.parametrize("act", ACTS)
async def test_a_change_is_announced_in_the_open_and_a_second_one_is_told_that_nothing_changed(office, act):
    thread = office.thread()
    assert await text_of(await ACTS[act](office, thread, ANA)) == ""
    assert office.in_the_open(thread)[0].startswith(SAID[act][0])
    assert SAID[act][2] in await text_of(await ACTS[act](office, thread, BEN))
    assert len(office.in_the_open(thread)) == 1


@pytest.mark.parametrize("act", ACTS)
async def test_in_a_channel_that_others_read_a_change_is_told_to_that_person_alone(office, act):
    thread = office.thread(channel=SHARED)
    assert (await text_of(await ACTS[act](office, thread, ANA))).startswith(SAID[act][1])
    assert office.in_the_open(thread) == []


@pytest.mark.parametrize("act", ACTS)
async def test_who_may_not_change_a_case_changes_no_tie_and_no_mode(office, act):
    thread = office.thread()
    with pytest.raises(UserError, match=r"^Only full members of Acme can change this thread's settings\."):
        await ACTS[act](office, thread, GUEST)
    assert await known(office, thread) == (None, None)
    assert office.datadog.control.calls == []


@pytest.mark.parametrize("scopes", [{"channels:read", "groups:read"}, set[str]()], ids=["scopes", "none"])
@pytest.mark.parametrize("act", ["tie", "off", "auto"])
async def test_where_the_bot_is_not_nothing_is_said_to_be_watched_and_how_to_invite_it(office, act, scopes):
    """K11; the second time nothing is announced, so Slack refuses no post."""
    office.slack.scopes.difference_update({"channels:read", "groups:read"} - scopes)
    office.slack.add_channel(id="C0ELSE", name="elsewhere", members={ANA})
    for _ in range(2):
        said = await text_of(await ACTS[act](office, Thread(TEAM, "C0ELSE", ""), ANA))
        assert said.startswith("This channel is ")
        assert "But nothing is watched here. The bot is not in that channel" in said
        assert "/invite @Case Insights" in said
        assert "links" not in said


@pytest.mark.parametrize("where", ["", "thread", "channel"])
async def test_a_mode_is_said_to_have_an_effect_where_the_thread_or_its_channel_is_tied(office, where):
    thread = office.thread()
    if where:
        await tie(office.store, thread if where == "thread" else thread.whole_channel)
    assert await text_of(await ACTS["auto"](office, thread, ANA)) == ""
    assert ("once it is tied to a case" in office.in_the_open(thread)[0]) == (not where)


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        (CaseReference("NOPE-1"), "Datadog knows no case NOPE-1"),
        (CaseReference(KEY, "beta"), "beta/CASEM-4523 is no case in a Datadog organisation that this bot uses"),
        (CaseReference("https://example.com/cases/CASEM-1"), "https://example.com/cases/CASEM-1 is no case"),
    ],
)
async def test_a_case_that_is_unknown_ties_nothing(office, reference, sentence):
    thread = office.thread()
    with pytest.raises(UserError, match=f"^{sentence}"):
        await ties.tie(office.context, thread, reference, ANA)
    assert await known(office, thread) == (None, None)


@pytest.mark.parametrize(
    ("choice", "in_thread", "in_channel"),
    [
        ("untie", (TieKind.NONE, None), (None, None)),
        ("off.thread", (TieKind.TIED, Mode.OFF), (None, None)),
        ("auto.channel", (TieKind.TIED, Mode.AUTO), (None, Mode.AUTO)),
    ],
)
async def test_a_cards_menu_changes_its_thread_or_its_channel(office, choice, in_thread, in_channel):
    thread = office.thread()
    await tie(office.store, thread)
    await paste(office.store, monitor(1), thread=thread)
    card = await card_of(office.store, thread)
    assert await text_of(await ties.choose(office.context, thread, ANA, card.id, choice)) == ""
    assert await known(office, thread) == in_thread
    assert await known(office, thread.whole_channel) == in_channel
    with pytest.raises(UserError, match="no longer has this card"):
        await ties.choose(office.context, Thread("T0OTHER", CHANNEL, ""), ANA, card.id, choice)


@pytest.mark.parametrize("choice", ["untie", "off.thread", "auto.channel"])
async def test_who_has_left_a_channel_changes_nothing_of_it_from_a_card_in_their_direct_messages(office, choice):
    thread = office.thread()
    await tie(office.store, thread)
    await paste(office.store, monitor(1), thread=thread)
    card, before = await card_of(office.store, thread), await known(office, thread)
    office.slack.workspace.channels[CHANNEL].members.discard(ANA)
    with pytest.raises(UserError, match="does not show that you are in that channel"):
        await ties.choose(office.context, Thread(TEAM, "D0ANA", ""), ANA, card.id, choice)
    assert await known(office, thread) == before


# --- the card that asks ---


async def asked(office: Office, thread: Thread, *about: Case) -> str:
    """A card that asks whether the thread is about one of these cases; its id."""
    async with office.store.write() as tx:
        for case in about:
            await cases.save(tx, case)
        await questions.ask(tx, thread, about, await store_now(tx))
    return (await card_of(office.store, thread)).id


@pytest.mark.parametrize(
    ("number", "kind", "late"),
    [
        (1, TieKind.TIED, f"Ana already tied this thread to {OTHER_CASE.key}. Nothing to do."),
        (None, None, "Ana already said that this thread is about none of these. Nothing to do."),
    ],
)
async def test_of_two_who_answer_the_second_is_told_who_was_first(office, number, kind, late):
    thread = office.thread()
    card = await asked(office, thread, CASE, OTHER_CASE)
    assert await ties.answer_question(office.context, TEAM, ANA, card, number) == ""
    assert await known(office, thread) == (kind, None)
    for second in (0, None):
        assert await text_of(await ties.answer_question(office.context, TEAM, BEN, card, second)) == late
    assert office.in_the_open(thread) == [], "the card itself shows the answer"


async def test_who_may_not_change_a_case_answers_no_question(office):
    thread = office.thread()
    card = await asked(office, thread, CASE)
    for number in (0, None):
        with pytest.raises(UserError, match=f"^Only full members of Acme can change {KEY}"):
            await ties.answer_question(office.context, TEAM, GUEST, card, number)
    office.take_org_away()
    with pytest.raises(UserError, match="which this bot does not use from this workspace"):
        await ties.answer_question(office.context, TEAM, ANA, card, 0)
    assert await ties.answer_question(office.context, TEAM, ANA, card, None) == "", "that says nothing of the case"


@pytest.mark.parametrize(("workspace", "number"), [("T0OTHER", 0), (TEAM, 7)])
async def test_a_question_of_elsewhere_or_a_case_that_it_does_not_name_is_gone(office, workspace, number):
    card = await asked(office, office.thread(), CASE)
    with pytest.raises(UserError, match="no longer has this card"):
        await ties.answer_question(office.context, workspace, ANA, card, number)


async def known(office: Office, place: Thread) -> tuple[TieKind | None, Mode | None]:
    async with office.store.read() as connection:
        tied = await stored.of(connection, place)
        return tied.kind if tied else None, await modes.of(connection, place)


async def test_a_channel_that_is_tied_to_nothing_is_not_untied(office):
    assert await ties.untie(office.context, Thread(TEAM, CHANNEL, ""), ANA) == "This channel is tied to no case."
