"""The sandbox's control: journal, waiting, rules, holds, and the control routes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from bot.sandbox.control import Control
from bot.sandbox.datadog.server import DatadogServer

CASE = "/api/v2/cases/CASEM-4523"
GET_CASE = "GET /api/v2/cases/{case_id}"
PUT = "PUT /api/v2/cases/{case_id}/insights"
MONITOR = {"type": "MONITOR", "resource_id": "1", "ref": "/monitors/1"}
BODY = {"data": {"type": "case", "attributes": {"insights": [MONITOR]}}}


@pytest.fixture
def control(datadog: DatadogServer) -> Control:
    return datadog.control


def on_case(datadog: DatadogServer) -> int:
    return len(datadog.cases["CASEM-4523"].insights)


async def put(caller: httpx.AsyncClient) -> httpx.Response:
    return await caller.put(f"{CASE}/insights", json=BODY)


# The journal


async def test_a_call_is_journaled_by_its_template_with_its_arguments_and_answer(control, caller):
    await put(caller)
    (call,) = control.calls
    assert (call.n, call.service, call.method, call.path) == (1, "datadog", PUT, f"{CASE}/insights")
    assert (call.arguments, call.done, call.status) == (BODY, True, 200)
    assert call.answer["data"]["attributes"]["insights"] == [MONITOR]


def test_credentials_are_not_journaled():
    call = Control().begin("slack", "chat.postMessage", "/api/chat.postMessage", {"token": "xoxb-1", "text": "x"})
    assert call.arguments == {"text": "x"}


def test_calls_are_found_by_service_method_and_number():
    control = Control()
    first = control.begin("slack", "auth.test", "/", {})
    second = control.begin("datadog", GET_CASE, CASE, {})
    assert (control.matching(), control.matching("slack")) == ([first, second], [first])
    assert control.matching(method=GET_CASE) == control.matching(after=1) == [second]


# Waiting


async def test_until_says_what_it_waited_for_and_the_last_ten_calls():
    control = Control()
    for number in range(12):
        control.finish(control.begin("slack", f"method.{number}", "/", {}), 200, {})
    with pytest.raises(TimeoutError, match="for a card") as raised:
        await control.until(lambda: None, timeout=0.01, what="a card")
    assert "method.11" in str(raised.value)
    assert "method.2 " in str(raised.value)
    assert "method.1 " not in str(raised.value)


async def test_quiet_waits_for_calls_under_way():
    control = Control()
    call = control.begin("slack", "auth.test", "/", {})
    waiting = asyncio.create_task(control.quiet(0.01))
    with pytest.raises(TimeoutError):
        await control.quiet(0.01, timeout=0.05)
    assert not waiting.done()
    control.finish(call, 200, {})
    await waiting


async def test_quiet_begins_anew_with_every_call():
    control = Control()
    loop = asyncio.get_running_loop()
    loop.call_later(0.05, lambda: control.finish(control.begin("slack", "auth.test", "/", {}), 200, {}))
    began = loop.time()
    await control.quiet(0.1)
    assert loop.time() - began >= 0.14


# Rules


@pytest.mark.parametrize(
    ("rules", "answers"),
    [
        ([(PUT, {"status": 500, "times": 2})], [500, 500, 200]),
        ([(GET_CASE, {"status": 500})], [200]),
        ([(PUT, {"status": 502, "times": 1}), ("*", {"status": 503})], [502, 503]),
        ([(GET_CASE, {"status": 418}), (PUT, {"status": 500})], [500, 500]),
    ],
    ids=["as often as it says", "of another method", "the first with times left wins", "the first that matches wins"],
)
async def test_a_rule_answers_instead_of_the_server(datadog, control, caller, rules, answers):
    control.rule("slack", "*", status=418)
    for method, rule in rules:
        control.rule("datadog", method, **rule)
    assert [(await put(caller)).status_code for _ in answers] == answers
    assert on_case(datadog) == answers.count(200)
    control.clear_rules()
    assert (await put(caller)).status_code == 200


async def test_a_rule_may_answer_html_with_headers_or_broken_json(control, caller):
    control.rule("datadog", "*", status=503, body="<html>down</html>", headers={"Retry-After": "7"}, times=1)
    response = await caller.get(CASE)
    assert (response.status_code, response.text, response.headers["Retry-After"]) == (503, "<html>down</html>", "7")
    assert response.headers["Content-Type"].startswith("text/html")
    control.rule("datadog", "*", body="{", headers={"Content-Type": "application/json"})
    assert (await caller.get(CASE)).text == control.calls[1].answer == "{"


async def test_a_delay_comes_before_the_answer(control, caller):
    control.rule("datadog", GET_CASE, delay=0.05)
    assert (await caller.get(CASE)).elapsed.total_seconds() >= 0.05


@pytest.mark.parametrize(("drop", "applied"), [("before", 0), ("after", 1)])
async def test_a_dropped_call_has_no_answer_and_is_applied_only_if_dropped_after(
    datadog, control, caller, drop, applied
):
    control.rule("datadog", PUT, drop=drop, times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await put(caller)
    assert on_case(datadog) == applied
    (call,) = control.calls
    assert (call.done, call.status, call.answer) == (True, None, None)
    assert (await put(caller)).status_code == 200


@pytest.mark.parametrize(("apply", "applied"), [(False, 0), (True, 1)])
async def test_a_call_may_be_applied_and_answered_with_another_body(datadog, control, caller, apply, applied):
    control.rule("datadog", PUT, body={"odd": 1}, apply=apply)
    response = await put(caller)
    assert (response.status_code, response.json(), on_case(datadog)) == (200, {"odd": 1}, applied)


@pytest.mark.parametrize(
    ("hold", "status", "held", "released"),
    [("before", None, 0, 1), ("after", None, 1, 1), ("after", 500, 1, 1), ("before", 500, 0, 0)],
)
async def test_a_held_call_waits_at_its_point_until_it_is_released(
    datadog, control, caller, hold, status, held, released
):
    """It may be applied and still be answered with an error."""
    control.rule("datadog", PUT, hold=hold, status=status, times=1)
    calling = asyncio.create_task(put(caller))
    (call,) = await control.until(control.held, what="a held call")
    assert (call.held, call.done, on_case(datadog)) == (hold, False, held)
    control.release("slack")
    assert control.held() == [call]
    control.release("datadog")
    assert (await calling).status_code == (status or 200)
    assert (control.held(), call.held, call.done, on_case(datadog)) == ([], None, True, released)


async def test_a_held_caller_that_goes_away_leaves_the_rest_working(control, caller):
    control.rule("datadog", PUT, hold="after", times=1)
    calling = asyncio.create_task(put(caller))
    await control.until(control.held)
    calling.cancel()
    control.release()
    await control.quiet(0.01)
    assert (await caller.get(CASE)).status_code == 200


def spoilt(seed: int) -> list[bool]:
    control = Control()
    control.rule("datadog", "*", status=500, probability=0.3, seed=seed)
    return [control.take_rule("datadog", PUT) is not None for _ in range(200)]


def test_a_probability_spoils_the_same_calls_for_the_same_seed():
    assert spoilt(7) == spoilt(7)
    assert spoilt(7) != spoilt(8)
    assert 30 < sum(spoilt(7)) < 90


@pytest.mark.parametrize(
    "wrong", [{"status": 99}, {"delay": -1.0}, {"times": 0}, {"probability": 1.5}, {"drop": "now"}, {"hold": "never"}]
)
def test_a_rule_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))} must be"):
        Control().rule("datadog", "*", **wrong)


# Starting over


async def test_reset_forgets_rules_calls_and_state_and_numbers_go_on(datadog, control, caller):
    await caller.get(CASE)
    control.rule("datadog", "*", status=500)
    datadog.keys_valid = False
    control.reset()
    assert (control.calls, len(datadog.cases)) == ([], 0)
    assert (await caller.get(CASE)).status_code == 404
    assert control.calls[0].n == 2


async def test_what_was_held_before_a_reset_is_not_applied_after_it(datadog, control, caller):
    control.rule("datadog", PUT, hold="before")
    calling = asyncio.create_task(put(caller))
    await control.until(control.held)
    control.reset()
    datadog.add_case("CASEM-4523", "The next test's case")
    with pytest.raises(httpx.RemoteProtocolError):
        await calling
    assert on_case(datadog) == 0


async def test_a_server_stops_although_calls_are_held_and_streams_are_open(datadog, control, caller):
    control.rule("datadog", PUT, hold="before")
    calling = asyncio.create_task(put(caller))
    streaming = asyncio.create_task(caller.get("/_sandbox/events"))
    await control.until(control.held)
    await asyncio.wait_for(datadog.stop(), 5)
    assert control.calls[0].done
    ends = await asyncio.gather(calling, streaming, return_exceptions=True)
    assert all(isinstance(end, httpx.HTTPError) for end in ends)


# The control routes


async def test_rules_are_made_listed_and_cleared_over_http(control, caller):
    rule = {"service": "datadog", "method": PUT, "status": 500, "body": {"errors": ["x"]}, "headers": {"X": "1"}}
    assert (await caller.post("/_sandbox/rules", json=rule)).json() == {"rule": 1}
    await caller.post("/_sandbox/rules", json={"service": "slack", "method": "*", "drop": "before", "delay": 4})
    response = await put(caller)
    assert (response.status_code, response.json(), response.headers["X"]) == (500, {"errors": ["x"]}, "1")
    listed = (await caller.get("/_sandbox/rules")).json()
    rows = [(row["rule"], row["status"], row["delay"], row["drop"]) for row in listed["rules"]]
    assert rows == [(1, 500, 0, None), (2, None, 4, "before")]
    assert listed["event"] == control.last_event
    assert [event.data for event in control.events if event.kind == "rules"][-1] == {"rules": listed["rules"]}
    assert (await caller.delete("/_sandbox/rules", params={"rule": 1})).json() == {"ok": True}
    assert [row["rule"] for row in control.rules()] == [2]
    assert (await put(caller)).status_code == 200
    assert (await caller.delete("/_sandbox/rules")).json() == {"ok": True}
    assert control.rules() == []
    control.rule("datadog", "*", status=500, times=1)
    assert (await put(caller)).status_code == 500
    assert control.rules() == [], "its times are used up"


async def test_held_calls_are_seen_and_released_over_http(caller):
    await caller.post("/_sandbox/rules", json={"service": "datadog", "method": PUT, "hold": "after", "times": 1})
    calling = asyncio.create_task(put(caller))
    waited = (await caller.get("/_sandbox/wait", params={"held": 1})).json()
    assert [call["held"] for call in waited["calls"]] == ["after"]
    assert (await caller.post("/_sandbox/release", json={"service": "datadog"})).json() == {"released": [1]}
    assert (await calling).status_code == 200
    assert (await caller.post("/_sandbox/release")).json() == {"released": []}


async def test_calls_are_listed_by_service_method_and_number(caller):
    await caller.get(CASE)
    await put(caller)
    everything = (await caller.get("/_sandbox/calls")).json()
    assert ([call["n"] for call in everything["calls"]], everything["event"]) == ([1, 2], 6)
    some = (await caller.get("/_sandbox/calls", params={"service": "datadog", "method": PUT, "after": 1})).json()
    assert [(call["n"], call["arguments"]) for call in some["calls"]] == [(2, BODY)]


async def test_wait_answers_as_soon_as_there_are_enough_calls_or_gives_up_with_408(caller):
    query = {"service": "datadog", "method": PUT, "count": 2, "contains": "/monitors/1", "done": 1}
    waiting = asyncio.create_task(caller.get("/_sandbox/wait", params=query))
    await caller.get(CASE)
    await put(caller)
    assert not waiting.done()
    await put(caller)
    response = await waiting
    assert (response.status_code, [call["n"] for call in response.json()["calls"]]) == (200, [2, 3])
    late = await caller.get("/_sandbox/wait", params={"method": "GET /nothing", "timeout": 0.01})
    assert (late.status_code, "Waited 0.01 s" in late.json()["error"]) == (408, True)


@pytest.mark.parametrize(
    ("method", "path", "body", "sentence"),
    [
        ("POST", "rules", "{", "The body is not JSON"),
        ("POST", "rules", "[]", "The body must be a JSON object."),
        ("POST", "rules", '{"service": "jira", "method": "*"}', "service must be one of slack, datadog, *"),
        ("POST", "rules", '{"service": "slack"}', "method is missing"),
        ("POST", "rules", '{"service": "slack", "method": "*", "speed": 1}', "There is no field 'speed'"),
        ("POST", "rules", '{"service": "slack", "method": "*", "status": "500"}', "status must be int"),
        ("POST", "rules", '{"service": "slack", "method": "*", "times": true}', "times must be int"),
        ("POST", "rules", '{"service": "slack", "method": "*", "hold": "never"}', "hold must be"),
        ("POST", "rules", '{"service": "slack", "method": "*", "headers": {"a": 1}}', "Each of headers"),
        ("POST", "release", '{"service": "jira"}', "service must be one of"),
        ("GET", "calls?servise=slack", "", "There is no parameter 'servise'"),
        ("GET", "calls?after=x", "", "after must be a number"),
        ("GET", "wait?count=-1", "", "count must be 0 or more"),
        ("GET", "wait?timeout=1000", "", "timeout must be above 0"),
        ("GET", "events?after=nan", "", "after must be 0 or more"),
        ("POST", "nonsense", "", "There is no POST /_sandbox/nonsense."),
    ],
)
async def test_a_malformed_control_request_gets_a_sentence(caller, datadog, method, path, body, sentence):
    response = await caller.request(method, f"/_sandbox/{path}", content=body)
    assert response.status_code == 400
    assert sentence in response.json()["error"]
    assert datadog.control.calls == []


async def test_a_page_on_another_loopback_port_may_steer_and_no_other(caller):
    for origin in ("http://127.0.0.1:8080", "http://localhost:8080"):
        for method in ("GET", "OPTIONS"):
            response = await caller.request(method, "/_sandbox/calls", headers={"Origin": origin})
            assert response.headers["Access-Control-Allow-Origin"] == origin
    for origin in ("https://evil.example", "http://127.0.0.1.evil.example", "null"):
        response = await caller.post("/_sandbox/reset", headers={"Origin": origin})
        assert response.status_code == 403
        assert "Access-Control-Allow-Origin" not in response.headers


# Events


@asynccontextmanager
async def events(caller: httpx.AsyncClient, **headers: str) -> AsyncIterator[AsyncIterator[tuple[int, str, dict]]]:
    """Events as (id, kind, data), from an open stream."""
    async with caller.stream("GET", "/_sandbox/events", headers=headers) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        lines = response.aiter_lines()
        assert await anext(lines) == ": connected"

        async def read() -> AsyncIterator[tuple[int, str, dict]]:
            fields: dict[str, str] = {}
            async for line in lines:
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = value
                elif "data" in fields:
                    yield int(fields["id"]), fields["event"], json.loads(fields["data"])
                    fields = {}

        yield read()


async def test_the_stream_has_calls_begun_and_finished_and_what_servers_publish(caller, control):
    async with events(caller) as stream:
        control.publish("message", {"text": "hi"})
        assert (await anext(stream))[1:] == ("message", {"text": "hi"})
        await put(caller)
        begun, case, finished = [await anext(stream) for _ in range(3)]
    assert [kind for _, kind, _ in (begun, case, finished)] == ["call", "case", "call"]
    assert (begun[2]["done"], finished[2]["done"], case[2]["insights"]) == (False, True, [MONITOR])


async def test_a_page_that_comes_back_gets_what_it_missed(caller, control):
    async with events(caller) as stream:
        control.publish("card", {"n": 1})
        last, _, _ = await anext(stream)
    control.publish("card", {"n": 2})
    async with events(caller, **{"Last-Event-ID": str(last)}) as stream:
        assert (await anext(stream))[1:] == ("card", {"n": 2})
    async with events(caller, **{"Last-Event-ID": "999"}) as stream:  # it is older than this sandbox: everything
        identifier, kind, data = await anext(stream)
    assert (identifier, kind, data["key"]) == (1, "case", "CASEM-4523")


async def test_one_control_can_serve_two_servers():
    control = Control()
    async with DatadogServer(control) as one, DatadogServer(control) as other, httpx.AsyncClient() as caller:
        await caller.get(f"{one.url}/api/v1/validate")
        await caller.get(f"{other.url}/api/v1/validate")
        assert (await caller.post(f"{one.url}/_sandbox/reset")).status_code == 200
    assert control.calls == []
