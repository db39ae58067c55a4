"""What goes wrong at Slack or Datadog: nothing is lost, nothing is doubled, and the card says what is going on."""

import pytest

from bot.sandbox.control import Json
from bot.sandbox.datadog.cases import CaseInsight
from tests.e2e.bench import CASE_LINK, CHANNEL, DELETE, GET, PUT, Bench, as_read, monitor

VALIDATE = "GET /api/v2/validate_keys"


async def test_datadog_fails_twice_and_the_insight_is_added_all_the_same(b: Bench) -> None:
    root, card = await b.offer(1, 2)
    b.control.rule("datadog", PUT, status=500, hold="before", times=1)
    b.control.rule("datadog", PUT, status=500, headers={"Retry-After": "2"}, times=1)
    await b.click(card, "insights.add")
    await b.held(PUT)
    await b.age_confirmations(10)  # the card says that it waits ten seconds after the click
    b.control.release()
    waiting = await b.card(root, "Datadog is not answering (500). Both insights are kept; next try ")
    assert "Cancel" in str(waiting["blocks"])
    await b.card(root, "Added to CASEM-4523 by Ana")
    await b.handled()
    assert [call.status for call in b.calls(PUT)] == [500, 500, 200]
    assert len(b.on_case) == 2


async def test_a_permission_that_is_missing_is_a_failure_with_the_next_step(b: Bench) -> None:
    root, card = await b.offer(1)
    b.datadog.may_write = False
    await b.click(card, "insights.add")
    failed = await b.card(root, "Datadog refused (403): CASEM-4523 was not changed.")
    assert "`cases_write`" in str(failed["blocks"])
    assert "(ref " in str(failed["blocks"])
    await b.handled()
    assert len(b.cards(root)) == 1, "while people still look, the card alone says it"

    b.datadog.may_write = True
    await b.click(failed, "insights.retry", "U0BEN")
    await b.card(root, "Added to CASEM-4523 by Ben")
    assert len(b.on_case) == 1


async def test_rotated_keys_make_everything_wait_and_all_of_it_resumes(b: Bench) -> None:
    """K27."""
    root, card = await b.offer(1)
    b.datadog.keys_valid = False
    await b.click(card, "insights.add")
    await b.control.until(lambda: len(b.calls(VALIDATE)) >= 2, what="the keys to be probed again")
    await b.card(root, "Adding 1 insight")

    b.datadog.keys_valid = True
    await b.card(root, "Added to CASEM-4523 by Ana")
    await b.handled()
    assert len(b.on_case) == 1


@pytest.mark.parametrize("epoch", [False, True], ids=["reset in seconds", "reset as an epoch"])
async def test_a_rate_limit_is_kept_even_with_a_body_of_html(b: Bench, *, epoch: bool) -> None:
    """K12."""
    root, card = await b.offer(1)
    b.datadog.limit(1, 2, epoch=epoch, html=True)
    await b.click(card, "insights.add")
    await b.card(root, "Added to CASEM-4523 by Ana")
    limited, added = b.calls(PUT)
    assert limited.status == 429
    assert added.at - limited.at >= 1.0
    assert b.calls(GET)[1:] == [], "a 429 was not carried out, so there is nothing to look for"


async def test_an_answer_that_gets_lost_after_the_insight_was_added_adds_it_once(b: Bench) -> None:
    """K26."""
    b.control.rule("datadog", PUT, drop="after", times=1)
    await b.added(1)
    await b.handled()
    assert (len(b.calls(PUT)), len(b.on_case)) == (1, 1)


async def test_one_insight_that_datadog_refuses_does_not_hold_up_the_others(b: Bench) -> None:
    root, card = await b.offer(1, 2, 3)
    b.datadog.refused.add("2")
    await b.click(card, "insights.add")
    await b.card(root, "Added 2 of 3 to CASEM-4523 by Ana")
    partly = await b.card(root, "Not added for Ana")
    assert "Datadog says: '" in as_read(partly)
    assert "Retry" in str(partly["blocks"])
    assert sorted(insight[1] for insight in b.on_case) == ["1", "3"]


async def test_an_undo_of_two_of_which_one_is_gone_already_removes_the_other(b: Bench) -> None:
    root, added = await b.added(1, 2)
    case = b.datadog.cases["CASEM-4523"]
    b.datadog.cases.change(case, insights=case.insights[1:])
    await b.click(added, "insights.undo")
    await b.card(root, "Removed from CASEM-4523 by Ana")
    assert b.on_case == []


async def test_an_undo_that_datadog_refuses_says_that_it_is_still_there(b: Bench) -> None:
    root, added = await b.added(1)
    b.control.rule("datadog", DELETE, status=400, body={"errors": ["no"]})
    await b.click(added, "insights.undo")
    kept = await b.card(root, "Datadog says: 'no'")
    assert "Undo" in str(kept["blocks"])
    assert len(b.on_case) == 1


async def test_what_somebody_added_by_hand_meanwhile_is_not_added_twice_and_not_ours_to_undo(own: Bench) -> None:
    """As after a restore of a backup that is older than the insight."""
    root, card = await own.offer(1)
    own.datadog.cases.change(own.datadog.cases["CASEM-4523"], insights=[CaseInsight("MONITOR", "1", "/monitors/1")])
    await own.age_cases()
    await own.click(card, "insights.add")
    added = await own.card(root, "Added to CASEM-4523")
    await own.handled()
    assert own.calls(PUT) == []
    assert len(own.on_case) == 1
    assert "insights.undo" not in str(added["blocks"])


