"""The sandbox's Datadog: its schema by the official client, its strictness by plain HTTP."""

import asyncio
import json
import operator
import time
import uuid

import httpx
import pytest
from datadog_api_client import ApiClient
from datadog_api_client.v1.api.authentication_api import AuthenticationApi
from datadog_api_client.v1.api.dashboards_api import DashboardsApi
from datadog_api_client.v1.api.monitors_api import MonitorsApi
from datadog_api_client.v2.api.case_management_api import CaseManagementApi
from datadog_api_client.v2.api.error_tracking_api import ErrorTrackingApi
from datadog_api_client.v2.api.events_api import EventsApi
from datadog_api_client.v2.api.incidents_api import IncidentsApi
from datadog_api_client.v2.api.key_management_api import KeyManagementApi
from datadog_api_client.v2.api.security_monitoring_api import SecurityMonitoringApi
from datadog_api_client.v2.api.users_api import UsersApi
from datadog_api_client.v2.model.case_insight_type import CaseInsightType

from bot.sandbox.datadog.resources import EVENT, INCIDENT, OOM_ISSUE, PATHS, SIGNAL
from bot.sandbox.datadog.server import DatadogServer
from bot.sandbox.datadog.validation import INSIGHT_TYPES
from tests.sandbox.conftest import KEYS, configuration, refused

KEY = "CASEM-4523"
CASE = f"/api/v2/cases/{KEY}"
INSIGHTS, VALIDATE = f"{CASE}/insights", "/api/v2/validate_keys"
MONITOR = ("MONITOR", "1", "/monitors/1?group=host%3Adb")
WIDGET = ("WIDGET", "21", "/dashboard/abc-def-ghi?fullscreen_widget=21")


def body(*insights: tuple[str, str, str]) -> dict:
    items = [dict(zip(("type", "resource_id", "ref"), insight, strict=True)) for insight in insights]
    return {"data": {"type": "case", "attributes": {"insights": items}}}


def comment(**attributes: object) -> dict:
    return {"data": {"type": "case", "attributes": attributes}}


# The official client, which checks what it sends and what it gets against the schema


def triples(case) -> list[tuple[str, str, str]]:
    shown = case.data.attributes.to_dict()["insights"]
    return [(insight["type"], insight["resource_id"], insight["ref"]) for insight in shown]


@pytest.mark.parametrize("by", ["key", "id"])
async def test_the_official_client_gets_a_case_by_key_and_by_uuid(datadog, official, by):
    kept = datadog.cases[KEY]
    case = (await asyncio.to_thread(CaseManagementApi(official).get_case, getattr(kept, by))).data
    attributes = case.attributes
    assert (case.id, str(case.type), attributes.key) == (kept.id, "case", KEY)
    assert (attributes.title, str(attributes.status_group)) == ("Memory leak investigation on API", "SG_OPEN")
    assert attributes.created_at.timestamp() == pytest.approx(kept.created_at, abs=0.01)
    assert case.relationships.project.data.id == kept.project_id
    assert not attributes._unparsed


async def test_the_official_client_adds_and_removes_insights(datadog, official):
    api = CaseManagementApi(official)
    assert triples(await asyncio.to_thread(api.add_case_insights, KEY, body(MONITOR, WIDGET))) == [MONITOR, WIDGET]
    assert datadog.cases[KEY].insights == [MONITOR, WIDGET]
    assert triples(await asyncio.to_thread(api.remove_case_insights, KEY, body(MONITOR))) == [WIDGET]
    assert datadog.cases[KEY].insights == [WIDGET]


async def test_the_official_client_knows_the_same_types(datadog, official):
    assert set(INSIGHT_TYPES) == set(CaseInsightType.allowed_values)
    every = [(kind, str(number), f"/{number}") for number, kind in enumerate(INSIGHT_TYPES)]
    assert triples(await asyncio.to_thread(CaseManagementApi(official).add_case_insights, KEY, body(*every))) == every


