"""What services and the worker work with: the store, Slack, each organisation's Datadog, limits of time, policy."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from functools import partial

import structlog
from cachetools import TTLCache

from bot.breaker import CircuitBreaker
from bot.datadog.answers import DatadogCase
from bot.datadog.client import Datadog
from bot.datadog.titles import Titles
from bot.insights import Mode
from bot.links import OrgHosts, Reading, Routes, explain, orgs_of
from bot.links.outcomes import Uncovered
from bot.messages import sentences
from bot.model import Case, Identity
from bot.policy import Confirmers, Refusal, is_named, may_change
from bot.services.background import Background
from bot.services.latest_messages import LatestMessages
from bot.slack.client import Myself, Slack
from bot.slack.errors import SlackPermanent
from bot.slack.workspaces import Workspaces
from bot.store import Store
from bot.store.cards import Timing
from bot.store.transaction import Transaction

SEARCHES_SECONDS = 60.0
PERSON_WITHIN = 1.0
"""Seconds that Slack gets to say who somebody is; after that they may not (policy fails closed)."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Organization:
    """One Datadog organisation: its hosts, API, titles and the address before a case's key.

    `teams`: the workspaces and Grids that may use it; None: all.
    """

    hosts: OrgHosts
    datadog: Datadog
    names: Titles
    case_url: str
    teams: frozenset[str] | None = None
    asking: dict[str, asyncio.Task[Case | None]] = field(default_factory=dict[str, asyncio.Task[Case | None]])
    """The cases that Datadog is being asked for, by the key or UUID that was named."""
    searches: TTLCache[str, Sequence[DatadogCase]] = field(
        default_factory=partial(TTLCache[str, Sequence[DatadogCase]], 256, SEARCHES_SECONDS)
    )
    """Datadog's answers to recent searches, by their words."""
    lists: TTLCache[str, Sequence[tuple[str, str]]] = field(
        default_factory=partial(TTLCache[str, Sequence[tuple[str, str]]], 2, SEARCHES_SECONDS)
    )
    """Its projects and types as it listed them lately: id and words of each, by which of the two."""

    @property
    def breaker(self) -> CircuitBreaker:
        """Open while its cases cannot be read or changed: jobs wait without trying."""
        return self.datadog.cases

    async def names_of(self, insights: Iterable[Identity], *, within: float) -> dict[Identity, str]:
        """The titles of these insights, as far as they are known or Datadog tells within these seconds."""
        if self.breaker.open_for:
            return self.names.cached(insights)
        return await self.names.look_up(insights, within=within)


@dataclass(frozen=True, slots=True)
class Context:
    """Everything that an act or a job needs. Times in seconds."""

    store: Store
    workspaces: Workspaces
    orgs: Mapping[str, Organization]
    routes: Routes
    confirmers: Confirmers | None
    lease: float
    retry_cap: float
    give_up_after: float
    keep: float
    timing: Timing
    card_within: float = 1.5
    """How long an answer waits for a card that is not in Slack yet."""
    mode: Mode = Mode.ASK
    shared: bool = False
    notes: bool = True
    latest_messages: LatestMessages = field(default_factory=LatestMessages)
    background: Background = field(default_factory=Background)

    def read(self, link: str) -> Reading:
        """How a link is read here: without notes, where they are off."""
        reading = explain(link, self.routes)
        if self.notes or not isinstance(reading.outcome, Uncovered):
            return reading
        return reading._replace(outcome=replace(reading.outcome, note=None))

    async def slack(self, workspace: str) -> Slack:
        """This workspace's API; raises as `workspaces.at` does."""
        return (await self.workspaces.at(workspace)).slack

    async def myself(self, workspace: str) -> Myself:
        """Who the bot is in this workspace; raises as `workspaces.at` does."""
        return (await self.workspaces.at(workspace)).myself

    async def works_in(self, workspace: str) -> bool:
        """Whether the bot is installed and allowed in this workspace; raises SlackTransient where that is unknown."""
        try:
            await self.workspaces.at(workspace)
        except SlackPermanent as error:
            log.warning("workspace.refused", workspace=workspace, why=error.reason)
            return False
        return True

    def orgs_for(self, workspace: str) -> Mapping[str, Organization]:
        """The organisations that this workspace may use: of the others it sees nothing and changes nothing.

        They name it, or the Grid that it is in or is; `workspaces.at` has been asked before, else the Grid is unknown.
        """
        ids = {workspace, self.workspaces.grid(workspace)}
        return {name: org for name, org in self.orgs.items() if org.teams is None or not ids.isdisjoint(org.teams)}

    @property
    def hosts(self) -> list[OrgHosts]:
        """The web hosts of every organisation, also of those that are hidden from a workspace."""
        return [org.hosts for org in self.orgs.values()]

    def owners(self, workspace: str, host: str) -> list[str]:
        """The organisations that a link on this host may belong to and this workspace may use, by name.

        Whose host it is is decided among all: what belongs to one that is hidden from the workspace is nobody else's.
        """
        visible = self.orgs_for(workspace)
        return [org.name for org in orgs_of(host, self.hosts) if org.name in visible]

    def hides(self, workspace: str, host: str) -> bool:
        """Whether links on this host belong to organisations that this workspace may not use, and to no others."""
        return bool(orgs_of(host, self.hosts)) and not self.owners(workspace, host)

    async def refusal(self, workspace: str, user: str) -> Refusal | None:
        """Why this person may not change a case, or None; judged at every act, by what Slack says within a second."""
        installed, confirmers = await self.workspaces.at(workspace), self.confirmers
        groups = sorted(confirmers.groups) if confirmers and user not in confirmers.users else []
        person, members = await asyncio.gather(
            installed.slack.person(user, within=PERSON_WITHIN),
            asyncio.gather(*(installed.slack.members(group, user, within=PERSON_WITHIN) for group in groups)),
        )
        named = is_named(user, confirmers, dict(zip(groups, members, strict=True)))
        return may_change(person, installed.home, named=named)

    async def outsider(self, workspace: str, user: str) -> str | None:
        """The sentence for somebody who is told nothing about cases; None for a full member, who is told."""
        installed = await self.workspaces.at(workspace)
        refusal = may_change(await installed.slack.person(user, within=PERSON_WITHIN), installed.home)
        return sentences.not_told(installed.home.name) if refusal else None

    async def refused(self, workspace: str, user: str, what: str, *, org: str | None = None) -> str | None:
        """The sentence for somebody who may not change `what`, a case of `org` or something else; None: they may."""
        if org is not None and org not in self.orgs_for(workspace):
            return sentences.not_this_workspace(what, org)
        refusal = await self.refusal(workspace, user)
        return sentences.refused(refusal, (await self.myself(workspace)).team_name, what) if refusal else None

    def write(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that waits for other writers as long as the lease allows."""
        return self.store.write(patience=self.lease / 4)
