"""The wheel: it holds the whole package and nothing else, and runs where no checkout is. The sdist: it holds all."""

import ast
import os
import subprocess
import sys
import tarfile
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
PACKAGE = PROJECT / "bot"
NEEDED = {
    "bot/links/routes.toml",
    "bot/slack/manifest.py",
    "bot/sandbox/page/static/index.html",
    "bot/store/migrations/env.py",
    "bot/store/migrations/script.py.mako",
    "bot/store/migrations/versions/0001_first.py",
}
"""Named, because a walk over the folder would not miss what was moved out of it."""


def carry_out(*command: object, cwd: Path, exit_code: int = 0, **more: str) -> str:
    """What it printed, ending with this code; with no setting, `.env` or import path of this machine."""
    env = {"PATH": os.environ["PATH"], "HOME": str(cwd), **more}
    result = subprocess.run(  # noqa: S603  ours
        [str(word) for word in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == exit_code, result.stderr
    return result.stdout


def pip(*arguments: object, cwd: Path) -> None:
    carry_out(sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *arguments, cwd=cwd)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder outside the checkout."""
    return tmp_path_factory.mktemp("wheel")


@pytest.fixture(scope="module")
def wheel(folder: Path) -> Path:
    pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", folder, PROJECT, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, folder: Path) -> Path:
    """Where the wheel, and nothing that it needs, is installed."""
    target = folder / "installed"
    pip("install", "--no-deps", "--no-index", "--target", target, wheel, cwd=folder)
    return target


def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel: Path):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    there = {
        path.relative_to(PROJECT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == there
    assert names >= NEEDED


def test_the_source_distribution_holds_what_its_tests_need_and_nothing_that_was_made_here(folder: Path):
    carry_out(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder / "sdist", cwd=PROJECT)
    [archive] = (folder / "sdist").glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    ignored = [".git", *(line.rstrip("/") for line in (PROJECT / ".gitignore").read_text("utf-8").split())]
    folders = ("bot", "docs", "manifests", "tests", ".ci")
    there = {path.relative_to(PROJECT) for name in folders for path in (PROJECT / name).rglob("*")}
    there |= {path.relative_to(PROJECT) for path in PROJECT.iterdir()}
    wanted = {
        path.as_posix()
        for path in there
        if (PROJECT / path).is_file() and not any(fnmatch(part, each) for part in path.parts for each in ignored)
    }
    assert {*NEEDED, "docs/sandbox.png", "tests/links/monitor.toml", "manifests/slack/socket.json"} <= wanted
    assert names - {"PKG-INFO"} == wanted


def test_nothing_of_the_package_imports_tests():
    imported = {
        (path.relative_to(PROJECT).as_posix(), name)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        for name in _names(node)
    }
    assert ("bot/app.py", "slack_bolt.async_app") in imported
    assert [each for each in imported if each[1].split(".")[0] in ("tests", "pytest", "conftest")] == []


def test_the_wheel_runs_outside_the_checkout(installed: Path, folder: Path):
    where = carry_out(sys.executable, "-c", "import bot; print(bot.__file__)", cwd=folder, PYTHONPATH=str(installed))
    assert Path(where.strip()).is_relative_to(installed)
    command = installed / "bin" / "case-insights"
    assert "Usage: case-insights" in carry_out(command, "--help", cwd=folder, PYTHONPATH=str(installed))
    played = carry_out(command, "sandbox", "--demo", cwd=folder, PYTHONPATH=str(installed))
    assert played.endswith("2 insights added with 1 call to Datadog.\n")
    found = carry_out(command, "doctor", "--json", cwd=folder, exit_code=1, PYTHONPATH=str(installed))
    assert "SLACK_BOT_TOKEN is not set" in found


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [each.name for each in names]
        case ast.ImportFrom(module=str(module)):
            return [module]
        case _:
            return []
