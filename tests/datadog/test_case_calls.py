"""Comments and new cases, against the sandbox's Datadog: what is done once, and what can be found again."""

import json
from typing import Any

import pytest

from bot.datadog import creation, timeline
from bot.datadog.client import CELLS, PAGES
from bot.datadog.creation import CaseProject, CaseType, NewCase
from bot.datadog.errors import DatadogPermanent, DatadogTransient
from bot.datadog.timeline import CaseComment
from bot.sandbox.datadog.cases import STANDARD, project_id
from tests.datadog.conftest import KEY

POST, CREATE = "POST /api/v2/cases/{case_id}/comment", "POST /api/v2/cases"
TIMELINE = "GET /api/v2/cases/{case_id}/timelines"
MARKER = "5f1c0ffee0123456789abcdef0123456"
NEW = NewCase("Disk full on db1", STANDARD, project_id("CASEM"), f"From a thread.\n\n{MARKER}", "P2")
LOST: list[dict[str, Any]] = [{"drop": "after"}, {"drop": "before"}, {"status": 503}, {"status": 504}]
UNREADABLE = ["<html>Sign in</html>", "", "{", "null", "[]", '{"data": null}', '{"data": {}}']


async def texts(datadog) -> list[str | None]:
    return [comment.text async for comment in datadog.comments(KEY)]


async def test_a_comment_is_added_changed_found_again_and_removed(server, datadog):
    case = server.cases[KEY]
    cell_id = await datadog.comment(case.id, "one")
    server.cases.comment(case, "by Ben", "Ben")
    await datadog.change_comment(case.id, cell_id, "two\n\n- three")
    newest, ours = [comment async for comment in datadog.comments(KEY)]
    assert (newest.text, ours.cell_id, ours.text) == ("by Ben", cell_id, "two\n\n- three")
    await datadog.remove_comment(case.id, cell_id)
    assert await texts(datadog) == case.comments == ["by Ben"]
    for call in (datadog.remove_comment(KEY, cell_id), datadog.change_comment(KEY, cell_id, "x")):
        with pytest.raises(DatadogPermanent) as gone:
            await call
        assert (gone.value.status, gone.value.words) == (404, "timeline cell not found")


async def test_the_timeline_is_read_page_by_page_as_far_as_it_is_needed(server, datadog):
    for number in range(CELLS + 1):
        server.cases.comment(server.cases[KEY], str(number))
    listed = datadog.comments(KEY)
    assert (await anext(listed)).text == str(CELLS)
    assert len(server.control.matching("datadog", TIMELINE)) == 1
    assert [comment.text async for comment in listed] == [str(number) for number in reversed(range(CELLS))]


async def test_an_endless_timeline_ends(server, datadog):
    page = {"data": [{"id": "x", "attributes": {"type": "STATUS_UPDATE"}}]}
    server.control.rule("datadog", TIMELINE, status=200, body=page)
    assert await texts(datadog) == []
    assert len(server.control.matching("datadog", TIMELINE)) == PAGES


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize(("method", "call"), [(POST, "comment"), (CREATE, "create")])
async def test_an_answer_that_got_lost_is_told_apart_and_the_marker_tells_what_became_of_it(
    server, datadog, fault, method, call
):
    server.control.rule("datadog", method, times=1, **fault)
    with pytest.raises(DatadogTransient) as lost:
        await (datadog.comment(KEY, f"See\n{MARKER}") if call == "comment" else datadog.create(NEW))
    assert lost.value.sent
    marked = [text for text in await texts(datadog) if MARKER in text] or await datadog.described(MARKER)
    assert bool(marked) == (fault.get("drop") == "after")


async def test_a_call_that_was_limited_sent_nothing(server, datadog):
    server.limit(1, 0, method=CREATE)
    with pytest.raises(DatadogTransient) as limited:
        await datadog.create(NEW)
    assert (limited.value.sent, len(server.cases)) == (False, 1)


@pytest.mark.parametrize("body", UNREADABLE)
async def test_what_was_done_is_done_and_a_list_that_cannot_be_read_is_not_empty(server, datadog, body):
    server.control.rule("datadog", "*", status=200, body=body)
    assert await datadog.comment(KEY, "x") is None
    assert await datadog.create(NEW) is None
    for read in (texts(datadog), datadog.described(MARKER), datadog.projects(within=5), datadog.case_types(within=5)):
        with pytest.raises(DatadogTransient):
            await read