async def test_the_official_client_meets_400_403_and_404(datadog, official):
    api = CaseManagementApi(official)
    status, errors = await refused(api.add_case_insights, KEY, body((*MONITOR[:2], "")))
    assert (status, errors[0]["title"]) == (400, "Bad Request")
    for call, *arguments in ((api.get_case,), (api.add_case_insights, body(MONITOR))):
        assert (await refused(call, "CASEM-1", *arguments))[0] == 404
    assert str((await asyncio.to_thread(KeyManagementApi(official).validate_api_key)).status) == "ok"
    assert (await asyncio.to_thread(AuthenticationApi(official).validate)).valid is True
    assert (await asyncio.to_thread(UsersApi(official).get_current_user)).data.attributes.service_account is True
    with ApiClient(configuration(datadog, api_key="wrong")) as stranger:
        for call, *arguments in (
            (KeyManagementApi(stranger).validate_api_key,),
            (AuthenticationApi(stranger).validate,),
            (UsersApi(stranger).get_current_user,),
            (CaseManagementApi(stranger).get_case, KEY),
            (CaseManagementApi(stranger).add_case_insights, KEY, body(MONITOR)),
        ):
            assert await refused(call, *arguments) == (403, ["Forbidden"])
    assert datadog.cases[KEY].insights == []


async def test_the_official_client_comments(datadog, official):
    answer = await asyncio.to_thread(CaseManagementApi(official).comment_case, KEY, comment(comment="See this"))
    assert answer.data[0].attributes.cell_content.message == "See this"
    assert datadog.cases[KEY].comments == ["See this"]


async def test_the_official_client_searches_page_by_page(datadog, official):
    for number in range(5):
        datadog.add_case(f"OPS-{number + 1}", f"Disk full on db{number}")
    search = CaseManagementApi(official).search_cases_with_pagination
    found = await asyncio.to_thread(lambda: list(search(filter="disk full", page_size=2, sort_asc=True)))
    assert [case.attributes.key for case in found] == [f"OPS-{number}" for number in range(1, 6)]
    first = await asyncio.to_thread(lambda: CaseManagementApi(official).search_cases(page_size=2))
    assert (first.meta.page.current, first.meta.page.size, first.meta.page.total) == (1, 2, 3)


@pytest.mark.filterwarnings("ignore:Using unstable operation")  # reading an incident is one
@pytest.mark.parametrize(
    ("api", "method", "resource", "path", "text"),
    [
        (MonitorsApi, "get_monitor", 17131362, "name", "High memory on api"),
        (DashboardsApi, "get_dashboard", "abc-def-ghi", "title", "API overview"),
        (IncidentsApi, "get_incident", INCIDENT, "data.attributes.title", "API answers slowly after deploy"),
        (ErrorTrackingApi, "get_issue", OOM_ISSUE, "data.attributes.error_type", "MemoryError"),
        (
            SecurityMonitoringApi,
            "get_security_monitoring_signal",
            SIGNAL,
            "data.attributes.message",
            "Many failed logins from one address",
        ),
        (EventsApi, "get_event", EVENT, "data.attributes.message", "Deployed api 4.7.1"),
    ],
    ids=["monitor", "dashboard", "incident", "issue", "signal", "event"],
)
async def test_the_official_client_reads_every_kind_of_resource(official, api, method, resource, path, text):
    official.configuration.unstable_operations["get_incident"] = True
    answer = await asyncio.to_thread(getattr(api(official), method), resource)
    assert operator.attrgetter(path)(answer) == text
    assert not answer._unparsed


# Strictness, by plain HTTP


def changed(**fields: object) -> dict:
    """A body whose only insight has these fields; None takes one away."""
    insight = {**body(MONITOR)["data"]["attributes"]["insights"][0], **fields}
    kept = {name: value for name, value in insight.items() if value is not None}
    return {"data": {"type": "case", "attributes": {"insights": [kept]}}}


