"""Comments, the timeline and new cases in the sandbox's Datadog: by the official client, and by plain HTTP."""

import asyncio
import copy
from typing import Any

import pytest
from datadog_api_client.v2.api.case_management_api import CaseManagementApi
from datadog_api_client.v2.api.case_management_type_api import CaseManagementTypeApi

from bot.sandbox.datadog.cases import project_id
from bot.sandbox.datadog.creation import DELETED, POSTMORTEM, SECURITY, STANDARD
from tests.sandbox.conftest import refused

KEY = "CASEM-4523"
NOBODYS = "9a994c9d-a07e-4fd8-9617-ae4c2840df01"
CASE = f"/api/v2/cases/{KEY}"
PERMISSION = ["Forbidden", "Failed permission authorization checks"]
CASE_NOT_FOUND = [{"code": "resource_not_found", "title": "case not found"}]
NOT_FOUND = [{"code": "resource_not_found", "title": "timeline cell not found"}]


def commented(text: object) -> dict[str, Any]:
    return {"data": {"type": "case", "attributes": {"comment": text}}}


def new_case(**attributes: object) -> dict[str, Any]:
    project = {"data": {"id": project_id("CASEM"), "type": "project"}}
    given = {"title": "Disk full", "type_id": STANDARD, **attributes}
    return {"data": {"type": "case", "attributes": given, "relationships": {"project": project}}}


async def test_the_official_client_comments_changes_lists_and_deletes(datadog, official):
    api, case = CaseManagementApi(official), datadog.cases[KEY]
    datadog.cases.comment(case, "It is the cache", "Ben")
    added = (await asyncio.to_thread(api.comment_case, KEY, commented("See this"))).data[0]
    await asyncio.to_thread(api.update_case_comment, case.id, added.id, commented("See these"))
    newest, oldest = (await asyncio.to_thread(api.list_case_timeline, KEY)).data
    assert (newest.id, str(newest.type), newest.attributes._unparsed) == (added.id, "timeline_cell", False)
    assert [cell.attributes.cell_content.message for cell in (newest, oldest)] == ["See these", "It is the cache"]
    assert [cell.attributes.author.content.name for cell in (newest, oldest)] == ["Case Insights", "Ben"]
    assert newest.attributes.modified_at >= newest.attributes.created_at >= oldest.attributes.created_at
    await asyncio.to_thread(api.delete_case_comment, KEY, added.id)
    assert case.comments == ["It is the cache"]
    assert (await asyncio.to_thread(api.list_case_timeline, KEY)).data[0].attributes.deleted_at
    for call in ((api.delete_case_comment,), (api.update_case_comment, commented("x"))):
        assert await refused(call[0], KEY, added.id, *call[1:]) == (404, NOT_FOUND)
    assert await refused(api.list_case_timeline, "CASEM-1") == (404, CASE_NOT_FOUND)


async def test_a_timeline_has_pages_from_0_in_either_order(datadog, official):
    for number in range(5):
        datadog.cases.comment(datadog.cases[KEY], str(number))

    async def texts(**query: object) -> str:
        page = await asyncio.to_thread(lambda: CaseManagementApi(official).list_case_timeline(KEY, **query))
        return "".join(cell.attributes.cell_content.message for cell in page.data)

    assert [await texts(page_size=2, page_number=number) for number in range(4)] == ["43", "21", "0", ""]
    assert await texts(page_size=3, sort_ascending=True) == "012"


@pytest.mark.parametrize("query", ["page[size]=0", "page[size]=101", "page[number]=-1", "sort[ascending]=down"])
async def test_a_timeline_refuses_other_pages_and_orders(caller, query):
    assert (await caller.get(f"{CASE}/timelines?{query}")).status_code == 400


@pytest.mark.parametrize(
    ("cell", "body", "status"),
    [
        ("own", commented(""), 400),
        ("own", commented(7), 400),
        ("own", {"data": {"type": "case", "attributes": {}}}, 400),
        ("own", {"data": {**commented("x")["data"], "id": "1"}}, 400),
        ("not-an-uuid", commented("x"), 400),
        ("others", commented("x"), 403),
        (NOBODYS, commented("x"), 404),
    ],
)
async def test_only_a_comment_of_ones_own_changes_and_only_by_a_valid_request(datadog, caller, cell, body, status):
    case = datadog.cases[KEY]
    ids = {"own": datadog.cases.comment(case, "ours").id, "others": datadog.cases.comment(case, "theirs", "Ben").id}
    path = f"{CASE}/comment/{ids.get(cell, cell)}"
    assert (await caller.put(path, json=body)).status_code == status
    if cell != "own":
        assert (await caller.delete(path)).status_code == status
    assert case.comments == ["ours", "theirs"]


