"""Every command that a document names is run as it stands there, or stands in the table of those that are not."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from bot.sandbox.bot_process import environment
from bot.sandbox.control import Control
from bot.sandbox.datadog.server import DatadogServer
from bot.sandbox.slack.server import SlackServer
from bot.slack.manifest import app_manifest, as_json
from tests import postgres
from tests.e2e.bench import prepared_database
from tests.test_documents import PAGES, command_lines

GATE = "the gate runs it, in a fresh environment"
MINUTES = "takes minutes; a person runs it"
CONTAINERS = "there is no container engine and no cluster"
OTHERS = "a tool of somebody else's, on a real server"
NOT_RUN = {
    "python3 -m venv .venv": GATE,
    ".venv/bin/pip install -q .": GATE,
    ".venv/bin/pip install -q '.[test]'": GATE,
    ".venv/bin/pip install -q -e '.[test,lint]'": GATE,
    ".venv/bin/pip install '.[postgres]'": GATE,
    "pip install '.[oauth]'": GATE,
    ".venv/bin/pytest -n 4 --dist worksteal": GATE,
    ".venv/bin/pytest -m proof -n 3 -s": GATE,
    "pytest -m proof": GATE,
    ".venv/bin/ruff check .": GATE,
    ".venv/bin/ruff format --check .": GATE,
    ".venv/bin/pyright --pythonpath .venv/bin/python": GATE,
    ".venv/bin/lint-imports": GATE,
    ".ci/run": "it is the gate",
    "apt-get install chromium": GATE,
    ".venv/bin/python -m tests.benchmarks": MINUTES,
    "python -m tests.benchmarks": MINUTES,
    "python -m tests.benchmarks full": MINUTES,
    "python -m tests.soak --minutes 3": MINUTES,
    ".venv/bin/pytest --update-screenshots": "writes to the documents",
    "docker build -t case-insights .": CONTAINERS,
    "docker run --env-file .env --read-only -v case-insights:/data case-insights": CONTAINERS,
    "docker run --rm --tmpfs /tmp case-insights sandbox --demo": CONTAINERS,
    "docker exec CONTAINER case-insights db backup /data/backup.db": CONTAINERS,
    "kubectl apply": CONTAINERS,
    "kubectl apply -k manifests/kubernetes": CONTAINERS,
    "kubectl rollout status deployment/case-insights": CONTAINERS,
    "pg_dump --format=custom": OTHERS,
    "pg_restore --clean": OTHERS,
}
STAYS = {".venv/bin/case-insights sandbox": " --port 0", ".venv/bin/case-insights run": "", "case-insights run": ""}
"""What runs until it is stopped, and what the documents say to add where another one has the port."""
MONITOR = "https://app.datadoghq.com/monitors/1"
MANIFEST = re.escape(as_json())
RUN: dict[str, tuple[int, str]] = {
    # the exit code, and a pattern that is in what it prints
    ".venv/bin/case-insights sandbox --demo": (0, r"2 insights added with 1 call to Datadog\.\n$"),
    "case-insights manifest": (0, MANIFEST),
    "case-insights manifest --reaction": (0, '"reactions:read"'),
    "case-insights manifest --mode http --url https://case-insights.example.com": (0, '"request_url": "https://case-i'),
    "case-insights manifest --mode oauth --url https://…": (0, '"redirect_urls"'),
    "case-insights doctor": (0, r"\nok +datadog-cases +Cases can be read"),
    "case-insights explain LINK": (0, "Insight: MONITOR"),
    "case-insights explain": (2, "give a link"),
    "case-insights add": (2, "Missing option '--case'"),
    "case-insights add --case CASEM-4523 LINK…": (0, "added to CASEM-4523"),
    "cat links.txt | case-insights add --case CASEM-4523 --json -": (0, '"outcome": "added"'),
    "case-insights db current": (0, "The database has schema"),
    "case-insights db backup": (2, "Missing argument 'FILE'"),
    "case-insights db backup backup.db": (0, "backup.db holds what case-insights.db held"),
    "case-insights db copy sqlite:///case-insights.db postgresql://user:password@host/name": (0, "jobs: 0 rows"),
    "case-insights why ADDRESS": (0, "There is no such message"),
    "case-insights audit": (0, "Nothing has happened yet"),
    "case-insights audit [--since 2026-11-23] [--json]": (0, "Nothing has happened since 2026-11-23"),
    "openssl rand -base64 32": (0, r"^[\w+/=]{44}\n$"),
    "python -c pass": (0, "^$"),
    "python -m bot": (2, "Usage: case-insights"),
}
ADDRESS = "postgresql://user:password@host/name"
MESSAGE = "https://acme.slack.com/archives/C0INCIDENTS/p1795439598000001"
PLACEHOLDERS = {
    "ADDRESS": MESSAGE,
    "LINK…": MONITOR,
    "LINK": MONITOR,
    "https://…": "https://bot.example.com",
    "[": "",
    "]": "",
}
ALL = sorted({line for page in PAGES for line in command_lines(page)})


def test_every_command_is_run_or_has_a_reason_and_none_stands_in_vain():
    tables = [NOT_RUN, STAYS, RUN]
    assert sorted(command for table in tables for command in table) == ALL


@dataclass(frozen=True, slots=True)
class Desk:
    """A folder with `.venv`, a database and the settings of a bot between the sandbox's two servers."""

    folder: Path
    env: dict[str, str]

    async def shell(self, line: str) -> Process:
        """Begin this line in a shell, as its own process group; its output and errors are one stream."""
        return await asyncio.create_subprocess_exec(
            *("bash", "-euo", "pipefail", "-c", line),
            cwd=self.folder,
            env=self.env,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    control = Control()
    async with SlackServer(app_manifest(), control) as slack, DatadogServer(control) as datadog:
        datadog.add_case("CASEM-4523", "Memory leak investigation on API")
        (tmp_path / ".venv").symlink_to(sys.prefix)
        (tmp_path / "links.txt").write_text(f"{MONITOR}\n", encoding="utf-8")
        env = environment(slack.url, datadog.url, tmp_path / "case-insights.db")
        env |= {"PATH": f"{sys.prefix}/bin:{os.environ['PATH']}", "DATABASE_URL": "sqlite:///case-insights.db"}
        (tmp_path / "case-insights.db").write_bytes(await prepared_database(tmp_path))
        yield Desk(tmp_path, env)


@pytest.fixture
def empty_postgres(postgres_url: str) -> Iterator[str]:
    yield postgres.create(postgres_url, "documents")
    postgres.drop(postgres_url, "documents")


@pytest.mark.parametrize("command", RUN)
async def test_a_command_runs_as_written(desk: Desk, command: str, request: pytest.FixtureRequest):
    code, pattern = RUN[command]
    line = command
    for placeholder, value in PLACEHOLDERS.items():
        line = line.replace(placeholder, value)
    if ADDRESS in line:
        line = line.replace(ADDRESS, f"'{request.getfixturevalue('empty_postgres')}'")
    process = await desk.shell(line)
    printed = (await process.communicate())[0].decode()
    assert process.returncode == code, printed
    assert re.search(pattern, printed), printed


@pytest.mark.parametrize("command", STAYS)
async def test_what_stays_starts_as_written_answers_and_ends_when_it_is_told_to(desk: Desk, command: str):
    process = await desk.shell(command + STAYS[command])
    assert process.stdout is not None
    async with asyncio.timeout(30), httpx.AsyncClient() as client:
        printed = ""
        while not (address := re.search(r"(http://127\.0\.0\.1:\d+)/(healthz)?\s", printed)):
            printed += (await process.stdout.readline()).decode()
            assert process.returncode is None, printed
        url = f"{address[1]}/readyz" if address[2] else f"{address[1]}/"
        while True:
            if (await client.get(url)).status_code == 200:
                break
            await asyncio.sleep(0.05)
        os.killpg(process.pid, signal.SIGTERM)
        await process.communicate()
    assert process.returncode == 0
