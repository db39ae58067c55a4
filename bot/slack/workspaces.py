"""The workspaces that the bot is installed in: for each its API, and who the bot is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.policy import OurWorkspace
from bot.slack.client import Myself, Slack


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
