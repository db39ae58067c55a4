"""The workspaces that the bot is installed in: for each its API, and who the bot is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.slack import Myself, Slack


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


@dataclass(frozen=True, slots=True)
class OneWorkspace:
    """The one that SLACK_BOT_TOKEN is for: whatever comes is about it."""

    one: Workspace

    async def at(self, workspace: str) -> Workspace:
        return self.one

    async def installed(self) -> Sequence[str]:
        return (self.one.myself.team,)