REFUSED = [
    ([], "the document must be an object"),
    ({}, "the document: missing field data"),
    ({"data": None}, "data must be an object"),
    ({**body(MONITOR), "meta": {}}, "the document: unknown field meta"),
    ({"data": {**body(MONITOR)["data"], "type": "project"}}, 'got type "project" expected one of "case"'),
    ({"data": {**body(MONITOR)["data"], "id": "1"}}, "data: unknown field id"),
    ({"data": {"type": "case", "attributes": {}}}, "missing field insights"),
    ({"data": {"type": "case", "attributes": {"insights": {}}}}, "must be an array"),
    (body(), "must hold 1 to 100 items, got 0"),
    (body(*[("MONITOR", str(n), "/m") for n in range(101)]), "must hold 1 to 100 items, got 101"),
    (changed(type=None), "missing field type"),
    (changed(resource_id=None), "missing field resource_id"),
    (changed(ref=None), "missing field ref"),
    (changed(title="x"), "unknown field title"),
    (changed(resource_id=1), "resource_id must be a string"),
    (changed(resource_id=" "), "resource_id must not be empty"),
    (changed(ref=""), "ref must not be empty"),
    (changed(type="DASHBOARD"), "invalid insight type DASHBOARD"),
    (changed(type="monitor"), "invalid insight type monitor"),
]


NOT_JSON = [("{", "application/json", "invalid JSON"), ("{}", "text/plain", "unsupported"), ("", "", "unsupported")]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    ("content", "content_type", "detail"),
    [*NOT_JSON, *((json.dumps(sent), "application/json", detail) for sent, detail in REFUSED)],
)
async def test_a_body_that_is_not_exactly_right_gets_400(datadog, caller, method, content, content_type, detail):
    response = await caller.request(method, INSIGHTS, content=content, headers={"Content-Type": content_type})
    (error,) = response.json()["errors"]
    assert (response.status_code, error["status"], error["title"]) == (400, "400", "Bad Request")
    assert detail in error["detail"]
    assert datadog.cases[KEY].insights == []


async def test_a_hundred_insights_are_taken_and_answers_are_json_api(datadog, caller):
    response = await caller.put(INSIGHTS, json=body(*[("MONITOR", str(n), "/m") for n in range(100)]))
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/vnd.api+json")
    assert len(datadog.cases[KEY].insights) == 100


async def test_null_fields_are_left_out_of_a_case(datadog, caller):
    times = {"modified_at", "closed_at", "archived_at"}
    assert not times & set((await caller.get(CASE)).json()["data"]["attributes"])
    datadog.cases.change(datadog.cases[KEY], status="CLOSED", archived=True)
    attributes = (await caller.get(CASE)).json()["data"]["attributes"]
    assert times <= set(attributes)
    assert (attributes["status_group"], attributes["status_name"]) == ("SG_CLOSED", "Closed")


async def test_not_found_has_both_recorded_shapes(caller):
    read = await caller.get(f"/api/v2/cases/{uuid.uuid4()}")
    written = await caller.put("/api/v2/cases/CASEM-1/insights", json=body(MONITOR))
    assert (read.status_code, written.status_code) == (404, 404)
    assert read.json() == {"errors": [{"code": "resource_not_found", "title": "case not found"}]}
    error = {"status": "404", "title": "Not Found", "detail": "failed to get case: case not found"}
    assert written.json() == {"errors": [error]}


async def test_an_unknown_path_or_method_gets_404_and_is_journaled(datadog, caller):
    assert (await caller.get("/api/v2/case")).json() == {"errors": ["Not found"]}
    assert (await caller.post(INSIGHTS, json={})).status_code == 404
    assert [call.method for call in datadog.control.calls] == ["GET /api/v2/case", f"POST {INSIGHTS}"]


async def test_a_moved_case_has_a_new_key_and_the_old_one_is_nobodys(datadog, caller):
    case = datadog.cases[KEY]
    project = case.project_id
    datadog.cases.move(case, "ET-1")
    assert (await caller.get(CASE)).status_code == 404
    for name in ("ET-1", case.id):
        assert (await caller.get(f"/api/v2/cases/{name}")).json()["data"]["id"] == case.id
    assert case.project_id != project
    with pytest.raises(KeyError):
        datadog.cases[KEY]


