"""Datadog's answers as they are: recorded ones (`datadog/recorded.json` says whence), and what else can come."""

import asyncio
import copy
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import web
from pydantic import SecretStr

from bot.config.credentials import Keys
from bot.datadog import answers
from bot.datadog.answers import DatadogCase, Triple
from bot.datadog.client import Datadog
from bot.datadog.errors import DatadogPermanent, DatadogTransient
from bot.datadog.timeline import CaseComment
from bot.datadog.titles import Titles
from bot.datadog.transport import LARGEST_BODY
from bot.model import Identity, InsightType
from bot.sandbox.datadog.server import DatadogServer

RECORDED = json.loads((Path(__file__).parent / "datadog" / "recorded.json").read_text(encoding="utf-8"))["answers"]
GOOD = Keys(SecretStr("sandbox-api-key"), SecretStr("sandbox-app-key"))
CASE_ID = "7d16945b-baf8-411e-ab2a-20fe43af1ea3"
MONITOR = Triple("MONITOR", "1", "/monitors/1")


def recorded(*words: str) -> list[Any]:
    """The recorded answers whose cassettes are named with one of these."""
    return [pytest.param(row, id=row["cassette"]) for row in RECORDED if any(word in row["cassette"] for word in words)]


@pytest.fixture
async def server() -> AsyncIterator[DatadogServer]:
    async with DatadogServer() as server:
        yield server


@pytest.fixture
async def datadog(server: DatadogServer) -> AsyncIterator[Datadog]:
    client = Datadog(server.url, GOOD, timeout=5)
    yield client
    await client.close()


# --- as recorded ---


CASES = recorded("details_of_a_case_returns_ok", "create_a_case", "comment_returns_bad", "archive_case_returns_ok")
CASES += recorded("attribute_returns_ok", "findings_to_a_case")


@pytest.mark.parametrize("row", CASES)
async def test_a_recorded_case_is_read_whole(server, datadog, row):
    server.control.rule("datadog", "*", status=row["status"], body=row["body"])
    attributes = row["body"]["data"]["attributes"]
    with structlog.testing.capture_logs() as logged:
        told = await datadog.case(CASE_ID)
    assert told.is_whole
    assert told == await datadog.add(CASE_ID, [MONITOR]) == await datadog.remove(CASE_ID, [MONITOR])
    assert (told.id, told.key) == (row["body"]["data"]["id"], attributes["key"])
    assert (told.title, told.closed) == (attributes["title"], False)
    assert told.archived == ("archived_at" in attributes)
    assert [insight.resource_id for insight in told.insights] == [
        each["resource_id"] for each in attributes["insights"]
    ]
    assert logged == []


async def test_a_recorded_search_finds_its_cases(server, datadog):
    [row] = recorded("search_cases")[0].values
    server.control.rule("datadog", "*", body=row["body"])
    found = await datadog.search("error", within=5)
    assert [(case.key, case.closed, len(case.insights)) for case in found] == [("ET-3", True, 1), ("ET-2", True, 1)]


async def test_a_recorded_comment_was_added_and_is_listed(server, datadog):
    [row] = recorded("comment_case")[0].values
    server.control.rule("datadog", "*", body=row["body"], times=2)
    cell_id = row["body"]["data"][0]["id"]
    assert await datadog.comment(CASE_ID, "Hello World !") == cell_id
    listed = await anext(datadog.comments(CASE_ID))
    assert listed == CaseComment(cell_id, "Hello World !")


async def test_of_the_recorded_types_those_that_are_not_deleted_can_be_chosen(server, datadog):
    [row] = recorded("case_types")[0].values
    server.control.rule("datadog", "*", body=row["body"])
    assert [kind.name for kind in await datadog.case_types(within=5)] == ["Standard", "Investigation"]


REFUSALS = [row for row in RECORDED if row["status"] >= 400]
WORDS = [
    "timeline cell not found",
    "case not found",
    'got type "project" expected one of "case"',
    "Bad Request",
    "invalid priority P1234. Must be one of P1, P2, P3, P4, P5, NOT_DEFINED",
    "failed to update batch: failed to apply command: failed to apply domain.UpdateCustomAttribute command: "
    "custom attribute configuration not found",
    "Monitor not found",
    "issue not found",
    "Signal not found",
]