async def test_a_case_is_created_as_asked_and_found_by_its_marker_alone(server, datadog):
    server.cases.change(server.cases[KEY], description=f"like it: {MARKER[:-1]}")
    case = await datadog.create(NEW)
    created = server.cases["CASEM-4524"]
    assert (case.id, case.key, case.title, case.lists_all) == (created.id, created.key, NEW.title, True)
    assert (created.description, created.priority, created.type_id) == (NEW.description, "P2", STANDARD)
    assert await datadog.described(MARKER) == [case]
    server.control.rule("datadog", "GET /api/v2/cases", body={"data": [server.cases[KEY].as_json()]})
    assert await datadog.described(MARKER) == [], "whatever the search takes for a match"


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"project_id": STANDARD}, 404, "project not found"),
        ({"type_id": "x"}, 404, "case type not found"),
        ({"title": ""}, 400, "data.attributes.title must not be empty"),
        ({"priority": "P9"}, 400, "invalid priority P9"),
    ],
)
async def test_a_case_that_datadog_refuses_is_refused_in_its_words(server, datadog, changes, status, words):
    fields = {name: getattr(NEW, name) for name in NewCase.__slots__}
    with pytest.raises(DatadogPermanent) as refused:
        await datadog.create(NewCase(**{**fields, **changes}))
    assert (refused.value.status, len(server.cases)) == (status, 1)
    assert words in refused.value.words


async def test_projects_and_types_can_be_chosen(server, datadog):
    ops = server.add_project("OPS", "Operations")
    projects = await datadog.projects(within=5)
    assert projects == [CaseProject(project_id("CASEM"), "CASEM", "CASEM"), CaseProject(ops, "OPS", "Operations")]
    assert CaseType(STANDARD, "Standard") in await datadog.case_types(within=5)
    assert "Worldwide" not in [kind.name for kind in await datadog.case_types(within=5)]


def cell(**attributes: object) -> dict[str, Any]:
    return {"id": "a1", "attributes": {"type": "COMMENT", "cell_content": {"message": "x"}, **attributes}}


@pytest.mark.parametrize(
    ("entry", "read"),
    [
        (cell(), CaseComment("a1", "x")),
        ({**cell(), "id": "a/b"}, CaseComment("", "x")),
        ({**cell(), "id": 7}, CaseComment("7", "x")),
        (cell(type=None), CaseComment("a1", "x")),
        (cell(cell_content=None), CaseComment("a1", None)),
        (cell(cell_content={"message": 7}), CaseComment("a1", None)),
        (cell(deleted_at="2026-01-01T00:00:00Z"), None),
        (cell(type="STATUS_UPDATE"), None),
        (7, CaseComment("", None)),
    ],
)
def test_each_field_of_a_comment_is_read_for_itself(entry: object, read: CaseComment | None):
    assert timeline.cells_in(json.dumps({"data": [entry]}).encode()) == [read]


@pytest.mark.parametrize(
    ("attributes", "project", "kind"),
    [
        ({"key": "OPS", "name": "Ops"}, CaseProject("a1", "OPS", "Ops"), CaseType("a1", "Ops")),
        ({"key": "OPS"}, CaseProject("a1", "OPS", "OPS"), None),
        ({"key": 7, "name": "O\u202ep\ns"}, CaseProject("a1", "", "O p s"), CaseType("a1", "O p s")),
        ({"name": 7}, None, None),
        ({"name": "Ops", "deleted_at": None}, CaseProject("a1", "", "Ops"), CaseType("a1", "Ops")),
        (None, None, None),
    ],
)
def test_what_has_no_name_cannot_be_chosen(attributes: object, project: CaseProject | None, kind: CaseType | None):
    content = json.dumps({"data": [{"id": "a1", "attributes": attributes}, {"attributes": attributes}, 7]}).encode()
    assert creation.projects_in(content) == [each for each in [project] if each]
    assert creation.types_in(content) == [each for each in [kind] if each]
