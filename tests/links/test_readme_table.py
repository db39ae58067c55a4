"""The README's table of what is read is what the routes say."""

from pathlib import Path

from readme_table import problems, table

from bot import links
from bot.model import InsightType

ROUTES = links.load()


def test_the_table_names_every_type_and_says_certain_or_draft() -> None:
    lines = table(ROUTES).splitlines()[2:]
    assert {line.split("|")[1].strip() for line in lines} == set(InsightType)
    assert all(line.split("|")[3].strip().startswith(("certain", "draft")) for line in lines)


def test_a_readme_with_the_table_has_no_problem_and_one_without_a_line_has_it() -> None:
    assert problems(f"# Case Insights\n\n{table(ROUTES)}\n", ROUTES) == []
    short = table(ROUTES).replace("| MONITOR |", "| Monitor |")
    assert [line.startswith("missing in the README: | MONITOR") for line in problems(short, ROUTES)] == [True]


def test_the_readme_says_what_the_routes_say() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert problems(readme, ROUTES) == []
