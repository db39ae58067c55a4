"""HTTP mode: what Slack signs does what it does over a websocket, and nothing else does anything."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from bot.sandbox.slack.http_mode import signature
from tests import postgres
from tests.e2e import test_commands, test_home, test_main_job, test_mention, test_modal
from tests.e2e.bench import SIGNING_SECRET, Bench, bench, monitor
from tests.e2e.test_health import fetch

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
EVENT = b'{"type": "event_callback", "event": {"type": "%s", "text": "very secret"}}'


async def post(
    b: Bench, body: bytes | AsyncIterator[bytes], content_type: str = JSON, **headers: str
) -> httpx.Response:
    """Whatever one likes to the bot's address; signed as Slack would, but for the headers that are given."""
    at = str(int(time.time()))
    signed = {b"X-Slack-Request-Timestamp": at.encode(), b"Content-Type": content_type.encode()}
    if isinstance(body, bytes):
        signed[b"X-Slack-Signature"] = signature(SIGNING_SECRET, at, body).encode()
    given = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    assert b.balancer is not None
    async with httpx.AsyncClient() as client:
        return await client.post(f"{b.balancer.targets[0]}/slack/events", content=body, headers={**signed, **given})


def said_nothing(b: Bench) -> bool:
    """The log has no traceback and nothing of what was sent."""
    return "Traceback" not in b.log and "very secret" not in b.log


async def asked_until_it_fails(b: Bench) -> None:
    assert b.balancer is not None
    # What the door took as it closed gets no answer, and the click has but a second until Slack's word is overdue.
    async with httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0), timeout=0.3) as client:
        while True:
            await client.get(f"{b.balancer.targets[0]}/healthz")


SCENARIOS = (
    test_main_job.test_one_click_puts_exactly_the_insights_of_the_thread_on_the_case,
    test_modal.test_a_case_is_searched_by_its_title,
    test_commands.test_a_thread_is_tied_by_its_permalink_and_what_it_holds_is_offered,
    test_mention.test_a_mention_with_a_link_has_one_effect,
    test_mention.test_a_mention_while_the_database_is_locked_is_carried_out_when_slack_repeats_it,
    test_home.test_home_lists_ties_modes_and_what_was_added_with_the_way_to_it,
)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__.removeprefix("test_"))
async def test_over_http_as_over_a_websocket(web: Bench, scenario: Callable[[Bench], Awaitable[None]]) -> None:
    await scenario(web)


async def test_three_replicas_behind_a_round_robin_share_what_slack_sends(postgres_url: str, tmp_path: Path) -> None:
    """Without sticky sessions: what one has offered, another confirms, and each thing happens once."""
    settings = {"DATABASE_URL": postgres.create(postgres_url, "robin")}
    async with bench(tmp_path, replicas=3, settings=settings, http=True) as three:
        roots = [three.start_thread() for _ in range(6)]
        for number, root in enumerate(roots, 1):
            ts = three.reply(root, monitor(number))
            three.slack.redeliver(ts, copies=2, new_ids=True)
        cards = await asyncio.gather(*(three.card(root, "Add 1 insight") for root in roots))
        people = ("U0ANA", "U0BEN")
        clicks = [three.click(card, "insights.add", each, late=True) for card in cards for each in people]
        assert all(response["acknowledged"] for response in await asyncio.gather(*clicks))
        await asyncio.gather(*(three.card(root, "Added to CASEM-4523") for root in roots))
        await three.handled()
        assert sorted(rid for _, rid, _ in three.on_case) == ["1", "2", "3", "4", "5", "6"]
        assert [len(three.cards(root)) for root in roots] == [1] * 6
        assert three.balancer is not None
        assert set(three.balancer.served) == set(three.balancer.targets), "each had its share"
    postgres.drop(postgres_url, "robin")


@pytest.fixture
async def door(over_http: Bench) -> Bench:
    """The bot as the test before left it: nothing of what is sent here gets further than its door."""
    await over_http.start()
    return over_http


BAD_SIGNATURES = {
    "another secret": {"X_Slack_Signature": "v0=" + 64 * "0"},
    "no signature": {"X_Slack_Signature": ""},
    "a signature of no kind": {"X_Slack_Signature": "v0=tÿ"},
    "six minutes old": {"X_Slack_Request_Timestamp": str(int(time.time()) - 360)},
    "of the future": {"X_Slack_Request_Timestamp": str(int(time.time()) + 3600)},
    "no timestamp": {"X_Slack_Request_Timestamp": ""},
    "no number": {"X_Slack_Request_Timestamp": "yesterday"},
    "digits that are no ASCII": {"X_Slack_Request_Timestamp": "\u0661\u0662"},
    "a negative number": {"X_Slack_Request_Timestamp": "-1"},
}


