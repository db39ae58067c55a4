"""The table of links with the operator's own routes, and the environment it is read from."""

from pathlib import Path

import pytest

from bot.config import ConfigError, environment
from bot.config.organizations import ORGS_FILE
from bot.links import load, parse
from bot.links.outcomes import CaseLink
from bot.model import Insight, InsightType

MINE = """
[[route]]
name = "mine"
type = "MONITOR"
path = "/mine/{id}"
shape = "integer"
examples = [{ link = "https://app.datadoghq.com/mine/7", id = "7" }]

[[route]]
name = "code"
type = "SCM_URL"
path = "/*/*/commit/{id}"
hosts = ["github.com"]
examples = [{ link = "https://github.com/a/b/commit/1", id = "https://github.com/a/b/commit/1" }]
"""
CODE = "https://git.acme.com/a/b/commit/1"


def test_without_a_file_the_table_is_the_built_in_one():
    link = "https://app.datadoghq.com/monitors/7"
    assert parse(link, environment.routes_from({})) == parse(link, load(None))


def test_a_case_path_of_ones_own_is_read():
    routes = environment.routes_from({"CASE_INSIGHTS_CASE_PATH": "/tickets/"})
    assert isinstance(parse("https://app.datadoghq.com/tickets/CASEM-1", routes), CaseLink)


def test_an_operators_route_is_read(tmp_path: Path):
    file = tmp_path / "routes.toml"
    file.write_text(MINE)
    routes = environment.routes_from({"CASE_INSIGHTS_ROUTES_FILE": str(file)})
    found = parse("https://app.datadoghq.com/mine/7", routes)
    assert isinstance(found, Insight)
    assert found.identity == (InsightType.MONITOR, "", "7")


@pytest.mark.parametrize(("hosts", "type_"), [("", None), (" Git.acme.com ,", InsightType.SCM_URL)])
def test_code_hosts_of_ones_own_are_read(tmp_path: Path, hosts: str, type_: InsightType | None):
    file = tmp_path / "routes.toml"
    file.write_text(MINE)
    routes = environment.routes_from({"CASE_INSIGHTS_ROUTES_FILE": str(file), "CASE_INSIGHTS_SCM_HOSTS": hosts})
    found = parse(CODE, routes)
    assert (found.type if isinstance(found, Insight) else found) is type_


def test_hosts_of_ones_own_are_read_without_secrets(tmp_path: Path):
    link = "https://status.datadoghq.com/monitors/7"
    file = tmp_path / "orgs.toml"
    file.write_text('[acme]\ndd_web_hosts = ["Status.datadoghq.com"]\ndd_api_key_file = "/none"\n')
    for variables in ({"DD_WEB_HOSTS": "acme.datadoghq.com, Status.datadoghq.com"}, {ORGS_FILE: str(file)}):
        assert isinstance(parse(link, environment.routes_from(variables)), Insight)
    file.write_text('[acme]\ndd_web_hosts = ["acme.example"]\n')
    with pytest.raises(ConfigError, match=r"^CASE_INSIGHTS_ORGS_FILE: .*\[acme\] dd_web_hosts names 'acme.example'"):
        environment.routes_from({ORGS_FILE: str(file)})
    with pytest.raises(ConfigError, match=r"^DD_WEB_HOSTS names 'acme.example'"):
        environment.routes_from({"DD_WEB_HOSTS": "acme.example"})


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    file = tmp_path / "routes.toml"
    with pytest.raises(ConfigError, match=r"routes\.toml cannot be read \(No such file or directory\)"):
        environment.routes_from({"CASE_INSIGHTS_ROUTES_FILE": str(file)})
    file.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match="it is not UTF-8 text"):
        environment.routes_from({"CASE_INSIGHTS_ROUTES_FILE": str(file)})


@pytest.mark.parametrize(("text", "names"), [("[[", "routes.toml"), ("[[route]]\nname = 'mine'\n", "mine")])
def test_a_bad_file_is_named_with_the_row(tmp_path: Path, text: str, names: str):
    file = tmp_path / "routes.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=f"^CASE_INSIGHTS_ROUTES_FILE: .*{names}"):
        environment.routes_from({"CASE_INSIGHTS_ROUTES_FILE": str(file)})


def test_the_environment_beats_the_file_and_nothing_is_not_something(tmp_path: Path):
    file = tmp_path / ".env"
    file.write_text("A=file\nB=file\nC=\n")
    assert environment.read({"B": "process", "D": ""}, env_file=str(file)) == {"A": "file", "B": "process"}
    for no_file in (str(tmp_path / "none"), None):
        assert environment.read({"A": "1"}, env_file=no_file) == {"A": "1"}


@pytest.mark.parametrize(("value", "parts"), [("", ()), (" a ,b,, ", ("a", "b")), ("a", ("a",))])
def test_a_list_is_separated_by_commas(value: str, parts: tuple[str, ...]):
    assert environment.comma_separated(value) == parts
