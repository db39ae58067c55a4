"""The house's import contracts hold, and each of them refuses what it is there to refuse."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"

PLANTED = {
    "layers": [
        ("bot.store.ties", "bot.worker"),
        ("bot.services.context", "bot.listeners"),
        ("bot.listeners.clicks", "bot.ops.server"),
        ("bot.ops.server", "bot.app"),
        ("bot.slack.client", "bot.datadog"),
        ("bot.datadog.client", "bot.store"),
        ("bot.config.settings", "bot.slack"),
        ("bot.policy", "bot.messages"),
        ("bot.links.parse", "bot.insights"),
        ("bot.model", "bot.links"),
        ("bot.sandbox.slack.server", "bot.model"),
    ],
    "sandbox": [
        ("bot.app", "bot.sandbox.sandbox"),
        ("bot.links.parse", "bot.sandbox.slack.text"),
    ],
    "listeners": [
        ("bot.listeners.clicks", "bot.store.ties"),
        ("bot.listeners.home", "bot.slack.client"),
        ("bot.listeners.commands", "bot.datadog"),
        ("bot.listeners.errors", "sqlalchemy"),
    ],
    "services": [
        ("bot.services.ties", "slack_bolt"),
        ("bot.services.responder", "slack_bolt"),
    ],
    "pure": [
        ("bot.messages", "time"),
        ("bot.policy", "asyncio"),
        ("bot.insights", "sqlalchemy"),
        ("bot.links.sites", "os"),
        ("bot.model", "structlog"),
    ],
}


def lint(tree: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    chosen = [word for contract in contracts for word in ("--contract", contract)]
    command = [sys.executable, "-c", LINT, "--no-cache", "--no-logo", *chosen]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)  # noqa: S603  ours


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the package to plant violations in."""
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    shutil.copytree(PROJECT / "bot", tmp_path / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_package_keeps_every_contract():
    said = lint(PROJECT)
    assert said.returncode == 0, said.stdout


def test_every_contract_has_a_violation_planted():
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {contract["id"] for contract in contracts} == PLANTED.keys()


@pytest.mark.parametrize("contract", PLANTED)
def test_planted_violations_of_a_contract_are_refused_each_by_name(tree: Path, contract: str):
    for importer, imported in PLANTED[contract]:
        with (tree / f"{importer.replace('.', '/')}.py").open("a", encoding="utf-8") as module:
            module.write(f"\nimport {imported}\n")
    said = lint(tree, contract)
    assert said.returncode == 1
    missed = [pair for pair in PLANTED[contract] if f"{pair[0]} -> {pair[1]} " not in said.stdout]
    assert not missed, said.stdout


def test_a_module_without_a_place_in_the_house_is_refused(tree: Path):
    (tree / "bot" / "helpers.py").touch()
    said = lint(tree, "layers")
    assert said.returncode == 1
    assert "helpers" in said.stdout
