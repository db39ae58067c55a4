"""The client for Datadog, against the sandbox's: what each failure is taken for."""

import socket
from collections.abc import Awaitable
from email.utils import formatdate
from typing import Any

import pytest
from pydantic import SecretStr

from bot.config.credentials import AccessToken, Keys
from bot.datadog.answers import Triple
from bot.datadog.client import Datadog
from bot.datadog.errors import DatadogPermanent, DatadogTransient, TransientReason
from bot.sandbox.datadog.server import DatadogServer
from tests.datadog.conftest import GOOD, KEY

GET = "GET /api/v2/cases/{case_id}"
PUT = "PUT /api/v2/cases/{case_id}/insights"
DELETE = "DELETE /api/v2/cases/{case_id}/insights"
MONITOR = Triple("MONITOR", "1", "/monitors/1")
ISSUE = Triple("ERROR_TRACKING", "2841440d-e780-4fe2-96cd-6a8c1d194da5", "/error-tracking/issue/2841440d")


async def later(call: Awaitable[object]) -> DatadogTransient:
    with pytest.raises(DatadogTransient) as error:
        await call
    return error.value


async def refused(call: Awaitable[object]) -> DatadogPermanent:
    with pytest.raises(DatadogPermanent) as error:
        await call
    return error.value


def spoil(server: DatadogServer, body: Any = None, *, method: str = GET, status: int = 200, **headers: str) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    server.control.rule("datadog", method, status=status, body=body, headers=named)


# --- what works ---


async def test_a_case_is_found_by_key_and_by_uuid(server, datadog):
    kept = server.cases[KEY]
    by_key, by_id = await datadog.case(KEY), await datadog.case(kept.id)
    assert by_key == by_id
    assert (by_key.id, by_key.key, by_key.title) == (kept.id, KEY, "Memory leak investigation on API")
    assert (by_key.closed, by_key.archived) == (False, False)
    assert not by_key.insights


async def test_what_is_added_or_removed_is_named_by_its_three_fields_and_answered_by_the_case(server, datadog):
    told = await datadog.add(KEY, [MONITOR, ISSUE])
    assert told.insights == (MONITOR, ISSUE)
    (call,) = server.control.matching("datadog", PUT)
    named = [{"type": each.type, "resource_id": each.resource_id, "ref": each.ref} for each in (MONITOR, ISSUE)]
    assert call.arguments == {"data": {"type": "case", "attributes": {"insights": named}}}
    assert (await datadog.remove(KEY, [MONITOR])).insights == (ISSUE,)


async def test_an_access_token_does_as_well_as_two_keys(server):
    client = Datadog(server.url, AccessToken(SecretStr("sandbox-access-token")), timeout=5)
    assert (await client.case(KEY)).key == KEY
    await client.close()


@pytest.mark.parametrize(
    ("attributes", "closed", "archived"),
    [
        ({"status_group": "SG_CLOSED", "status": "Done, by our own name"}, True, False),
        ({"status_group": "SG_OPEN", "status": "CLOSED"}, False, False),
        ({"status": "CLOSED"}, True, False),
        ({"status": "IN_PROGRESS"}, False, False),
        ({"archived_at": "2026-01-01T00:00:00Z", "status": "OPEN"}, False, True),
        ({"archived_at": 1700000000}, None, True),
        ({"status_group": 7, "status": None}, None, False),
        ({}, None, False),
    ],
)
async def test_what_datadog_leaves_out_or_adds_is_no_error(server, datadog, attributes, closed, archived):
    data = {"id": "7D16945B-BAF8-411E-AB2A-20FE43AF1EA3", "type": "case", "attributes": {"new": 1, **attributes}}
    spoil(server, {"data": data, "included": []})
    told = await datadog.case(KEY)
    assert (told.closed, told.archived, told.insights, told.lists_all) == (closed, archived, (), False)
    assert (told.id, told.key, told.title) == ("7d16945b-baf8-411e-ab2a-20fe43af1ea3", "", "")


async def test_insights_of_types_that_nobody_knows_are_read_all_the_same(server, datadog):
    rows = [{"type": "NEW_TYPE", "resource_id": 7}, {"type": "MONITOR", "resource_id": "1", "ref": "/monitors/1"}]
    spoil(server, {"data": {"id": "x", "attributes": {"insights": rows}}})
    assert (await datadog.case(KEY)).insights == (Triple("NEW_TYPE", "7", ""), MONITOR)


# --- refused ---


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"errors": ["Forbidden"]}, "Forbidden"),
        ({"errors": ["one", "two"]}, "one; two"),
        ({"errors": [{"title": "Generic Error", "detail": "insight is invalid"}]}, "insight is invalid"),
        ({"errors": [{"title": "case not found", "code": "resource_not_found"}]}, "case not found"),
        ({"errors": [{"code": "resource_not_found"}]}, "resource_not_found"),
        ({"errors": ["two\nlines \x1b[31m\u202e\u200bred\0"]}, "two lines [31m red"),
        ({"errors": ["x" * 900]}, "x" * 150 + "…" + "x" * 149),
        ({"errors": ["\u200b"]}, "HTTP 400"),
        ({"errors": [{}, 7, None]}, "HTTP 400"),
        ({"errors": [{"detail": {"a": 1}, "title": 7, "code": "bad"}]}, "bad"),
        ({"errors": "a string"}, "a string"),
        ({"errors": {"detail": "an object"}}, "an object"),
        ({"errors": None}, "HTTP 400"),
        ({"error": "elsewhere"}, "HTTP 400"),
        (["no", "object"], "HTTP 400"),
        ("<html><body>Bad Request</body></html>", "HTTP 400"),
        ("", "HTTP 400"),
    ],
)
async def test_a_refusal_has_datadogs_words_whatever_their_shape(server, datadog, body: Any, words: str):
    spoil(server, body, status=400)
    error = await refused(datadog.case(KEY))
    assert (error.status, error.words) == (400, words)


