"""Watching: which messages count, what an edit changed, whose links auto may add, and what is left when one goes."""

from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from bot.insights import Mode
from bot.messages.cards import METADATA_EVENT
from bot.model import CaseName, State, Thread, Tie, TieKind
from bot.sandbox.slack.workspace import OUR_BOT, OUR_USER
from bot.services import authors, watching
from bot.store import modes, now, offers, schema, shared_channels, ties
from tests.services.conftest import ANA, CHANNEL, GUEST, TEAM, Office, context_of, link
from tests.store.conftest import CASE, REPLY, THREAD, rows, states, tie, tie_by_hand

Json = dict[str, Any]

_seen = schema.sightings.c
WATCHED = Thread(TEAM, CHANNEL, "")
CASES = "https://app.datadoghq.com/cases"
NAMED = f"see {CASES}/{CASE.key}"


def message(*numbers: int, ts: str = REPLY, **more: Any) -> Json:
    text = " ".join(link(number) for number in numbers)
    return {"type": "message", "user": ANA, "text": text, "ts": ts, "thread_ts": THREAD.ts, **more}


def edit(after: Json, before: Any = None) -> Json:
    return {"subtype": "message_changed", "message": after, "previous_message": before}


def deletion(before: Any = None, **more: Any) -> Json:
    return {"subtype": "message_deleted", "previous_message": before, **more}


@pytest_asyncio.fixture
async def tied(office: Office) -> Office:
    """Its thread is about a case, so that links are offered at once."""
    await tie(office.store)
    return office


async def watch(office: Office, event: Json, *, shared: bool | None = False) -> bool:
    return await watching.watch(office.context, TEAM, {"channel": CHANNEL, **event}, shared=shared)


# --- which messages count ---


@pytest.mark.parametrize(
    ("event", "shared", "nothing"),
    [
        ({"text": "Lunch?", "blocks": [{"elements": [{"text": "Lunch?"}]}]}, False, True),
        ({"text": "", "user_profile": {"image": "https://a.example/b.png"}}, None, True),
        ({"text": "x", "blocks": [{"elements": [{"url": link(1)}]}]}, False, False),
        ({"blocks": [{"elements": [{"text": "https:"}, {"text": "//app.datadoghq.com"}]}]}, False, False),
        ({"attachments": [{"text": link(1).replace("/", r"\/")}]}, False, False),
        ({"files": [{"title": link(1)}]}, False, False),
        ({"text": "Lunch?", "bot_id": OUR_BOT}, False, True),
        ({"text": "Lunch?", "bot_id": OUR_BOT, "thread_ts": THREAD.ts}, False, False),
        ({"text": "Lunch?"}, True, False),
        (edit({"ts": REPLY, "text": "Lunch?"}), False, False),
        (deletion(), False, False),
    ],
)
def test_a_post_without_a_link_passes_by(event: Json, shared: bool | None, nothing: bool) -> None:
    assert watching.passes_by(event, shared=shared) is nothing


async def test_what_the_bot_says_itself_pushes_no_card_out_of_sight(tied):
    for number, poster in enumerate([{"bot_id": OUR_BOT}, {"bot_id": "B0ZAP"}, {}], 1):
        said = {"channel": CHANNEL, **message(ts=f"1000.{number:06}", **poster), "text": "Turned off."}
        if watching.passes_by(said, shared=False):
            watching.pass_by(tied.context, TEAM, said)
        else:
            await watch(tied, said)
    assert tied.context.latest_messages.of(THREAD) == ("1000.000002", "1000.000003")


@pytest.mark.parametrize(
    ("event", "watched"),
    [
        ({"channel_type": "channel"}, True),
        ({"channel_type": "group"}, True),
        ({"channel_type": "im"}, False),
        ({"channel_type": "mpim"}, False),
        ({}, True),
        ({"channel": "D0ANA"}, False),
    ],
)
def test_channels_are_watched_and_direct_messages_are_not(event, watched):
    assert watching.is_watched({"channel": CHANNEL, **event}) == watched


