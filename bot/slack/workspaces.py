"""The workspaces that the bot is installed in: for each its API, and who the bot is there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cachetools import TTLCache
from pydantic import SecretStr

from bot.policy import OurWorkspace
from bot.slack.client import Myself, Slack
from bot.slack.errors import SlackPermanent

CHECKED_SECONDS = 60.0
"""How long an installation at another replica, or its removal, may be unknown to this one."""


@dataclass(frozen=True, slots=True)
class Installation:
    """One workspace's. `enterprise`: its Enterprise Grid, if it is in one."""

    workspace: str
    team: str | None
    enterprise: str | None
    token: SecretStr


class Installations(Protocol):
    """Where installations are stored, tokens encrypted."""

    async def find(self, workspace: str) -> Installation | None: ...

    async def all(self) -> Sequence[str]: ...

    async def forget(self, workspace: str, *, before: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Workspace:
    """One installation."""

    slack: Slack
    myself: Myself

    @property
    def home(self) -> OurWorkspace:
        """Whose members count as ours."""
        return OurWorkspace(self.myself.team, self.myself.enterprise, self.myself.team_name)


class Workspaces(Protocol):
    """Every installation, by the store's `workspace`: the enterprise of an org-wide install, else the team."""

    async def at(self, workspace: str) -> Workspace:
        """Raises SlackPermanent where the bot is not installed or not allowed, SlackTransient where Slack is silent."""
        ...

    async def installed(self) -> Sequence[str]:
        """All of them."""
        ...

    def grid(self, workspace: str) -> str | None:
        """The Enterprise Grid that it is in or is, once `at` has been asked."""
        ...

    async def removed(self, workspace: str, at: float) -> None:
        """Slack says that the app was removed from it, or its token revoked, in this second (epoch)."""
        ...


@dataclass(frozen=True, slots=True)
class OneWorkspace:
    """The one of SLACK_BOT_TOKEN: every event is about it."""

    one: Workspace

    async def at(self, workspace: str) -> Workspace:
        return self.one

    async def installed(self) -> Sequence[str]:
        return (self.one.myself.team,)

    def grid(self, workspace: str) -> str | None:
        return self.one.myself.enterprise

    async def removed(self, workspace: str, at: float) -> None:
        """Its token is in the settings: there is nothing to forget."""


class InstalledWorkspaces:
    """Those that installed the bot themselves, of the `allowed` workspaces and Enterprise Grids.

    `connect`: Slack, with a token. Who the bot is in a workspace is asked once for each token.
    """

    def __init__(
        self, installations: Installations, connect: Callable[[SecretStr], Slack], allowed: frozenset[str]
    ) -> None:
        self._installations, self._connect, self._allowed = installations, connect, allowed
        self._checked = TTLCache[str, Workspace](4096, CHECKED_SECONDS)
        self._connected: dict[str, tuple[str, Workspace]] = {}

    async def at(self, workspace: str) -> Workspace:
        if checked := self._checked.get(workspace):
            return checked
        installation = await self._installations.find(workspace)
        if installation is None or self._allowed.isdisjoint({installation.team, installation.enterprise}):
            self._connected.pop(workspace, None)
            raise SlackPermanent("not_installed" if installation is None else "team_not_allowed")
        token = installation.token.get_secret_value()
        known_token, connected = self._connected.get(workspace, ("", None))
        if connected is None or known_token != token:
            slack = self._connect(installation.token)
            connected = Workspace(slack, await slack.myself())
            self._connected[workspace] = (token, connected)
        self._checked[workspace] = connected
        return connected

    async def installed(self) -> Sequence[str]:
        return await self._installations.all()

    def grid(self, workspace: str) -> str | None:
        _, connected = self._connected.get(workspace, ("", None))
        return connected.myself.enterprise if connected else None

    async def removed(self, workspace: str, at: float) -> None:
        await self._installations.forget(workspace, before=at + 1.0)
        self._checked.pop(workspace, None)
        self._connected.pop(workspace, None)