async def test_a_case_that_is_gone_says_so(b: Bench) -> None:
    root, card = await b.offer(1)
    b.control.rule("datadog", PUT, status=404, body={"errors": [{"title": "case not found"}]})
    await b.click(card, "insights.add")
    await b.card(root, "Datadog no longer has case CASEM-4523")


async def test_a_case_that_moved_gets_its_insights_by_uuid(b: Bench) -> None:
    """K16."""
    root, card = await b.offer(1)
    b.datadog.cases.move(b.datadog.cases["CASEM-4523"], "PLAT-7")
    await b.click(card, "insights.add")
    await b.card(root, "Added to PLAT-7 by Ana")
    assert len(b.datadog.cases["PLAT-7"].insights) == 1


async def test_what_was_never_sent_can_be_cancelled(own: Bench) -> None:
    root, card = await own.offer(1)
    own.control.rule("datadog", PUT, status=429, headers={"X-RateLimit-Reset": "30"}, times=1)
    await own.click(card, "insights.add")
    await own.click(await own.card(root, "Datadog asks the bot to slow down (429)."), "insights.cancel", "U0BEN")
    await own.card(root, "Cancelled by Ben")
    assert own.on_case == []


@pytest.mark.parametrize(
    ("service", "method", "failure"),
    [
        ("slack", "conversations.replies", {"status": 429, "headers": {"Retry-After": "1"}}),
        ("datadog", GET, {"drop": "before"}),
    ],
    ids=["the root's look-up is rate limited", "Datadog is down at first"],
)
async def test_an_old_thread_gets_its_card_all_the_same(b: Bench, service: str, method: str, failure: Json) -> None:
    """K25."""
    root = b.start_thread(deliver=False)
    b.control.rule(service, method, times=2, **failure)
    b.reply(root, monitor(9))
    await b.card(root, "Add 1 insight to CASEM-4523")
    assert [call.status for call in b.calls(method)][:3] == [failure.get("status")] * 2 + [200]


async def test_a_key_that_datadog_does_not_know_ties_nothing(b: Bench) -> None:
    root = b.start_thread("see https://app.datadoghq.com/cases/NOPE-1")
    b.reply(root, monitor(9))
    await b.handled()
    assert b.calls("chat.postMessage") == []


@pytest.mark.parametrize(
    "failure",
    [{"status": 429, "headers": {"Retry-After": "1"}}, {"drop": "after"}],
    ids=["Slack asks for patience", "Slack posts it and does not answer"],
)
async def test_a_card_whose_post_fails_comes_later_and_once(b: Bench, failure: Json) -> None:
    b.control.rule("slack", "chat.postMessage", times=1, **failure)
    root, _ = await b.added(1)
    await b.handled()
    assert len(b.cards(root)) == 1


async def test_a_guest_and_a_stranger_are_refused_in_words_that_only_they_see(b: Bench) -> None:
    """K10."""
    root, card = await b.offer(1)
    sentence = "Only full members of Acme can change CASEM-4523. Ask one of them to press Add to case."
    b.slack.join(CHANNEL, "U0STRANGER")
    b.slack.join(CHANNEL, "U0GUEST")
    for user in ("U0GUEST", "U0STRANGER"):
        assert (await b.click(card, "insights.add", user))["acknowledged"]
        assert await b.answer_to(user) == sentence
    await b.handled()
    assert b.calls(PUT) == []
    assert b.private("U0ANA") == []
    assert "Add 1 insight" in b.cards(root)[0]["text"]


async def test_when_slack_does_not_say_who_clicked_nothing_changes(b: Bench) -> None:
    root, card = await b.offer(1)
    b.slack.add_user(id="U0NEW", name="nora", real_name="Nora")
    b.slack.join(CHANNEL, "U0NEW")
    b.control.rule("slack", "users.info", hold="before", times=1)
    assert (await b.click(card, "insights.add", "U0NEW"))["acknowledged"]
    assert "Slack did not say who you are, so" in await b.answer_to("U0NEW")
    b.control.release()
    await b.handled()
    assert b.calls(PUT) == []
    assert "Add 1 insight" in b.cards(root)[0]["text"]


async def test_two_links_to_the_same_case_tie_the_thread(b: Bench) -> None:
    uuid = b.datadog.cases["CASEM-4523"].id
    root = b.start_thread(f"{CASE_LINK} https://app.datadoghq.com/work/{uuid}?view=all")
    b.reply(root, monitor(1))
    await b.card(root, "Add 1 insight to CASEM-4523")


async def test_while_a_call_without_an_answer_may_still_be_carried_out_nothing_is_put_again(b: Bench) -> None:
    """Somebody's click wakes the case while the first call is on its way: a look at the case would find nothing."""
    (first, card), (second, other) = await b.offer(1), await b.offer(2)
    b.control.rule("datadog", PUT, delay=1.5, times=1)  # longer than the bot waits, and carried out all the same
    await b.click(card, "insights.add")
    await b.control.until(lambda: "datadog.later" in b.log, what="the bot to give up waiting")
    await b.click(other, "insights.add")
    await b.card(first, "Added to CASEM-4523 by Ana")
    await b.card(second, "Added to CASEM-4523 by Ana")
    await b.handled()
    assert sorted(resource for _, resource, _ in b.on_case) == ["1", "2"]
