"""The documents: a short front page, links that lead somewhere, and commands that exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bot.__main__ import main

PROJECT = Path(__file__).parent.parent
PAGES = [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").rglob("*.md"))]
CONTAINERS = "docker kubectl"
"""Are not run by tests: there is no engine and no cluster."""
PROGRAMS = r"case-insights|python3?|pytest|pip|docker|kubectl|openssl|pg_\w+|cat|curl|echo|ruff|buildah|apt-get"
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def command_lines(page: Path) -> Iterator[str]:
    """Each line of a shell block, and what can be typed of what stands between back-ticks; in parts at `&&`."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^ *```sh\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            yield from filter(None, map(str.strip, line.partition(" #")[0].split("&&")))
    inline = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    for code in (" ".join(code.split()) for code in inline):
        if re.match(rf"(\S*/)?({PROGRAMS}) |\.ci/run$|\.venv/bin/", code):
            yield code


def commands(page: Path) -> Iterator[str]:
    """Of the bot's own command line."""
    for line in command_lines(page):
        yield from (part.strip() for part in line.split("|") if "case-insights " in part)


def test_the_front_page_is_short():
    assert len((PROJECT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_somewhere(page: Path):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if ":" in path:
            continue
        target = (page.parent / path) if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


ALL = [(page.name, command) for page in PAGES for command in commands(page)]


@pytest.mark.parametrize(("page", "command"), ALL)
def test_a_command_and_its_options_exist(page: str, command: str):
    words = shlex.split(command.partition(" case-insights ")[2] or command.partition("case-insights ")[2])
    if command.split()[0] in CONTAINERS.split():
        return
    found: click.Command | None = main
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        found = found.commands.get(words.pop(0))
    assert found is not None, f"{page}: {command}"
    known = {"--help", "-h", "--version", *(option for one in found.params for option in one.opts)}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known, f"{page}: {command}"


def test_the_commands_of_the_front_page_are_among_them():
    assert ("README.md", ".venv/bin/case-insights sandbox") in ALL
    assert len(ALL) > 15


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_fit_a_screen(page: Path):
    """But for tables, examples of output, and what cannot be parted."""
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL).splitlines()
    long = [line for line in prose if len(line) > 120 and not line.startswith(("|", "!["))]
    assert [line for line in long if " " in re.sub(r"`[^`]*`|\[[^\]]*\]\([^)]*\)", "", line[:120]).strip()] == []
