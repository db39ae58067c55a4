"""The operator's emoji: set on a message it adds that message's links, taken off in time it cancels; once each."""

import pytest

from tests.e2e.bench import CASE_LINK, CHANNEL, EMOJI, KEY, PUT, Bench, as_read, monitor


@pytest.fixture
async def r(web: Bench) -> Bench:
    """Where nothing is offered beside it."""
    await web.slack.command(CHANNEL, "U0BEN", "/insight", "mode off")
    return web


def on_case(r: Bench) -> list[str]:
    return [resource_id for _, resource_id, _ in r.on_case]


async def said(r: Bench, user: str = "U0ANA") -> str:
    """The one sentence that this person is told."""
    await r.control.until(lambda: r.private(user), what="an answer")
    await r.handled()
    [words] = r.private(user)
    return words


async def test_set_on_a_message_it_adds_its_links_once_and_says_so_in_the_thread(r: Bench) -> None:
    root = r.start_thread()
    ts = r.reply(root, f"{monitor(61)} and {monitor(62)} and https://example.com", "U0BEN")
    r.slack.repeat_events = 2
    r.slack.react(CHANNEL, ts, "U0ANA", f"{EMOJI}::skin-tone-2")
    card = await r.card(root, f"Added to {KEY} by Ana")
    assert "from Ben" in as_read(card), "who posted the links"
    assert (await said(r)).startswith(f"Adding 2 insights to {KEY}.")
    assert [one["thread_ts"] for one in r.slack.private] == [root]
    assert r.slack.events.redeliver(r.slack.events.sent[-1]["event_id"], 3)
    r.slack.react(CHANNEL, ts, "U0ANA", f"{EMOJI}::skin-tone-2", take_off=True)
    await r.handled()
    assert on_case(r) == ["61", "62"], "what was sent stays"
    assert len(r.private("U0ANA")) == 1


async def test_taken_off_before_anything_was_sent_it_cancels_and_set_again_it_adds(r: Bench) -> None:
    root = r.start_thread()
    ts = r.reply(root, monitor(63))
    clicked = await _confirmed_while_datadog_is_held(r, root, 64)
    r.slack.react(CHANNEL, ts, "U0ANA", EMOJI)
    await r.control.until(lambda: r.private("U0ANA"), what="an answer")  # not `handled`: the held call goes on
    r.slack.react(CHANNEL, ts, "U0ANA", EMOJI, take_off=True)
    await r.card(root, "Cancelled by Ana")
    added = next(one for one in r.slack.events.sent if one["event"]["type"] == "reaction_added")
    r.slack.events.redeliver(added["event_id"])  # the older one, again
    await r.control.until(lambda: r.slack.transport.undelivered == 0, what="acknowledgements")
    r.control.release()
    await r.handled()
    assert on_case(r) == [clicked]
    r.slack.react(CHANNEL, ts, "U0ANA", EMOJI)
    await r.control.until(lambda: on_case(r) == [clicked, "63"], what="the insight")


async def _confirmed_while_datadog_is_held(r: Bench, root: str, number: int) -> str:
    """What Ben adds holds the case's job, so that nothing else is sent; its id."""
    r.control.rule("datadog", PUT, hold="before", times=1)
    there = r.slack.permalink(CHANNEL, root)
    await r.slack.command(CHANNEL, "U0BEN", "/insight", f"add {monitor(number)} to {KEY} in {there}")
    await r.held(PUT)
    return str(number)


@pytest.mark.parametrize(
    ("user", "message", "sentence"),
    [
        ("U0GUEST", monitor(65), "Only full members of Acme"),
        ("U0ANA", "nothing here but https://example.com", "This message has no link to Datadog"),
    ],
)
async def test_who_may_not_and_where_there_is_nothing_is_told_in_private_once(
    r: Bench, user, message, sentence
) -> None:
    ts = r.reply(r.start_thread(), message)
    r.slack.repeat_events = 2
    r.slack.react(CHANNEL, ts, user, EMOJI)
    assert (await said(r, user)).startswith(sentence)
    assert on_case(r) == []


async def test_in_a_thread_about_no_case_it_says_how_to_tie_it(r: Bench) -> None:
    root = r.slack.message(CHANNEL, "U0ANA", f"no case: {monitor(66)}")["ts"]
    r.slack.react(CHANNEL, root, "U0ANA", EMOJI)
    words = await said(r)
    assert words.startswith("This thread is tied to no case. Tie it to one: `@Case Insights tie CASEM-…`")
    assert [one["thread_ts"] for one in r.slack.private] == [None], "nobody has its thread open"


@pytest.mark.parametrize(
    ("user", "emoji", "of_the_bot"),
    [("U0ANA", "eyes", False), ("U0DATADOG", EMOJI, False), ("U0CASES", EMOJI, False), ("U0ANA", EMOJI, True)],
    ids=["another emoji", "an app", "the bot itself", "the bot's message"],
)
async def test_other_reactions_do_nothing(r: Bench, user: str, emoji: str, *, of_the_bot: bool) -> None:
    root = r.start_thread()
    ts = r.reply(root, monitor(67))
    if of_the_bot:
        await r.slack.command(CHANNEL, "U0BEN", "/insight", f"add {monitor(68)} in {r.slack.permalink(CHANNEL, root)}")
        ts = (await r.card(root, "Added to"))["ts"]
        await r.handled()
    before = len(r.control.calls)
    r.slack.react(CHANNEL, ts, user, emoji)
    await r.handled()
    methods = [call.method for call in r.control.calls[before:] if call.service == "slack" and ":" not in call.method]
    assert [method for method in methods if method != "users.info"] == []
    assert "67" not in on_case(r)


async def test_without_the_setting_the_event_is_acknowledged_and_does_nothing(b: Bench) -> None:
    ts = b.reply(b.start_thread(), "hello")
    event = {"type": "reaction_added", "user": "U0ANA", "reaction": EMOJI, "event_ts": "1.000001"}
    b.slack.event({**event, "item": {"type": "message", "channel": CHANNEL, "ts": ts}})
    await b.handled()
    assert b.private("U0ANA") == []


async def test_without_the_scope_slack_sends_no_reaction(own: Bench) -> None:
    assert "reactions:read" not in own.slack.scopes
    ts = own.reply(own.start_thread(), CASE_LINK)
    own.slack.react(CHANNEL, ts, "U0ANA", EMOJI)
    assert own.slack.events.sent[-1]["event"]["type"] == "message"