@pytest.mark.parametrize(("row", "words"), [*zip(REFUSALS, WORDS, strict=True)], ids=WORDS)
async def test_a_recorded_refusal_is_told_in_its_words(server, datadog, row, words):
    server.control.rule("datadog", "*", status=row["status"], body=row["body"])
    with pytest.raises(DatadogPermanent) as refused:
        await datadog.case(CASE_ID)
    assert (refused.value.status, refused.value.words) == (row["status"], words)


ISSUE = "5f8ebd5c-6dd9-11f0-8a28-da7ad0900002"
INCIDENT = "19c87e47-487a-5ce4-8841-61d23ea414d4"
NAMED = {
    "synthetics_monitors": (InsightType.MONITOR, "150677868", "Test-Get_a_synthetics_monitor_s_details-1722945796"),
    "an_incident": (
        InsightType.INCIDENT,
        INCIDENT,
        "Test-Get_the_details_of_an_incident_returns_OK_response-1771855606",
    ),
    "issue_returns_ok": (InsightType.ERROR_TRACKING, ISSUE, "Error: HTTP error"),
    "signals_details_returns_ok": (InsightType.SECURITY_SIGNAL, "AQAAAYNqUBVU4-rff", "Generate a fake Signal"),
}


@pytest.mark.parametrize("cassette", NAMED)
async def test_a_recorded_resource_has_its_name(server, datadog, cassette):
    [row] = recorded(cassette)[0].values
    kind, resource_id, name = NAMED[cassette]
    server.control.rule("datadog", "*", body=row["body"])
    insight = Identity(kind, "", resource_id)
    with structlog.testing.capture_logs() as logged:
        assert await Titles(datadog, "default", asyncio.Semaphore(1)).look_up([insight], within=5) == {insight: name}
    assert logged == []


@pytest.mark.parametrize("row", recorded("get_a_dashboard"))
async def test_a_recorded_dashboard_is_read_to_its_end_although_its_widgets_have_no_title(server, datadog, row):
    [widget] = row["body"]["widgets"]
    widget["definition"]["title"] = "Cores"
    server.control.rule("datadog", "*", body=row["body"])
    insight = Identity(InsightType.WIDGET, row["body"]["id"], str(widget["id"]))
    assert await Titles(datadog, "default", asyncio.Semaphore(1)).look_up([insight], within=5) == {insight: "Cores"}


# --- each field of them, gone or of another type ---

