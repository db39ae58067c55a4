"""The workspaces that the bot is installed in: for each its API, and who the bot is there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cachetools import TTLCache
from pydantic import SecretStr

from bot.slack.client import Myself, Slack, SlackPermanent

KNOWN_SECONDS = 60.0
"""How long another replica's news of an installation may be unknown here."""


@dataclass(frozen=True, slots=True)
class Installation:
    """One workspace's: `enterprise` is its Grid, where it is in one."""

    workspace: str
    team: str | None
    enterprise: str | None
    token: SecretStr


class Installations(Protocol):
    """Where installations are kept, tokens encrypted."""

    async def find(self, workspace: str) -> Installation | None: ...

    async def all(self) -> Sequence[str]: ...

    async def forget(self, workspace: str, *, before: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Workspace:
    """One installation."""

    slack: Slack
    myself: Myself


class Workspaces(Protocol):
    """Every installation, by the store's `workspace`: the enterprise of an org-wide install, else the team."""

    async def at(self, workspace: str) -> Workspace:
        """Raises SlackEnd where the bot is not installed, SlackLater where that cannot be told just now."""
        ...

    async def installed(self) -> Sequence[str]:
        """All there are."""
        ...

    def grid(self, workspace: str) -> str | None:
        """The Enterprise Grid that it is in or is, as far as `at` was told."""
        ...


@dataclass(frozen=True, slots=True)
class OneWorkspace:
    """The one that SLACK_BOT_TOKEN is for: whatever comes is about it."""

    one: Workspace

    async def at(self, workspace: str) -> Workspace:
        return self.one

    async def installed(self) -> Sequence[str]:
        return (self.one.myself.team,)

    def grid(self, workspace: str) -> str | None:
        return self.one.myself.enterprise


class InstalledWorkspaces:
    """Those that installed the bot themselves, of the `allowed` workspaces and Enterprise Grids.

    `connect`: Slack, with a token. Who the bot is somewhere is asked once for each token.
    """

    def __init__(
        self, installations: Installations, connect: Callable[[SecretStr], Slack], allowed: frozenset[str]
    ) -> None:
        self._installations, self._connect, self._allowed = installations, connect, allowed
        self._checked = TTLCache[str, Workspace](4096, KNOWN_SECONDS)
        self._connected: dict[str, tuple[str, Workspace]] = {}

    async def at(self, workspace: str) -> Workspace:
        if checked := self._checked.get(workspace):
            return checked
        installation = await self._installations.find(workspace)
        if installation is None or not self.allows(installation):
            self._connected.pop(workspace, None)
            raise SlackPermanent("not_installed" if installation is None else "team_not_allowed")
        token = installation.token.get_secret_value()
        before, there = self._connected.get(workspace, ("", None))
        if there is None or before != token:
            slack = self._connect(installation.token)
            there = Workspace(slack, await slack.myself())
            self._connected[workspace] = (token, there)
        self._checked[workspace] = there
        return there

    def allows(self, installation: Installation) -> bool:
        return not self._allowed.isdisjoint({installation.team, installation.enterprise})

    async def installed(self) -> Sequence[str]:
        return await self._installations.all()

    def grid(self, workspace: str) -> str | None:
        _, there = self._connected.get(workspace, ("", None))
        return there.myself.enterprise if there else None

    async def removed(self, workspace: str, at: float) -> None:
        """Slack says that the app was taken out there, or its token revoked, at this moment, epoch s (whole)."""
        await self._installations.forget(workspace, before=at + 1.0)
        self._checked.pop(workspace, None)
        self._connected.pop(workspace, None)