NOBODY: list[Json] = [
    {"user": "USLACKBOT"},
    {"user": "USLACKBOT", "subtype": "file_share", "files": [{"id": "F1", "mode": "email", "title": "FYI"}]},
    {"bot_id": "B0ZAP", "app_id": "A0ZAP"},
    {"app_id": "A0ZAP"},
    {"bot_profile": {"id": "B0ZAP"}},
    {"subtype": "bot_message", "username": "hook"},
    {"user": None},
]
"""A reminder, an e-mail, a workflow, an app with a person's token, a webhook."""


async def test_auto_adds_what_a_person_posts_who_may_and_offers_the_rest(tied):
    """K28."""
    await modes.say(tied.store, THREAD, Mode.AUTO, ANA)
    posts = [*NOBODY, {"user": GUEST}, {}]
    for number, more in enumerate(posts, 1):
        assert await watch(tied, message(number, ts=f"1000.{number:06}", **more))
    assert list((await states(tied.store)).values()) == [*[State.OFFERED] * len(posts[1:]), State.CONFIRMED]


def shared(author: Any, **more: Any) -> Json:
    return {"text": "", "attachments": [{"is_share": True, "author_id": author, "text": f"<{link(1)}>", **more}]}


def file(**more: Any) -> Json:
    return {"text": "", "subtype": "file_share", "files": [{"title": f"see {link(1)}", **more}]}


@pytest.mark.parametrize(
    ("more", "becomes"),
    [
        (shared(GUEST), State.OFFERED),
        (shared(None), State.OFFERED),
        (shared(ANA), State.CONFIRMED),
        (shared(GUEST, is_share=False, is_msg_unfurl=True, from_url="https://acme.slack.com/p1"), State.OFFERED),
        ({**shared(GUEST), "text": f"look at {link(1)}?a=1"}, State.CONFIRMED),
        (shared(ANA, text="", attachments=shared(GUEST)["attachments"]), State.OFFERED),
        (shared(ANA, text="", files=file(user=GUEST)["files"]), State.OFFERED),
        (shared(ANA, text="", files=file(user=ANA)["files"]), State.CONFIRMED),
        (file(user=ANA), State.CONFIRMED),
        (file(user=GUEST), State.OFFERED),
        (file(), State.OFFERED),
        (file(user=ANA, mode="email", filetype="email"), State.OFFERED),
    ],
)
async def test_auto_adds_nothing_that_somebody_only_forwards_quotes_or_shares(tied, more, becomes):
    await modes.say(tied.store, THREAD, Mode.AUTO, ANA)
    assert await watch(tied, message(**more))
    assert await states(tied.store) == {"1": becomes}


async def test_what_was_forwarded_and_is_pasted_later_is_that_persons_word(tied):
    await modes.say(tied.store, THREAD, Mode.AUTO, ANA)
    quoting, empty, pasted = message(**shared(GUEST)), message(), message(1)
    await watch(tied, quoting)
    await watch(tied, edit(empty, quoting))
    assert await states(tied.store) == {"1": State.WITHDRAWN}
    await watch(tied, edit(pasted, empty))
    assert await states(tied.store) == {"1": State.CONFIRMED}


@pytest.mark.parametrize("at_once", [True, False], ids=["tied", "tied later"])
@pytest.mark.parametrize(
    ("user", "posted", "edited", "offered"),
    [
        (ANA, 30, 80, 40),
        (ANA, 15, 30, 30),
        (ANA, 40, 41, 40),
        (GUEST, 15, 30, 20),
        (GUEST, 30, 80, 20),
        ("", 30, 80, 20),
    ],
)
async def test_of_a_message_only_so_many_are_offered_however_it_is_edited(
    office, at_once, user, posted, edited, offered
):
    """An app's post has no user. A message whose links are others after an edit offers those."""
    if at_once:
        await tie(office.store)
    by = {"user": user} if user else {"bot_id": "B0ZAP"}
    texts = [
        message(*range(first, last), **by) for first, last in [(1, posted + 1), (1, edited + 1), (500, 500 + edited)]
    ]
    await watch(office, texts[0])
    await watch(office, edit(texts[1], texts[0]))
    if not at_once:
        await tie(office.store)
        offered_by = await watching.rules(office.context, THREAD)
        async with office.store.write() as tx:
            known = await ties.of(tx, THREAD)
            assert known is not None
            await offers.offer_pending(tx, THREAD, known, offered_by, await now(tx))
    assert list((await states(office.store)).values()) == [State.OFFERED] * offered
    await watch(office, edit(texts[2], texts[1]))
    still = [state for state in (await states(office.store)).values() if state is State.OFFERED]
    assert len(still) == offered