@pytest.mark.parametrize("key", ["casem-1", "CASEM1", "ABCDEFGHIJK-1", "CASEM-0", "CASEM-4523"])
def test_a_malformed_or_taken_key_is_refused(datadog, key):
    with pytest.raises(ValueError, match=r"key looks like|already"):
        datadog.add_case(key, "x")


# Keys and permission

API_KEY = {"DD-API-KEY": "sandbox-api-key"}
NO_KEY, FORBIDDEN = (403, {"errors": ["API key required"]}), (403, {"errors": ["Forbidden"]})
EVERY_PATH = (CASE, VALIDATE, "/api/v2/cases?page[size]=1", "/api/v1/monitor/17131362")


@pytest.mark.parametrize(
    ("headers", "paths", "answer"),
    [
        ({}, EVERY_PATH, NO_KEY),
        ({"DD-APPLICATION-KEY": "sandbox-app-key"}, EVERY_PATH, NO_KEY),
        (API_KEY, EVERY_PATH, FORBIDDEN),
        ({**KEYS, "DD-APPLICATION-KEY": "wrong"}, EVERY_PATH, FORBIDDEN),
        ({"Authorization": "Bearer wrong"}, EVERY_PATH, FORBIDDEN),
        ({"Authorization": "Bearer sandbox-access-token"}, (VALIDATE,), (200, {"status": "ok"})),
        (API_KEY, ("/api/v1/validate",), (200, {"valid": True})),
    ],
)
async def test_keys_or_an_access_token_open_every_path(datadog, headers, paths, answer):
    async with httpx.AsyncClient(base_url=datadog.url, headers=headers) as client:
        for path in paths:
            response = await client.get(path)
            assert (response.status_code, response.json()) == answer


async def test_keys_and_credentials_are_not_in_the_journal(datadog, caller):
    await caller.put(INSIGHTS, json=body(MONITOR))
    journal = repr(datadog.control.calls) + repr(datadog.control.events)
    assert not [value for value in KEYS.values() if value in journal]


async def test_rotated_keys_are_refused_everywhere(datadog, caller):
    datadog.keys_valid = False
    for path in (CASE, VALIDATE, "/api/v1/validate"):
        assert (await caller.get(path)).status_code == 403
    datadog.keys_valid = True
    assert (await caller.get(CASE)).status_code == 200


async def test_a_project_may_refuse_valid_keys(datadog, caller):
    datadog.may_write = False
    for method in ("PUT", "DELETE"):
        response = await caller.request(method, INSIGHTS, json=body(MONITOR))
        assert response.status_code == 403
        assert response.json() == {"errors": ["Forbidden", "Failed permission authorization checks"]}
    assert [(await caller.get(path)).status_code for path in (VALIDATE, CASE)] == [200, 200]


# What nobody has promised


@pytest.mark.parametrize(
    ("duplicates", "status", "kept"),
    [("append", 200, [MONITOR, MONITOR, WIDGET]), ("merge", 200, [MONITOR, WIDGET]), ("reject", 400, [MONITOR])],
)
async def test_a_repeated_put_does_what_the_switch_says(datadog, caller, duplicates, status, kept):
    datadog.duplicates = duplicates
    await caller.put(INSIGHTS, json=body(MONITOR))
    assert (await caller.put(INSIGHTS, json=body(MONITOR, WIDGET))).status_code == status
    assert datadog.cases[KEY].insights == kept


@pytest.mark.parametrize(("absent", "kept"), [(404, [MONITOR]), (400, [MONITOR]), (200, [])])
async def test_a_delete_of_what_is_not_there_does_what_the_switch_says(datadog, caller, absent, kept):
    datadog.absent = absent
    await caller.put(INSIGHTS, json=body(MONITOR))
    response = await caller.request("DELETE", INSIGHTS, json=body(MONITOR, WIDGET))
    assert response.status_code == absent
    assert datadog.cases[KEY].insights == kept


