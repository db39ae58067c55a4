"""The route table: the built-in one is right, and an operator's mistakes are sentences."""

import tomllib
from importlib.resources import files

import pytest
from alone import ROUTES, claimants

from bot import links
from bot.links import validation
from bot.links.outcomes import Reason, Uncovered
from bot.links.routes import Example, Route, compile_path, path_problem
from bot.model import Draft, Insight, InsightType

EXAMPLES = [
    pytest.param(route, row, id=f"{route.name}-{n}") for route in ROUTES.rows for n, row in enumerate(route.examples)
]
NOTES = dict.fromkeys(row for entries in ROUTES.notes.by_first.values() for _, row in entries)
NOTED = [(row, example) for row in sorted(NOTES, key=lambda row: row.name) for example in row.examples]
OWN = """
[[route]]
name = "our-recommendations"
type = "APM_RECOMMENDATION"
path = "/apm/recommendations/{id}"
"""


def test_the_built_in_table_passes_the_check_that_an_operator_s_must_pass() -> None:
    validation.check(tomllib.loads(files("bot.links").joinpath("routes.toml").read_text("utf-8")), "routes.toml")


def test_every_route_has_examples_and_its_own_name() -> None:
    assert all(route.examples for route in ROUTES.rows)
    assert len({route.name for route in ROUTES.rows}) == len(ROUTES.rows)


@pytest.mark.parametrize(("route", "row"), EXAMPLES)
def test_an_example_is_read_as_it_says_by_its_route_alone(route: Route, row: Example) -> None:
    outcome = links.parse(row.link, ROUTES)
    assert isinstance(outcome, Draft if route.draft else Insight)
    assert (outcome.type, outcome.resource_id, outcome.scope) == (route.type, row.id, row.scope)
    assert claimants(row.link) == [route.name]


@pytest.mark.parametrize(("row", "example"), NOTED, ids=[example.link for _, example in NOTED])
def test_a_page_without_an_insight_type_is_a_note_of_what_it_shows(row: Route, example: Example) -> None:
    outcome = links.parse(example.link, ROUTES)
    assert isinstance(outcome, Uncovered)
    assert outcome.note is not None
    assert (outcome.note.scope, outcome.note.resource_id) == (row.name, example.id)


def test_an_operator_s_note_comes_first() -> None:
    routes = links.load('[[note]]\nname = "Runbook"\npath = "/notebook/7/**"')
    outcome = links.parse("https://app.datadoghq.com/notebook/7/how-to", routes)
    assert isinstance(outcome, Uncovered)
    assert outcome.note is not None
    assert (outcome.note.scope, outcome.note.ref) == ("Runbook", "/notebook/7/how-to")


def test_the_types_without_a_public_link_are_drafts_only() -> None:
    drafts = {type_ for type_ in InsightType if all(route.draft for route in ROUTES.rows if route.type is type_)}
    assert drafts == {
        InsightType.EVENT_CORRELATION,
        InsightType.CLOUD_COST_RECOMMENDATION,
        InsightType.APM_RECOMMENDATION,
        InsightType.SENSITIVE_DATA_SCANNER_ISSUE,
        InsightType.INSIGHT_SCORECARD_CAMPAIGN,
        InsightType.RESOURCE_POLICY,
        InsightType.PROFILING_DOWNSIZING_EXPERIMENT,
    }


def test_every_draft_tells_the_person_what_to_do() -> None:
    assert all(bool(route.hint) == bool(route.draft) for route in ROUTES.rows)


def test_an_operator_s_route_comes_first() -> None:
    link = "https://app.datadoghq.com/apm/recommendations/rec-1"
    assert isinstance(links.parse(link, ROUTES), Draft)
    assert links.parse(link, links.load(OWN)) == Insight(
        InsightType.APM_RECOMMENDATION, "rec-1", "/apm/recommendations/rec-1", "app.datadoghq.com"
    )


def test_in_a_family_only_an_id_in_a_parameter_counts() -> None:
    routes = links.load(OWN + "id = { query = 'rec' }\nfamily = '/apm/**'\nunless = { view = ['trace', 'log'] }")
    outcomes = {
        "/apm/tomorrow?rec=r-1": "r-1",
        "/apm/tomorrow?rec=r-1&view=spans": "r-1",
        "/apm/tomorrow?rec=r-1&view=log": None,
        "/apm/tomorrow": None,
        "/tomorrow?rec=r-1": None,
    }
    read = {path: links.parse(f"https://app.datadoghq.com{path}", routes) for path in outcomes}
    assert {path: getattr(outcome, "resource_id", None) for path, outcome in read.items()} == outcomes


def test_an_operator_s_page_comes_first() -> None:
    routes = links.load('[[page]]\nreason = "settings_page"\npath = "/logs/**"')
    assert links.explain("https://app.datadoghq.com/logs/x", routes).reason is Reason.SETTINGS_PAGE