async def test_a_case_that_is_not_there_is_a_refusal(datadog):
    error = await refused(datadog.case("CASEM-1"))
    assert (error.status, error.words) == (404, "case not found")
    assert (await refused(datadog.add("CASEM-1", [MONITOR]))).status == 404


async def test_keys_are_told_from_permission_and_from_not_knowing(server, datadog):
    server.may_write = False
    assert (await refused(datadog.add(KEY, [MONITOR]))).status == 403
    await datadog.check_keys()
    assert datadog.keys_accepted_once
    server.control.rule("datadog", "GET /api/v2/validate_keys", status=503, times=1)
    assert not (await later(datadog.add(KEY, [MONITOR]))).sent, "it was refused, whatever the reason"
    server.keys_valid = False
    await datadog.check_keys()
    assert datadog.keys_refused
    error = await later(datadog.case(KEY))
    assert (error.why, error.after, error.counts) == (TransientReason.CREDENTIALS, pytest.approx(60, abs=5), False)


# --- later ---


@pytest.mark.parametrize("status", [302, 408, 500, 502, 503, 504])
async def test_a_server_in_trouble_is_asked_later_and_may_have_done_it(server, datadog, status: int):
    """And a redirect is not followed with our keys."""
    spoil(server, status=status, Location="https://elsewhere.example/")
    error = await later(datadog.case(KEY))
    assert (error.why, error.status, error.after, error.sent) == (TransientReason.SILENT, status, None, True)


@pytest.mark.parametrize("html", [False, True])
async def test_a_rate_limit_sent_nothing_and_says_when_whatever_its_body(server, datadog, html: bool):
    server.limit(1, 7, html=html)
    error = await later(datadog.case(KEY))
    assert (error.why, error.status, error.after, error.sent) == (TransientReason.RATE_LIMITED, 429, 7.0, False)


THEN = 1_500_000_000


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({"Retry_After": "11"}, 11.0),
        ({"Retry_After": "11", "X_RateLimit_Reset": "7"}, 7.0),
        ({"Retry_After": "11", "X_RateLimit_Reset": "soon"}, 11.0),
        # Ours may be wrong: an epoch counts by the server's clock.
        ({"X_RateLimit_Reset": str(THEN + 20), "Date": formatdate(THEN, usegmt=True)}, 20.0),
        ({"X_RateLimit_Reset": "0"}, 0.0),
        ({"X_RateLimit_Reset": "-5"}, 0.0),
        ({"X_RateLimit_Reset": "99999"}, 3600.0),
        *(({"X_RateLimit_Reset": value}, None) for value in ("inf", "nan", "soon", "")),
    ],
)
async def test_when_is_never_negative_endless_or_no_number(
    server, datadog, status: int, headers: dict[str, str], after: float | None
):
    spoil(server, status=status, **headers)
    assert (await later(datadog.case(KEY))).after == after


async def test_a_rate_limit_as_an_epoch(server, datadog):
    server.limit(1, 7, epoch=True)
    after = (await later(datadog.case(KEY))).after
    assert after is not None
    assert 5 <= after <= 9


async def test_a_refused_connection_sent_nothing():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = Datadog(f"http://127.0.0.1:{taken.getsockname()[1]}", GOOD, timeout=5)
        error = await later(client.case(KEY))
    await client.close()
    assert (error.why, error.status, error.sent) == (TransientReason.SILENT, None, False)


async def test_a_time_out_may_have_been_carried_out(server):
    client = Datadog(server.url, GOOD, timeout=0.2)
    server.control.rule("datadog", PUT, hold="after")
    error = await later(client.add(KEY, [MONITOR]))
    assert (error.why, error.status, error.sent) == (TransientReason.SILENT, None, True)
    assert len(server.cases[KEY].insights) == 1
    server.control.release()
    await client.close()


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_broken_connection_may_have_been_carried_out(server, datadog, moment):
    server.control.rule("datadog", PUT, drop=moment)
    assert (await later(datadog.add(KEY, [MONITOR]))).sent
    assert len(server.cases[KEY].insights) == (moment == "after")


NO_CASE = ["<html>Sign in</html>", "", "{", "null", "[]", "[" * 100_000, '{"data": null}', '{"data": [{"id": "x"}]}']


@pytest.mark.parametrize("body", [*NO_CASE, '{"data": {"attributes": {}}}', '{"data": {"id": "a/b"}}'])
async def test_an_answer_that_tells_no_case_is_no_answer_to_who_asks_for_it(server, datadog, body: str):
    spoil(server, body)
    error = await later(datadog.case(KEY))
    assert (error.status, error.sent) == (200, True)


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("body", NO_CASE)
async def test_what_was_done_is_done_whatever_the_answer_tells(server, datadog, body: str, status: int):
    for method in (PUT, DELETE):
        spoil(server, body, method=method, status=status)
    assert await datadog.add(KEY, [MONITOR]) is None
    assert await datadog.remove(KEY, [MONITOR]) is None


# --- what nobody must read ---


@pytest.mark.parametrize("credentials", [GOOD, AccessToken(SecretStr("sandbox-access-token"))])
def test_credentials_show_no_secret(credentials: Keys | AccessToken):
    assert "sandbox" not in f"{credentials!r} {credentials}"