async def test_a_delete_needs_the_exact_triple_and_takes_all_copies(datadog, caller):
    await caller.put(INSIGHTS, json=body(MONITOR, MONITOR))
    near = (MONITOR[0], MONITOR[1], "/monitors/1")
    assert (await caller.request("DELETE", INSIGHTS, json=body(near))).status_code == 404
    assert (await caller.request("DELETE", INSIGHTS, json=body(MONITOR))).status_code == 200
    assert datadog.cases[KEY].insights == []


# Limits


async def test_a_limit_has_the_headers_and_ends_after_its_times(datadog, caller):
    datadog.limit(1, 7)
    response = await caller.get(CASE)
    assert (response.status_code, response.json()) == (429, {"errors": ["Too many requests"]})
    names = ("limit", "period", "remaining", "reset", "name")
    assert [response.headers[f"X-RateLimit-{name}"] for name in names] == ["10", "60", "0", "7", "cases"]
    assert (await caller.get(CASE)).status_code == 200


async def test_a_limit_may_name_its_end_as_an_epoch_and_answer_html(datadog, caller):
    datadog.limit(None, 60, epoch=True, html=True, method="GET /api/v2/cases/{case_id}")
    response = await caller.get(CASE)
    assert int(response.headers["X-RateLimit-Reset"]) == pytest.approx(time.time() + 60, abs=5)
    assert response.headers["Content-Type"].startswith("text/html")
    assert (await caller.get(VALIDATE)).status_code == 200


# Search and comments


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("", ["OPS-1", "OPS-2", "CASEM-4523"]),
        ("memory", ["CASEM-4523"]),
        ('"disk full"', ["OPS-1"]),
        ("disk -full", ["OPS-2"]),
        ("status:closed", ["OPS-2"]),
        ("memory OR (status:closed)", ["OPS-2", "CASEM-4523"]),
        ("disk AND -status:closed", ["OPS-1"]),
        ("CASEM-4523", []),
        ("colour:red", []),
    ],
)
async def test_search_reads_words_and_fields(datadog, caller, words, keys):
    datadog.add_case("OPS-1", "Disk full on db1")
    datadog.add_case("OPS-2", "Disk slow on db2", status="CLOSED")
    found = (await caller.get("/api/v2/cases", params={"filter": words})).json()["data"]
    assert sorted(case["attributes"]["key"] for case in found) == sorted(keys)


@pytest.mark.parametrize(
    "query", ["page[size]=101", "page[size]=0", "page[number]=0", "page[size]=x", "sort[field]=key"]
)
async def test_search_refuses_unknown_pages_and_orders(caller, query):
    assert (await caller.get(f"/api/v2/cases?{query}")).status_code == 400


@pytest.mark.parametrize("attributes", [{}, {"comment": ""}, {"comment": 1}, {"comment": "x", "more": 1}])
async def test_a_comment_needs_its_text(caller, attributes):
    assert (await caller.post(f"{CASE}/comment", json=comment(**attributes))).status_code == 400


# Names


@pytest.mark.parametrize("kind", PATHS)
async def test_a_kind_of_name_can_be_forbidden_or_unknown(datadog, caller, kind):
    path = PATHS[kind].replace("{resource_id}", "nothing")
    assert (await caller.get(path)).status_code == 404
    datadog.resources.forbid([kind])
    response = await caller.get(path)
    assert (response.status_code, response.json()["errors"][0]) == (403, "Forbidden")


# Control over HTTP


async def test_a_case_is_added_and_changed_over_http(datadog, caller):
    added = await caller.post("/_sandbox/case", json={"key": "OPS-1", "title": "Disk full"})
    assert added.json()["key"] == "OPS-1"
    monitor = {"type": "MONITOR", "resource_id": "1", "ref": "/monitors/1"}
    change = {"key": "OPS-1", "status": "CLOSED", "archive": True, "move_to": "ET-1", "insights": [monitor]}
    shown = (await caller.post("/_sandbox/case", json=change)).json()
    assert (shown["key"], shown["status"], shown["insights"]) == ("ET-1", "CLOSED", [monitor])
    assert shown["archived_at"]
    listed = (await caller.get("/_sandbox/cases")).json()["cases"]
    assert [case["key"] for case in listed] == ["CASEM-4523", "ET-1"]
    assert listed[1]["id"] == added.json()["id"] == datadog.cases["ET-1"].id
    assert (await caller.post("/_sandbox/case", json={"key": "ET-1", "archive": False})).json()["closed_at"]
    assert datadog.cases["ET-1"].archived_at is None


