"""The command line: what it prints, and that whatever is wrong is one sentence and exit code 2."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text

from bot.__main__ import main
from bot.slack.manifest import as_json

PROJECT = Path(__file__).parent.parent
MONITOR = "https://app.datadoghq.com/monitors/90210?group=host%3Aweb-1"
FIELDS = ["link", "outcome", "type", "resource_id", "scope", "ref", "case", "route", "reason"]
MESSAGE = "https://acme.slack.com/archives/C0123/p1700000000000100"
TOKENS = {"SLACK_BOT_TOKEN": "xoxb-very-secret", "SLACK_APP_TOKEN": "xapp-very-secret"}
ENOUGH = {**TOKENS, "DD_API_KEY": "very-secret-1", "DD_APP_KEY": "very-secret-2"}


@pytest.fixture(autouse=True)
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of this machine's, no `.env` of this directory's."""
    for name in list(os.environ):
        if name.startswith(("SLACK_", "DD_", "CASE_INSIGHTS_", "DATABASE_", "PORT")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def ask(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=stdin)


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1", **settings}


def start(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A child process with these settings and no others."""
    command = [sys.executable, "-m", "bot", *arguments]
    return subprocess.run(  # noqa: S603  ours
        command, env=environment(settings), capture_output=True, text=True, timeout=30, check=False
    )


def refusal(result: subprocess.CompletedProcess[str]) -> str:
    """The one sentence of a refused start; the log lines before it are no part of it."""
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    assert "very-secret" not in result.stderr + result.stdout
    ours = [line for line in result.stderr.splitlines() if line.startswith("case-insights: ")]
    assert ours
    return "\n".join(line.removeprefix("case-insights: ") for line in ours)


# --- explain ---


def test_explain_says_what_a_link_is_and_as_json_has_every_field():
    text = ask("explain", MONITOR).output
    assert "MONITOR" in text
    assert "90210" in text
    row = json.loads(ask("explain", "--json", MONITOR).output)
    assert list(row) == FIELDS
    assert (row["outcome"], row["type"], row["resource_id"], row["reason"]) == ("insight", "MONITOR", "90210", None)


def test_explain_reads_one_link_a_line_and_prints_one_object_a_line():
    links = [
        MONITOR,
        "https://app.datadoghq.com.evil.example/monitors/1",
        "",
        "not a link",
        "https://app.datadoghq.com/cases/X-1",
    ]
    result = ask("explain", "-", stdin="\r\n".join(links) + "\n")
    rows = [json.loads(line) for line in result.output.splitlines()]
    assert [row["link"] for row in rows] == links
    assert [row["outcome"] for row in rows] == ["insight", "other", "other", "other", "case"]
    assert all(row["reason"] for row in rows[1:4])


def test_explain_pays_for_neither_slack_nor_the_database():
    script = "import sys; from bot.__main__ import main; main(['explain', sys.argv[1]], standalone_mode=False); "
    script += "print({'slack_sdk', 'sqlalchemy', 'httpx', 'aiohttp'} & set(sys.modules))"
    command = [sys.executable, "-c", script, MONITOR]
    result = subprocess.run(command, env=environment({}), capture_output=True, text=True, check=True)  # noqa: S603  ours
    assert result.stdout.splitlines()[-1] == "set()"


# --- manifest, help ---


def test_the_manifest_is_printed_to_be_pasted_with_the_address_given_or_set(monkeypatch: pytest.MonkeyPatch):
    assert ask("manifest").output == as_json() + "\n"
    printed = as_json("https://bot.example.com") + "\n"
    assert ask("manifest", "--mode", "http", "--url", "https://bot.example.com/").output == printed
    monkeypatch.setenv("CASE_INSIGHTS_PUBLIC_URL", "https://bot.example.com")
    assert ask("manifest", "--mode", "http").output == printed


def test_every_command_explains_itself():
    for command in main.commands:
        assert ask(command, "-h").exit_code == 0


# --- refused ---

NO_ADDRESS = "--url is not an address that Slack takes: write it like https://"
REFUSED: list[tuple[str, dict[str, str], str]] = [
    ("explain", {}, "give a link, or - to read one per line: "),
    (
        f"explain {MONITOR}",
        {"CASE_INSIGHTS_ROUTES_FILE": "none.toml"},
        "CASE_INSIGHTS_ROUTES_FILE: none.toml cannot be read (No such file or directory); check its path and mode.\n",
    ),
    ("add --case CASEM-1", ENOUGH, "give a link, or - to read one per line: "),
    (f"add --case CASEM-1 {MONITOR}", {}, "DD_API_KEY is not set: "),
    (f"add --case CASEM {MONITOR}", ENOUGH, "--case: 'CASEM' is no case of ours"),
    ("why hello", {}, "hello is not the address of a Slack message: "),
    (f"why {MESSAGE}", ENOUGH, "There is no database yet at case-insights.db: "),
    (
        "manifest --mode http",
        {},
        "--url is missing: the address at which Slack reaches the bot; or set CASE_INSIGHTS_PUBLIC_URL.",
    ),
    ("manifest --mode http --url http://bot.example.com", {}, NO_ADDRESS),
    ("manifest --mode http --url bot.example.com", {}, NO_ADDRESS),
    ("manifest --mode http --url https://bot.example.com/?a=b", {}, NO_ADDRESS),
    ("run", {}, "SLACK_BOT_TOKEN is not set: copy the bot token"),
    ("run", {"SLACK_BOT_TOKEN": "xoxb-very-secret"}, "SLACK_APP_TOKEN is not set"),
    ("run", {**ENOUGH, "DD_ACCESS_TOKEN": "very-secret"}, "DD_ACCESS_TOKEN and DD_API_KEY are both set: "),
    ("run", {**ENOUGH, "DATABASE_URL": "postgresql://bot:very-secret@host:port/x"}, "DATABASE_URL: write it like "),
    (
        "run",
        {**ENOUGH, "CASE_INSIGHTS_ROUTES_FILE": "none.toml"},
        "CASE_INSIGHTS_ROUTES_FILE: none.toml cannot be read",
    ),
    (
        "db current",
        {"DATABASE_URL": "postgresql://bot:very-secret@127.0.0.1:1/x"},
        "DATABASE_URL: the database cannot be used (connection failed: ",
    ),
]


@pytest.mark.parametrize("by_file", [False, True], ids=["in the environment", "in .env"])
@pytest.mark.parametrize(("command", "settings", "begins"), REFUSED)
def test_what_is_missing_or_wrong_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    command: str,
    settings: dict[str, str],
    begins: str,
    by_file: bool,
):
    if by_file:
        (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    else:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
    result = ask(*command.split())
    assert result.exit_code == 2
    assert result.output.startswith(f"case-insights: {begins}")
    assert all(line.startswith("case-insights: ") for line in result.output.splitlines()), "and no log line"
    assert "very-secret" not in result.output


def test_a_refused_start_names_all_that_is_missing_and_ends_with_exit_code_2():
    result = start("run")
    assert refusal(result).startswith("SLACK_BOT_TOKEN is not set")
    assert [line.split()[0] for line in refusal(result).splitlines()] == [
        *("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "DD_API_KEY", "DD_APP_KEY", "There")
    ]
    assert f"There is no .env in {Path.cwd()} either" in refusal(result)
    one_set = refusal(start("run", DD_API_KEY="very-secret-1"))
    assert "SLACK_BOT_TOKEN is not set" in one_set
    assert ".env" not in one_set
    assert result.stdout == ""


def test_a_database_of_a_newer_bot_is_refused_in_a_sentence(tmp_path: Path):
    engine = create_engine(f"sqlite:///{tmp_path}/case-insights.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('9999')"))
    engine.dispose()
    assert refusal(start("run", **ENOUGH)).startswith("The database has schema 9999, which is newer than this version")


def test_an_audit_of_nothing_says_so_beside_what_programs_read():
    assert ask("db", "upgrade").exit_code == 0
    for arguments, since in (("audit",), "yet"), (("audit", "--json", "--since", "2026-11-23"), "since 2026-11-23"):
        result = ask(*arguments)
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == f"case-insights: Nothing has happened {since}.\n"


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_link_moves_no_cursor_of_a_terminal(options: tuple[str, ...]):
    output = ask("explain", *options, "https://app.datadoghq.com/monitors/1\x1b[2J\u202e\udcff\x9b").output
    assert all(line.isprintable() for line in output.splitlines())


def test_what_only_looks_makes_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, value in ENOUGH.items():
        monkeypatch.setenv(name, value)
    nothing = "There is no database yet at case-insights.db: "
    assert ask("db", "current").output.startswith(nothing)
    for arguments in (("audit",), ("why", MESSAGE)):
        assert ask(*arguments).output.startswith(f"case-insights: {nothing}")
    assert not list(tmp_path.iterdir())


def test_why_says_that_slack_does_not_answer(monkeypatch: pytest.MonkeyPatch):
    for name, value in {**ENOUGH, "SLACK_API_URL": "http://127.0.0.1:1/"}.items():
        monkeypatch.setenv(name, value)
    assert ask("db", "upgrade").exit_code == 0
    assert ask("why", MESSAGE).output.startswith("case-insights: Slack does not answer (auth.test: ")


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize(
    ("setting", "address", "event", "reason"),
    [
        ("SLACK_API_URL", "http://{}/api/", "slack.not_answering", "Slack has not answered yet (auth.test)."),
        (
            *("DATABASE_URL", "postgresql://bot:very-secret@{}/bot", "database.not_answering"),
            "The database does not answer (connection failed: ",
        ),
    ],
    ids=["slack", "database"],
)
def test_a_bot_that_waits_says_for_what_and_ends_when_it_is_told_to(
    nobody: str, setting: str, address: str, event: str, reason: str
):
    command = [sys.executable, "-m", "bot", "run"]
    env = environment({**ENOUGH, setting: address.format(nobody), "CASE_INSIGHTS_PORT": "0"})
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as bot:  # noqa: S603  ours
        assert bot.stderr is not None
        served = next(line for line in bot.stderr if "server.ready" in line).partition("address=")[2].split()[0]
        line = next(line for line in bot.stderr if event in line)
        assert httpx.get(served).status_code == 200
        not_ready = httpx.get(served.replace("/healthz", "/readyz"))
        assert not_ready.status_code == 503
        assert not_ready.json()["reasons"][0].startswith(reason)
        began = time.monotonic()
        bot.send_signal(signal.SIGTERM)
        rest = bot.stderr.read()
    assert bot.returncode == 0
    assert time.monotonic() - began < 4
    assert "Traceback" not in rest
    assert "very-secret" not in line + rest


def test_a_file_that_is_no_database_is_refused_in_a_sentence(tmp_path: Path):
    (tmp_path / "notes.db").write_text("hello, I am no database at all " * 40)
    result = start("db", "current", DATABASE_URL=f"sqlite:///{tmp_path}/notes.db")
    assert refusal(result) == "DATABASE_URL: the database cannot be used (file is not a database); check its address."