OTHERS = (
    None,
    7,
    -1,
    1.5,
    True,
    "secret-value",
    [],
    ["secret-value"],
    {},
    {"secret-value": "secret-value"},
    "\ud800\0",
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in below:
        yield (*path, key)
        yield from places(part, (*path, key))


def changed(body: Any, path: tuple[Any, ...], *value: Any) -> Any:
    """The body with another value at this path; without one: with nothing there."""
    body = copy.deepcopy(body)
    part = body
    for key in path[:-1]:
        part = part[key]
    if value:
        part[path[-1]] = value[0]
    else:
        del part[path[-1]]
    return body


def told(body: Any) -> tuple[DatadogCase | None, list[str]]:
    """What is read of a body, and the paths that are logged."""
    with structlog.testing.capture_logs() as logged:
        case = answers.case_in(json.dumps(body).encode(), CASE_ID)
    assert "secret-value" not in str(logged)
    return case, [path for line in logged for path in line["paths"]]


def test_each_field_that_is_gone_or_of_another_type_costs_itself_alone_and_is_logged_without_its_value():
    [row] = recorded("findings_to_a_case")[0].values
    whole, _ = told(row["body"])
    assert whole is not None
    identities = {insight.resource_id for insight in whole.insights}
    for path in places(row["body"]):
        for value in [(), *((other,) for other in OTHERS)]:
            case, logged = told(changed(row["body"], path, *value))
            if path == ("data",):
                assert case is None or not case.lists_all
                continue
            assert case is not None
            assert case.id in (whole.id, "7", "-1", "secret-value")
            case.title.encode()  # as databases take it
            kept = {insight.resource_id for insight in case.insights if insight.type == "SECURITY_FINDING"}
            assert case.lists_all <= (identities <= kept or "insights" in path), "what is missing may be there"
            if "insights" not in path and path != ("data", "attributes"):
                assert case.insights == whole.insights
            if not case.is_whole:
                assert logged, f"{path} {value}"


@pytest.mark.parametrize(
    ("insights", "read", "lists_all", "logged"),
    [
        ([{"type": "MONITOR", "resource_id": 1, "ref": None}], [Triple("MONITOR", "1", "")], True, []),
        ([{"type": "NOTEBOOK", "ref": "/notebook/1"}], [Triple("NOTEBOOK", "", "/notebook/1")], True, ["resource_id"]),
        ([{"type": "MONITOR", "ref": "/monitors/1"}], [], False, ["data.attributes.insights[0].resource_id: NoneType"]),
        ([{"type": 7, "resource_id": "1"}], [], False, ["data.attributes.insights[0].type: int"]),
        ([{"type": "MONITOR", "resource_id": 1.0}], [], False, ["data.attributes.insights[0].resource_id: float"]),
        ([{"type": "WIDGET", "resource_id": "1"}], [], False, []),
        ([7], [], False, ["data.attributes.insights[0]: int"]),
        ({"MONITOR": "1"}, [], False, ["data.attributes.insights: dict"]),
        (None, [], False, ["data.attributes.insights: NoneType"]),
        ([], [], True, []),
    ],
)
def test_an_insight_that_cannot_be_read_may_be_any_of_those_that_the_bot_knows(insights, read, lists_all, logged):
    attributes = {"key": "C-1", "title": "t", "status": "OPEN", "insights": insights}
    case, paths = told({"data": {"id": CASE_ID, "attributes": attributes}})
    assert case is not None
    assert (list(case.insights), case.lists_all) == (read, lists_all)
    assert all(any(word in path for path in paths) for word in logged), paths


# --- what else can come over a connection ---

BODY = json.dumps({"data": {"id": CASE_ID, "attributes": {"key": "C-1", "title": "T", "insights": []}}}).encode()


async def _cut(request: web.Request, response: web.StreamResponse) -> None:
    await response.write(BODY[:20])
    assert request.transport is not None
    request.transport.close()


async def _stalled(_: web.Request, response: web.StreamResponse) -> None:
    await response.write(BODY[:20])
    await asyncio.Event().wait()


ODD: dict[str, tuple[bytes, dict[str, str], Any]] = {
    "no UTF-8 in a title": (BODY.replace(b'"T"', b'"T\xff\xfe"'), {}, None),
    "a byte-order mark": (b"\xef\xbb\xbf" + BODY, {}, None),
    "packed": (gzip.compress(BODY), {"Content-Encoding": "gzip"}, None),
    "packed wrongly": (BODY, {"Content-Encoding": "gzip"}, None),
    "packed and endless": (gzip.compress(b" " * (LARGEST_BODY + 1) + BODY), {"Content-Encoding": "gzip"}, None),
    "huge": (b" " * LARGEST_BODY + BODY, {}, None),
    "cut": (b"", {}, _cut),
    "stalled": (b"", {}, _stalled),
}
READABLE = ("no UTF-8 in a title", "a byte-order mark", "packed")


@pytest.mark.parametrize("how", ODD)
async def test_the_status_settles_what_was_done_and_only_a_read_fails_for_want_of_its_body(how):
    body, headers, ending = ODD[how]

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await (ending(request, response) if ending else response.write(body))
        return response

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    client = Datadog(f"http://127.0.0.1:{runner.addresses[0][1]}", GOOD, timeout=0.5)
    try:
        added = await client.add(CASE_ID, [MONITOR])
        if how in READABLE:
            assert added is not None
            assert (await client.case("C-1")).key == added.key == "C-1"
        else:
            assert added is None
            with pytest.raises(DatadogTransient):
                await client.case("C-1")
    finally:
        await client.close()
        await runner.cleanup()