def test_scm_hosts_are_read_by_every_scm_route() -> None:
    routes = links.load(scm_hosts=["GHE.acme.example"])
    outcome = links.parse("http://ghe.acme.example/acme/shop/pull/42/files", routes)
    assert isinstance(outcome, Insight)
    assert outcome.resource_id == outcome.ref == "http://ghe.acme.example/acme/shop/pull/42"


def test_a_configured_web_host_is_read_whatever_its_name() -> None:
    link = "https://learn.datadoghq.com/monitors/1"
    assert links.parse(link, ROUTES) is None
    assert isinstance(links.parse(link, links.load(web_hosts=["learn.datadoghq.com"])), Insight)


def test_a_configured_case_path_is_read_besides_the_two() -> None:
    routes = links.load(case_path="/case-management/view/")
    for path in ("/case-management/view/ET-1", "/cases/ET-1", "/work/ET-1"):
        assert links.explain(f"https://app.datadoghq.com{path}", routes).route == "case"
    with pytest.raises(links.RoutesError, match="case path"):
        links.load(case_path="/cases?x=")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[route]", "FILE is not valid TOML"),
        ("[[routes]]\nname = 'x'", "FILE has 'routes': only [[route]], [[page]] and [[note]] are known"),
        ("[route]\nname = 'x'", "FILE: write [[route]], with two brackets"),
        ("route = [1]", "FILE: write [[route]], with two brackets"),
        ("[[route]]\nname = 'x'", "FILE, route 1 (x): type: Field required"),
        (OWN.replace("APM_", "AMP_"), "FILE, route 1 (our-recommendations): type: Input should be"),
        (OWN.replace("/{id}", ""), "our-recommendations): it does not say where the id is"),
        (OWN.replace("/{id}", "/{id}x"), "may use only {id}, {scope}, * and **"),
        (OWN.replace('"/apm', '"apm'), "must begin with one slash"),
        (OWN.replace("/{id}", "/{id}?x"), "must be a path alone"),
        (OWN.replace("/{id}", "/{scope}/{id}"), "only a WIDGET has a {scope}"),
        (OWN.replace("APM_RECOMMENDATION", "WIDGET"), "a WIDGET needs its dashboard"),
        (OWN.replace("APM_RECOMMENDATION", "SCM_URL"), "an SCM_URL route needs hosts"),
        (OWN + 'hosts = ["x.example"]', "hosts are for SCM_URL only"),
        (OWN + 'shape = "number"', "shape: Input should be 'integer'"),
        (OWN + "pattern = 1", "pattern: Extra inputs are not permitted"),
        (OWN + "id = { query = 'a', sp = 'b' }", "id.0: a place is one of query, fragment or sp"),
        (OWN + "id = { query = 'a', panel = 'b' }", "id.0: panel goes with sp, and term with query"),
        (OWN + "short = '/x'", "short must contain {id}"),
        (OWN + "family = '/x/**'", "a family needs id = …"),
        (OWN + "family = '/x/{id}'\nid = { query = 'a' }", "and no {id} in its path"),
        (OWN + "id = { fragment = 'status' }", "id.0.fragment"),
        (OWN + OWN, "FILE, route 2 (our-recommendations): an earlier route has this name already"),
        ("[[page]]\nreason = 'boring'\npath = '/x'", "FILE, page 1: reason: Input should be"),
        (OWN + "examples = [{ link = 'https://app.datadoghq.com/apm', id = 'x' }]", "is read as no insight (no_route)"),
        (
            OWN + "examples = [{ link = 'https://app.datadoghq.com/apm/recommendations/r1', id = 'r2' }]",
            "gives the id r1, not r2",
        ),
        (
            OWN + "examples = [{ link = 'https://app.datadoghq.com/monitors/1', id = '1' }]",
            "is claimed by the route monitor before it",
        ),
    ],
)
def test_a_bad_table_is_refused_with_source_row_and_reason(text: str, sentence: str) -> None:
    with pytest.raises(links.RoutesError) as refused:
        links.load(text, source="FILE")
    assert str(refused.value).startswith("FILE")
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/a/{id}", "/a/1", True),
        ("/a/{id}", "/a/1/", True),
        ("/a/{id}", "/a/1/2", False),
        ("/a/{id}/**", "/a/1", True),
        ("/a/{id}/**", "/a/1/2/3", True),
        ("/a/*/b", "/a/x/b", True),
        ("/a/*/b", "/a/x/y/b", False),
        ("/**/b/{id}", "/b/1", True),
        ("/**/b/{id}", "/x/y/b/1", True),
        ("/a.b", "/aXb", False),
        ("/", "/", True),
    ],
)
def test_path_patterns(pattern: str, path: str, matches: bool) -> None:
    assert path_problem(pattern) is None
    assert bool(compile_path(pattern).regex.fullmatch(path)) is matches