@pytest.mark.parametrize(
    ("path", "sent", "sentence"),
    [
        ("case", {}, "key is missing"),
        ("case", {"key": "OPS-1"}, "a new one needs a title"),
        ("case", {"key": "ops", "title": "x"}, "A key looks like CASEM-4523"),
        ("case", {"key": "OPS-1", "title": "x", "status": "DONE"}, "status must be one of OPEN"),
        ("case", {"key": "OPS-1", "title": "x", "move_to": "ET-1"}, "A new case cannot move"),
        ("case", {"key": "CASEM-4523", "status": "DONE"}, "status must be one of OPEN"),
        ("case", {"key": "CASEM-4523", "move_to": "CASEM-4523"}, "There is a case CASEM-4523 already"),
        ("case", {"key": "CASEM-4523", "insights": [{"type": "MONITOR"}]}, "An insight is type, resource_id, ref"),
        ("case", {"key": "CASEM-4523", "archive": "yes"}, "archive must be bool"),
        ("datadog", {"duplicates": "twice"}, "duplicates must be one of append, merge, reject"),
        ("datadog", {"absent": 500}, "absent must be one of 404, 400, 200"),
        ("datadog", {"forbidden": ["logs"]}, "There is no kind 'logs'"),
        ("datadog", {"keys_valid": 0}, "keys_valid must be bool"),
    ],
)
async def test_a_malformed_change_gets_a_sentence_and_changes_nothing(datadog, caller, path, sent, sentence):
    before = datadog.cases[KEY].snapshot()
    response = await caller.post(f"/_sandbox/{path}", json=sent)
    assert response.status_code == 400
    assert sentence in response.json()["error"]
    assert [case.snapshot() for case in datadog.cases] == [before]


async def test_switches_are_set_over_http_and_told(datadog, caller):
    sent = {"duplicates": "merge", "absent": 400, "keys_valid": False, "may_write": False, "forbidden": ["issue"]}
    assert (await caller.post("/_sandbox/datadog", json=sent)).json() == sent
    assert (datadog.duplicates, datadog.absent, datadog.keys_valid, datadog.may_write) == ("merge", 400, False, False)
    assert datadog.resources.forbidden == {"issue"}
    assert datadog.control.events[-1][1:] == ("datadog", sent)
    assert (await caller.post("/_sandbox/datadog")).json() == sent


async def test_every_change_of_a_case_is_published(datadog, caller):
    await caller.put(INSIGHTS, json=body(MONITOR))
    await caller.request("DELETE", INSIGHTS, json=body(MONITOR))
    await caller.post(f"{CASE}/comment", json=comment(comment="hi"))
    await caller.post("/_sandbox/case", json={"key": "CASEM-4523", "title": "New title"})
    cases = [event.data for event in datadog.control.events if event.kind == "case"]
    assert [len(case["insights"]) for case in cases] == [0, 1, 0, 0, 0]
    assert [case["comments"] for case in cases] == [[], [], [], ["hi"], ["hi"]]
    assert [case["title"][:3] for case in cases] == ["Mem", "Mem", "Mem", "Mem", "New"]


async def test_it_listens_on_loopback_only():
    with pytest.raises(ValueError, match="loopback only"):
        await DatadogServer().start("0.0.0.0")  # noqa: S104 - refused


async def test_it_can_be_down_for_a_while_and_come_back_at_the_same_address(datadog, caller):
    address = datadog.url
    await datadog.stop()
    with pytest.raises(httpx.ConnectError):
        await caller.get(CASE)
    await datadog.start(port=int(address.rpartition(":")[2]))
    assert datadog.url == address
    assert (await caller.get(CASE)).status_code == 200