@pytest.mark.parametrize("more", NOBODY, ids=str)
def test_what_an_app_or_slackbot_posts_is_nobodys_word(more):
    assert authors.person_of(message(1, **more)) is None
    assert authors.person_of(message(1, subtype="thread_broadcast")) == ANA


@pytest.mark.parametrize(
    "event",
    [
        message(1, bot_id=OUR_BOT),
        message(1, metadata={"event_type": METADATA_EVENT}),
        {**message(1), "text": f"<@{OUR_USER}> add {link(1)}"},
        {**message(1), "text": f"<@{OUR_USER}|Case Insights> add {link(1)}"},
        {**message(1), "text": f"<@U0BEN> <@{OUR_BOT}>: add {link(1)}"},
        message(1, subtype="channel_join"),
        message(1, channel_type="im"),
        edit(message(1, bot_id=OUR_BOT), message()),
        edit(message(1), message(bot_id=OUR_BOT)),
        message(),
    ],
)
async def test_what_is_no_evidence_is_not_stored(tied, event):
    assert not await watch(tied, event)
    assert await states(tied.store) == {}


async def test_a_command_is_no_evidence_however_it_is_edited(tied):
    plain, command = message(1), {**message(), "text": f"<@{OUR_USER}> add {link(2)}"}
    other = {**command, "text": f"<@{OUR_USER}> add {link(3)}"}
    assert not await watch(tied, edit(other, command))
    await watch(tied, plain)
    await watch(tied, edit(command, plain))
    assert await states(tied.store) == {"1": State.WITHDRAWN}
    await watch(tied, edit(plain, command))
    assert await states(tied.store) == {"1": State.OFFERED}


async def test_a_channel_that_others_read_is_watched_only_where_the_operator_allows_it(tied):
    assert not await watch(tied, message(1), shared=True)
    tied.context = replace(tied.context, shared=True)
    assert await watch(tied, message(1), shared=True)


ODD: list[Json] = [
    *({"message": odd} for odd in (None, ["text"], {"user": ANA, "text": "no ts"}, {"ts": "1.0"})),
    {"message": {"ts": "1.0", "text": None, "blocks": None, "attachments": None, "user": None}},
    {"message": {"ts": "1.0", "text": ["x"], "blocks": {}, "attachments": "x"}},
    {"message": {"ts": "1.0"}, "previous_message": {"text": "no ts"}},
    {"subtype": "message_deleted"},
    {"subtype": "message_deleted", "previous_message": "gone"},
]


@pytest.mark.parametrize("odd", ODD, ids=str)
async def test_what_an_event_lacks_is_no_failure(tied, odd):
    assert not await watch(tied, {"subtype": "message_changed", **odd})


# --- edits and deletions ---


@pytest.mark.parametrize(("says", "still"), [(None, True), (False, False)])
async def test_that_a_channel_was_shared_counts_until_an_event_says_otherwise(tied, says, still):
    """K40."""
    assert not await watch(tied, message(1), shared=True)
    assert await watch(tied, message(1), shared=says)
    async with tied.store.read() as connection:
        assert await shared_channels.is_shared(connection, THREAD) == still


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize(
    ("before", "after", "offered"),
    [((1,), (1, 2), {"1", "2"}), ((1, 2), (2,), {"2"}), ((1,), (3,), {"3"}), ((1, 2), (2, 1), {"1", "2"})],
)
async def test_an_edit_offers_what_came_and_takes_back_what_went(tied, before, after, offered, said):
    """K29. What is stored of a message tells what it was, where Slack does not."""
    await watch(tied, message(*before))
    written = await watch(tied, edit(message(*after), message(*before) if said else None))
    assert written == (set(before) != set(after))
    assert {number for number, state in (await states(tied.store)).items() if state is State.OFFERED} == offered