async def test_the_official_client_creates_a_case_and_finds_it(datadog, official):
    api, ops = CaseManagementApi(official), datadog.add_project("OPS", "Operations")
    projects = (await asyncio.to_thread(api.get_projects)).data
    named = [(each.id, each.attributes.key, each.attributes.name) for each in projects]
    assert named == [(project_id("CASEM"), "CASEM", "CASEM"), (ops, "OPS", "Operations")]
    types = (await asyncio.to_thread(CaseManagementTypeApi(official).get_all_case_types)).data
    assert {each.id: bool(each.attributes.get("deleted_at")) for each in types} == {
        STANDARD: False,
        SECURITY: False,
        POSTMORTEM: False,
        DELETED: True,
    }
    body = new_case(title="Disk full", description="From a thread, 5f1c0ffee", priority="P2", type_id=SECURITY)
    body["data"]["relationships"]["project"]["data"]["id"] = ops
    keys = [(await asyncio.to_thread(api.create_case, body)).data.attributes.key for _ in range(2)]
    assert keys == ["OPS-1", "OPS-2"]
    found = (await asyncio.to_thread(lambda: api.search_cases(filter="5f1c0ffee"))).data
    assert {case.attributes.key for case in found} == {"OPS-1", "OPS-2"}
    attributes = found[0].attributes
    assert (attributes.title, str(attributes.priority), attributes.type_id) == ("Disk full", "P2", SECURITY)
    assert not attributes._unparsed
    told = [event.data["key"] for event in datadog.control.events if event.kind == "case"]
    assert told[-2:] == keys, "the page shows them"


def changed(path: str, *value: object) -> dict[str, Any]:
    """The body of a new case with another value at this path; without one: with nothing there."""
    body = part = copy.deepcopy(new_case())
    *above, last = path.split(".")
    for name in above:
        part = part[name]
    part.pop(last, None)
    if value:
        part[last] = value[0]
    return body


@pytest.mark.parametrize(
    ("path", "value", "status", "words"),
    [
        ("data.attributes.title", (), 400, "missing field title"),
        ("data.attributes.title", (" ",), 400, "title must not be empty"),
        ("data.attributes.type_id", (), 400, "missing field type_id"),
        ("data.attributes.type_id", (NOBODYS,), 404, "case type not found"),
        ("data.attributes.type_id", (DELETED,), 404, "case type not found"),
        ("data.attributes.priority", ("P1234",), 400, "invalid priority P1234. Must be one of NOT_DEFINED, P1"),
        ("data.attributes.priority", (None,), 400, "priority must be a string"),
        ("data.attributes.description", (None,), 400, "description must be a string"),
        ("data.attributes.status_name", ("Done",), 400, "invalid status Done"),
        ("data.attributes.type", ("STANDARD",), 400, "unknown field type"),
        ("data.type", ("cases",), 400, 'got type "cases" expected one of "case"'),
        ("data.id", ("1",), 400, "unknown field id"),
        ("data.relationships", (), 400, "missing field relationships"),
        ("data.relationships.project.data.type", ("projects",), 400, 'got type "projects" expected one of "project"'),
        ("data.relationships.project.data.id", (NOBODYS,), 404, "project not found"),
        ("data.relationships.project.data", (None,), 400, "must be an object"),
    ],
)
async def test_a_case_is_not_created_by_a_request_that_is_not_right(datadog, caller, path, value, status, words):
    response = await caller.post("/api/v2/cases", json=changed(path, *value))
    assert (response.status_code, len(datadog.cases)) == (status, 1)
    assert words in response.text.replace('\\"', '"')


async def test_who_may_not_write_neither_comments_nor_creates(datadog, caller):
    datadog.may_write = False
    path = f"{CASE}/comment/{datadog.cases.comment(datadog.cases[KEY], 'ours').id}"
    for method, url, body in (
        ("POST", f"{CASE}/comment", commented("x")),
        ("PUT", path, commented("x")),
        ("DELETE", path, None),
        ("POST", "/api/v2/cases", new_case()),
    ):
        response = await caller.request(method, url, json=body)
        assert (response.status_code, response.json()["errors"]) == (403, PERMISSION)
    assert datadog.cases[KEY].comments == ["ours"]
