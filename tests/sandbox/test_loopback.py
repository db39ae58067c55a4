"""With real-looking tokens in `.env` and in the environment, nothing but this machine is ever called."""

import asyncio
import os
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from bot.sandbox.bot_process import environment
from bot.sandbox.example_data import CASE_LINK, INCIDENTS
from bot.sandbox.sandbox import running_sandbox
from bot.slack.manifest import app_manifest

ROOT = Path(__file__).parents[2]
# Put together here, so that no scanner of this repository takes them for somebody's.
REAL_LOOKING = {
    "SLACK_BOT_TOKEN": "-".join(("xoxb", "1234567890", "1234567890123", "AbCdEfGhIjKlMnOpQrStUvWx")),
    "SLACK_APP_TOKEN": "-".join(("xapp", "1", "A0123456789", "1234567890123", "0123456789abcdef")),
    "SLACK_API_URL": "https://slack.com/api/",
    "DD_API_KEY": "0123456789abcdef" * 2,
    "DD_APP_KEY": "0123456789abcdef" * 2 + "01234567",
    "DD_API_URL": "https://api.datadoghq.com",
    "DD_SITE": "datadoghq.com",
    "DATABASE_URL": "postgresql://cases@db.example/cases",
}
# Python imports a module of this name before anything else; its hook sees every connection and every name looked up.
LISTENER = """
import sys

def note(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        to = arguments[1]
    elif event == "socket.getaddrinfo":
        to = (arguments[0], arguments[1])
    else:
        return
    with open({log!r}, "a") as log:
        log.write(f"{{to[0] if isinstance(to, tuple) else to}}\\n")

sys.addaudithook(note)
"""


@pytest.fixture
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where real tokens lie about. The listener that writes the returned log is the first on PYTHONPATH."""
    for name, value in REAL_LOOKING.items():
        monkeypatch.setenv(name, value)
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in REAL_LOOKING.items()))
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "called"
    (tmp_path / "sitecustomize.py").write_text(LISTENER.format(log=str(log)))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), str(ROOT))))
    return log


async def test_the_bot_of_the_sandbox_calls_nothing_beyond_this_machine(called: Path):
    listening = {"PYTHONPATH": os.environ["PYTHONPATH"], "CASE_INSIGHTS_CARD_DELAY": "100ms"}
    async with running_sandbox(app_manifest(), **listening) as sandbox:
        root = sandbox.slack.message(INCIDENTS, "U0ANA", f"About {CASE_LINK}")["ts"]
        sandbox.slack.message(INCIDENTS, "U0ANA", "https://app.datadoghq.com/monitors/17131362", thread_ts=root)
        [card] = await sandbox.control.until(lambda: sandbox.slack.thread(INCIDENTS, root)[2:], timeout=20)
        await sandbox.slack.click(INCIDENTS, card["ts"], "insights.add", "U0BEN")
        await sandbox.control.until(lambda: sandbox.datadog.cases["CASEM-4523"].insights, timeout=20)
        assert not set(sandbox.bot.env.values()) & set(REAL_LOOKING.values()) - {"datadoghq.com"}
    _only_this_machine(called)


async def test_the_sandbox_itself_calls_nothing_beyond_this_machine(called: Path):
    command = (sys.executable, "-m", "bot", "sandbox", "--demo")
    demo = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await asyncio.wait_for(demo.communicate(), timeout=60)
    assert demo.returncode == 0
    assert "2 insights added with 1 call to Datadog." in said.decode()
    _only_this_machine(called, may_be_silent=True)


def _only_this_machine(called: Path, *, may_be_silent: bool = False) -> None:
    hosts = set(called.read_text().split()) if called.exists() else set()
    assert hosts or may_be_silent, "the listener heard nothing: it was not loaded"
    assert [host for host in hosts if not _is_here(host)] == []


def _is_here(host: str) -> bool:
    if host in ("localhost", "None") or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def test_the_bot_of_the_sandbox_has_a_home_of_its_own_where_the_user_has_none(tmp_path: Path):
    env = environment("http://127.0.0.1:1/", "http://127.0.0.1:2", tmp_path / "case-insights.db")
    assert Path(env["HOME"]) == tmp_path
