"""What the image is built from: every requirement pinned, with hashes, and no place to get it from."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = Path(__file__).parent.parent
PINS = ("requirements.txt", "requirements-build.txt")
OPTIONS = {"--hash", "--universal", "--python-version", "--extra", "--generate-hashes", "--output-file"}
"""What pins, and the command in their head, may say: nothing that names a place to get them from."""
PIN = re.compile(
    r"^([a-z0-9._-]+)==([^ ]+)(?: ; .+)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def text(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def pins(name: str) -> dict[str, Version]:
    return {canonicalize_name(package): Version(version) for package, version, _ in PIN.findall(text(name))}


def unmet(requirements: list[str], pinned: dict[str, Version]) -> list[str]:
    """Which of these are not pinned, or to a version that they do not allow."""
    wanted = [Requirement(each) for each in requirements]
    return [
        str(each)
        for each in wanted
        if canonicalize_name(each.name) not in pinned or pinned[canonicalize_name(each.name)] not in each.specifier
    ]


@pytest.fixture
def pyproject() -> Any:
    return tomllib.loads(text("pyproject.toml"))


def test_every_requirement_of_the_bot_is_pinned_to_a_version_that_it_allows(pyproject: Any):
    project, extras = pyproject["project"], pyproject["project"]["optional-dependencies"]
    requirements = [*project["dependencies"], *extras["postgres"], *extras["oauth"]]
    assert unmet(requirements, pins("requirements.txt")) == []


def test_what_builds_the_wheel_is_pinned_to_a_version_that_it_allows(pyproject: Any):
    assert unmet(pyproject["build-system"]["requires"], pins("requirements-build.txt")) == []


def test_a_requirement_that_is_missing_or_too_old_is_noticed():
    pinned = {"aiohttp": Version("3.12"), "psycopg": Version("3.2")}
    asked = ["aiohttp>=3.12", "aiohttp>=3.13", "psycopg[binary]>=3.2", "httpx"]
    assert unmet(asked, pinned) == ["aiohttp>=3.13", "httpx"]


@pytest.mark.parametrize("name", PINS)
def test_pins_have_hashes_and_name_no_place_to_get_them_from(name: str):
    lines = text(name).splitlines()
    assert len(pins(name)) == len([line for line in lines if line and not line.startswith((" ", "#"))])
    assert [line for line in lines if "://" in line] == []
    assert set(re.findall(r"--[a-z][a-z-]*", text(name))) <= OPTIONS


def test_pins_are_for_the_python_of_the_image():
    image = re.search(r"^ARG PYTHON_IMAGE=python:(\d+\.\d+)-", text("Dockerfile"), re.MULTILINE)
    assert image is not None
    assert [name for name in PINS if f"--python-version {image[1]} " not in text(name)] == []


def test_what_the_image_copies_is_let_through_and_nothing_else_is():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text("Dockerfile"), re.MULTILINE)
    let_through = [line[1:] for line in text(".dockerignore").splitlines() if line.startswith("!")]
    assert sorted(" ".join(copied).split()) == sorted(let_through)
