"""The real bot as a child process that can reach the two servers and nothing else.

Its environment inherits nothing: no `.env`, no exported token or key, its own database. API addresses outside
loopback are refused, so the sandbox can never reach a real workspace.
"""

import asyncio
import sys
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

STOP_SECONDS = 10.0


class NotLoopback(Exception):
    """The sandbox's bot was given an API address that is not on this machine."""


def environment(
    slack_url: str, datadog_url: str, database: Path, more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The bot's whole environment. Raises NotLoopback for an API address outside this machine."""
    env = {
        "SLACK_BOT_TOKEN": "xoxb-sandbox",
        "SLACK_APP_TOKEN": "xapp-sandbox",
        "SLACK_API_URL": slack_url,
        "DD_API_KEY": "sandbox-api-key",
        "DD_APP_KEY": "sandbox-app-key",
        "DD_API_URL": datadog_url,
        "DATABASE_URL": f"sqlite:///{database}",
        # slack_sdk reads it on import and fails for a user without a home directory, as in a container.
        "HOME": str(database.parent),
        "CASE_INSIGHTS_PORT": "0",
        # Run the same code as this process.
        "PYTHONPATH": str(Path(__file__).parents[2]),
        **(more or {}),
    }
    for name, value in env.items():
        if name.endswith("_API_URL") and not _is_loopback(value):
            raise NotLoopback(f"{name}: {value} is not on this machine; the sandbox reaches nothing else.")
    return env


class BotProcess:
    """One bot process. It runs in `directory`, which has no `.env`, and logs to `bot.log` there."""

    def __init__(self, env: Mapping[str, str], directory: Path) -> None:
        self.env = dict(env)
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> Path:
        return self._directory / "bot.log"

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", env=self.env, cwd=self._directory, stdout=log, stderr=log
            )

    async def stop(self) -> int:
        """Stop it with SIGTERM, or kill it after 10 s. Returns its exit code, negative if it was killed."""
        if self._process is None:
            return 0
        if self.runs:
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                return await self._process.wait()
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int:
        """Kill it at once."""
        if self._process is None:
            return 0
        if self.runs:
            self._process.kill()
        return await self._process.wait()

    async def wait(self) -> int:
        assert self._process is not None, "start it first"  # noqa: S101  a programming error
        return await self._process.wait()


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
