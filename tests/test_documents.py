"""The documents: a short front page, links that lead somewhere, and commands that exist."""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bot.__main__ import main
from bot.config.settings import PREFIXES

PROJECT = Path(__file__).parent.parent
PAGES = [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").rglob("*.md"))]
CONTAINERS = "docker kubectl"
"""Are not run by tests: there is no engine and no cluster."""
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def commands(page: Path) -> Iterator[str]:
    """Of the bot's command line: in blocks of shell and between back-ticks."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            yield from (part.strip() for part in re.split(r"&&|\|", line) if "case-insights " in part)
    yield from (code for code in re.findall(r"`([^`\n]*)`", text) if re.match(r"(\S*/)?case-insights [a-z]", code))


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
    assert [line for line in long if " " in re.sub(r"`[^`]*`|\[[^\]]*\]\([^)]*\)", "", line[:120]).strip()] == long[:0]


RUN = ("explain", "manifest", "db", "audit", "doctor")
"""What needs neither Slack nor Datadog nor an open window to be tried here."""
TRIED = sorted({command for _, command in ALL if re.search(rf"case-insights ({'|'.join(RUN)})\b", command)})


@pytest.mark.parametrize("command", TRIED)
def test_a_command_runs_as_written_and_says_something(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in os.environ if name.startswith(PREFIXES)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    written = command.replace("LINK", "https://app.datadoghq.com/monitors/1")
    words = shlex.split(re.sub(r"\[[^\]]*\]", "", written).partition("case-insights ")[2])
    result = CliRunner().invoke(main, words)
    assert result.output.strip(), command
    assert isinstance(result.exception, SystemExit | None), command