@pytest.mark.parametrize("headers", BAD_SIGNATURES.values(), ids=BAD_SIGNATURES)
async def test_a_request_that_slack_did_not_sign_lately_is_refused(door: Bench, headers: dict[str, str]) -> None:
    """K19."""
    response = await post(door, EVENT % b"app_mention", **headers)
    assert response.status_code == 401
    assert said_nothing(door)


async def test_a_request_that_was_recorded_and_is_played_again_later_is_refused(door: Bench) -> None:
    """K19: its signature is good, and its time has passed."""
    at, body = str(int(time.time()) - 301), EVENT % b"app_mention"
    headers = {"X_Slack_Request_Timestamp": at, "X_Slack_Signature": signature(SIGNING_SECRET, at, body)}
    assert (await post(door, body, **headers)).status_code == 401


MALFORMED = {
    "no JSON": (b'{"type": "very secret', JSON),
    "no object": (b'["very secret"]', JSON),
    "a word": (b'"very secret"', JSON),
    "null": (b"null", JSON),
    "nothing": (b"", JSON),
    "too deep": (b'{"a":' * 100_000, JSON),
    "no UTF-8": (b'{"type": "very secret \xff"}', JSON),
    "a payload that is no JSON": (b"payload=very+secret", FORM),
    "an object of another shape": (b'{"authorizations": ["very secret"]}', JSON),
}


@pytest.mark.parametrize(("body", "kind"), MALFORMED.values(), ids=MALFORMED)
async def test_what_is_not_what_slack_sends_is_refused_without_a_traceback(door: Bench, body: bytes, kind: str) -> None:
    """K19."""
    assert (await post(door, body, kind)).status_code == 400
    assert said_nothing(door)


async def test_a_body_that_is_too_large_is_not_read(door: Bench) -> None:
    """K19: whether it says its length beforehand or not."""
    assert (await post(door, b"x" * (1024 * 1024 + 1))).status_code == 413

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b"x" * 16_384

    signed_somehow = {"X_Slack_Signature": "v0=" + 64 * "0"}
    assert (await post(door, endless(), **signed_somehow)).status_code == 413
    assert said_nothing(door)


async def test_an_unknown_type_of_event_is_acknowledged(door: Bench) -> None:
    """K18: Bolt's 404 would count as a failure of ours."""
    assert (await post(door, EVENT % b"star_added")).status_code == 200


@pytest.mark.parametrize("kind", ["app_rate_limited", "view_closed", "one_of_tomorrow"])
async def test_what_has_no_event_in_it_is_acknowledged_and_dropped_events_are_told(door: Bench, kind: str) -> None:
    """K37."""
    assert (await post(door, b'{"type": "%b", "team_id": "T0ACME"}' % kind.encode())).status_code == 200
    if kind == "app_rate_limited":
        assert "slack.events_dropped" in door.log
        counted = await fetch(door, "/metrics")
        assert 'case_insights_events_total{outcome="dropped",type="app_rate_limited"}' in counted.text


async def test_an_event_of_an_odd_shape_ends_quietly(door: Bench) -> None:
    assert (await post(door, b'{"type": "event_callback", "event": "very secret"}')).status_code == 400
    assert said_nothing(door)


async def test_slacks_address_takes_posts_only(door: Bench) -> None:
    assert door.balancer is not None
    async with httpx.AsyncClient() as client:
        response = await client.get(f"{door.balancer.targets[0]}/slack/events")
    assert response.status_code == 405


async def test_a_bot_that_is_told_to_stop_answers_what_is_under_way(web: Bench) -> None:
    root, card = await web.offer(1)
    web.slack.add_user(id="U0EVA", name="eva", real_name="Eva")
    web.slack.join("C0INCIDENTS", "U0EVA")
    web.control.rule("slack", "users.info", hold="before", times=1)
    click = asyncio.create_task(web.click(card, "insights.add", "U0EVA"))
    await web.held("users.info")
    stopping = asyncio.create_task(web.bot.stop())
    with pytest.raises(httpx.TransportError):  # refused, or met the door while it closed
        await asked_until_it_fails(web)
    web.control.release()
    assert (await click)["acknowledged"]
    assert await stopping == 0
    await web.start()
    await web.card(root, "Added to CASEM-4523 by Eva")
