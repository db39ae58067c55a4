"""The house as CONTRIBUTING draws it: its rooms, the arrows between them, names that stand once, sizes."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
BOT = PROJECT / "bot"
CONTRIBUTING = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MOST_ARROWS, MOST_LINES, MOST_OF_A_FUNCTION = 90, 300, 40
LONG_FILES: dict[str, str] = {}
"""By file: why it may be."""
LONG_FUNCTIONS = {
    "store/migrations/versions/0001_first.py upgrade": "the whole schema",
    "slack/manifest.py app_manifest": "one literal: the manifest as Slack documents it",
    "listeners/modal.py register": "Bolt registers functions of this one: one for each thing that Slack sends",
}
ALIASES = {"sa": "Alembic's own word for SQLAlchemy, in migrations"}


@cache
def modules() -> dict[Path, ast.Module]:
    """Every file of the bot but the sandbox's, parsed."""
    files = [file for file in BOT.rglob("*.py") if "sandbox" not in file.relative_to(BOT).parts]
    return {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}


def named(file: Path) -> str:
    return str(file.relative_to(BOT))


def rooms() -> set[str]:
    """What `ls bot` shows: a module or a package each."""
    return {
        entry.stem for entry in BOT.iterdir() if entry.stem != "__init__" and (entry.is_dir() or entry.suffix == ".py")
    } - {"__pycache__"}


def arrows() -> Iterator[tuple[str, str]]:
    """From a room to each other one that something in it imports, also within functions and for types alone."""
    for file, tree in modules().items():
        room = file.relative_to(BOT).parts[0].removesuffix(".py")
        for node in ast.walk(tree):
            imported: list[str] = []
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in imported:
                parts = name.split(".")
                if parts[0] == "bot" and len(parts) > 1 and parts[1] != room:
                    yield room, parts[1]


def test_there_are_few_arrows_between_the_rooms():
    assert len(set(arrows())) <= MOST_ARROWS


def test_only_the_app_and_what_watches_it_know_the_worker():
    assert {room for room, other in arrows() if other == "worker"} <= {"app", "ops"}


def test_no_class_name_stands_twice():
    names = Counter(
        node.name for tree in modules().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_nothing_is_renamed_where_it_is_imported():
    """An alias that only avoids a clash says that one of the two names is wrong."""
    found = {
        f"{named(file)}: {alias.name} as {alias.asname}"
        for file, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if alias.asname and alias.asname not in ALIASES and alias.asname != alias.name
    }
    assert found == set()


def test_no_file_and_no_function_is_long_without_a_reason():
    files = {named(file) for file in modules() if len(file.read_text(encoding="utf-8").splitlines()) > MOST_LINES}
    functions = {
        f"{named(file)} {node.name}"
        for file, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MOST_OF_A_FUNCTION
    }
    assert (files - LONG_FILES.keys(), functions - LONG_FUNCTIONS.keys()) == (set(), set())


def test_every_path_that_contributing_names_is_there():
    paths = set(re.findall(r"`((?:bot|tests|docs|manifests)/[\w./]*\w/?)`", CONTRIBUTING))
    assert paths
    assert [path for path in sorted(paths) if not (PROJECT / path).exists()] == []


def test_the_drawing_of_the_house_has_every_room():
    drawing = CONTRIBUTING.partition("```text")[2].partition("```")[0]
    drawn = set(re.findall(r"^  ([a-z_]+)(?:\.py|/) ", drawing, flags=re.MULTILINE))
    assert drawn == rooms()


@pytest.mark.parametrize("page", sorted((PROJECT / "docs" / "decisions").glob("[!R]*.md")), ids=lambda page: page.stem)
def test_a_decision_says_what_why_and_what_would_change_it(page: Path):
    text = page.read_text(encoding="utf-8")
    assert re.search(r"^Status: \w+ · \d{4}-\d\d-\d\d$", text, flags=re.MULTILINE)
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## Why", "## What would change it"]
    assert 10 <= len(text.splitlines()) <= 30
    assert f"({page.name})" in (page.parent / "README.md").read_text(encoding="utf-8")


def test_security_names_tests_that_are_there():
    """`file`: `test`, `test`; until the next file."""
    text = (PROJECT / "SECURITY.md").read_text(encoding="utf-8")
    missing: list[str] = []
    source = ""
    for path, test in re.findall(r"`(?:((?:tests|bot|manifests)/[\w./]+)|(test_\w+))`", text):
        if path:
            source = (PROJECT / path).read_text(encoding="utf-8") if (PROJECT / path).is_file() else ""
            missing += [] if (PROJECT / path).exists() else [path]
        elif f"def {test}(" not in source:
            missing.append(test)
    assert missing == []