@pytest.mark.parametrize("before", [message(1), None, [message(1)]], ids=["told", "not told", "odd"])
async def test_a_deletion_takes_back_what_its_message_brought(tied, before):
    await watch(tied, message(1))
    assert await watch(tied, deletion(before, deleted_ts=REPLY))
    assert await states(tied.store) == {"1": State.WITHDRAWN}


async def test_links_in_other_messages_previews_do_not_count(tied):
    """K4."""
    preview = {"from_url": link(1), "title_link": link(2), "text": f"<{link(3)}>"}
    assert not await watch(tied, edit(message(attachments=[preview]), message()))


@pytest.mark.parametrize(
    ("ts", "texts", "deleted", "renames"),
    [
        (THREAD.ts, ("slow", NAMED), False, True),
        (THREAD.ts, (NAMED, "slow"), False, True),
        (THREAD.ts, (NAMED, f"{CASES}/PLAT-7"), False, True),
        (THREAD.ts, (NAMED, f"still: {NAMED}"), False, False),
        (THREAD.ts, (NAMED, "This message was deleted."), True, False),
        (REPLY, ("slow", NAMED), False, False),
    ],
)
def test_a_root_that_names_other_cases_may_make_its_thread_about_another(ts, texts, deleted, renames):
    context = context_of(default="datadoghq.com")
    before, after = (watching.seen(context, WATCHED, message(ts=ts, text=text), edited=True) for text in texts)
    assert watching.difference(before, after, deleted=deleted).renames_root == renames


async def test_a_root_keeps_its_tie_where_an_edit_does_not_say_that_it_named_no_case(tied):
    root = {"ts": THREAD.ts, "text": "The API is slow"}
    await watch(tied, message(**root))
    assert not await watch(tied, edit(message(**{**root, "text": NAMED})))
    assert (await tie_of(tied)).kind is TieKind.TIED


async def test_a_root_that_names_its_case_only_after_an_edit_is_looked_up_then(office):
    root = message(ts=THREAD.ts, text="The API is slow")
    await watch(office, message(1))
    assert await watch(office, edit({**root, "text": NAMED}, root))
    assert (await tie_of(office)).named == (CaseName("default", CASE.key),)


@pytest.mark.parametrize("said", [True, False])
async def test_a_root_that_names_another_case_offers_the_links_it_has_now_and_not_those_it_had(office, said):
    root = message(1, ts=THREAD.ts)
    if said:
        await tie_by_hand(office.store, THREAD, CASE, ANA)
    first, then = ({**root, "text": f"{CASES}/{key} {link(number)}"} for key, number in ((CASE.key, 1), ("CASEM-9", 2)))
    await watch(office, first)
    await watch(office, edit(then, first))
    if said:
        assert await states(office.store) == {"1": State.WITHDRAWN, "2": State.OFFERED}
    found = dict(await rows(office.store, select(_seen.resource_id, _seen.state)))
    assert found == {"1": "gone", "2": "offered" if said else "pending"}


async def tie_of(office: Office) -> Tie:
    async with office.store.read() as connection:
        tie_now = await ties.of(connection, THREAD)
    assert tie_now is not None
    return tie_now


# --- organisations ---


def test_a_link_is_of_each_organisation_whose_host_it_is_on():
    context = context_of(acme="datadoghq.com", beta="datadoghq.com", eu="datadoghq.eu")
    several, foreign = (
        watching.seen(context, WATCHED, message(text=f"{host}/monitors/1 {host}/cases/A-1"), edited=False)
        for host in ("https://app.datadoghq.com", "https://us3.datadoghq.com")
    )
    assert [candidate.orgs for candidate in several.found] == [("acme", "beta")]
    assert several.names == (CaseName("acme", "A-1"), CaseName("beta", "A-1"))
    assert (foreign.found, foreign.names, foreign.elsewhere) == ((), (), {"us3.datadoghq.com"})
