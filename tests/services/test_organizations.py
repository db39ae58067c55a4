"""Whose a link is: decided among all organisations; what belongs to one that is hidden from a workspace is nobody's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.commands import COMMAND, CaseReference
from bot.links import OrgHosts, Permalink, load
from bot.messages.modal import Row
from bot.messages.replies import NOT_FOR_THIS_WORKSPACE
from bot.model import CaseName, InsightType, Thread, TieKind
from bot.services import commands, submission, watching
from bot.services.cases import names_of
from bot.services.context import Context, Organization
from bot.services.responder import Caller
from bot.services.why import why_not_offered
from bot.slack.workspaces import OneWorkspace, Workspace, Workspaces
from bot.store import schema
from bot.store.transaction import JobKind
from bot.worker import threads
from bot.worker.outcomes import Done
from tests.services.conftest import ANA, CHANNEL, KEY, MYSELF, TEAM, Office, context_of
from tests.store.conftest import CASE, THREAD, claim, column, monitor, paste, run, tie_by_hand

GRID = "E0GRID"
HOSTS = {
    "named": OrgHosts("named", "datadoghq.com", frozenset({"acme.datadoghq.com", "status.datadoghq.com"})),
    "five": OrgHosts("five", "us5.datadoghq.com"),
    "default": OrgHosts("default", "datadoghq.com"),
}
ROUTES = load(web_hosts=HOSTS["named"].web_hosts)
HIDDEN = [
    "acme.datadoghq.com",
    "ACME.datadoghq.com",
    "status.datadoghq.com",
    "us5.datadoghq.com",
    "a.us5.datadoghq.com",
]


def context(teams: dict[str, set[str]], team: str = TEAM, grid: str | None = None) -> Context:
    """All three organisations, as a workspace of this Grid may use them."""
    nothing: Any = None
    orgs = {
        name: Organization(hosts, nothing, nothing, "", frozenset(teams[name]) if name in teams else None)
        for name, hosts in HOSTS.items()
    }
    workspaces = OneWorkspace(Workspace(nothing, replace(MYSELF, team=team, enterprise=grid)))
    return replace(context_of(), workspaces=workspaces, orgs=orgs, routes=ROUTES)


@pytest.mark.parametrize("hides", [True, False])
@pytest.mark.parametrize("host", HIDDEN)
def test_what_belongs_to_a_hidden_organisation_is_nobody_elses(host: str, hides: bool):
    elsewhere = {"named": {"T0ELSEWHERE"}, "five": {"T0ELSEWHERE"}}
    made = context(elsewhere if hides else {})
    owner = "five" if "us5" in host else "named"
    assert made.owners(TEAM, host) == ([] if hides else [owner])
    assert made.hides(TEAM, host) is hides
    assert [name.org for name in names_of(made, TEAM, CaseReference(f"https://{host}/cases/A-1"))] == (
        [] if hides else [owner]
    )
    row = Row(InsightType.MONITOR, "1", "/monitors/1", host.lower())
    problems = submission.of_other_orgs(made, TEAM, [row], replace(CASE, org=owner))
    assert bool(problems) is hides
    assert submission.of_other_orgs(made, TEAM, [row], replace(CASE, org="default")) != {}


@pytest.mark.parametrize("host", ["other.datadoghq.com", "app.datadoghq.com"])
def test_a_host_that_a_hidden_organisation_may_share_is_still_ours(host: str):
    assert context({"named": {"T0ELSEWHERE"}, "five": {"T0ELSEWHERE"}}).owners(TEAM, host) == ["default"]


@pytest.mark.parametrize(
    ("teams", "workspace", "grid", "may"),
    [
        ({TEAM}, TEAM, None, True),
        ({TEAM}, TEAM, GRID, True),
        ({TEAM}, "T0SIBLING", GRID, False),
        ({"T0SIBLING"}, TEAM, GRID, False),
        ({GRID}, TEAM, GRID, True),
        ({GRID}, TEAM, "E0OTHER", False),
        ({GRID}, TEAM, None, False),
        ({GRID}, GRID, GRID, True),
        ({TEAM}, GRID, GRID, False),  # which workspace of the Grid a click is in is not told
        ({TEAM, GRID}, GRID, GRID, True),
    ],
)
def test_a_workspace_means_itself_and_a_grid_all_of_its_workspaces(teams, workspace, grid, may):
    made = context({"named": teams}, workspace, grid)
    assert ("named" in made.orgs_for(workspace)) is may


@pytest.fixture
def partly(office: Office) -> Office:
    """Its workspace may use the organisation `default` alone, and the table of links knows the hosts of all."""
    hidden = frozenset({"T0ELSEWHERE"})
    [ours] = office.context.orgs.values()
    orgs = {name: replace(ours, hosts=of, teams=None if name == "default" else hidden) for name, of in HOSTS.items()}
    office.context = replace(office.context, orgs=orgs, routes=ROUTES)
    return office


@pytest.mark.parametrize("host", HIDDEN)
async def test_a_link_of_a_hidden_organisation_is_not_watched_added_or_called_another_sites(partly: Office, host: str):
    thread, link = Thread(TEAM, CHANNEL, ""), f"https://{host}/monitors/1"
    await tie_by_hand(partly.store, thread, CASE, ANA)
    text = f"{link} https://{host}/cases/{KEY}"
    event = {"channel": CHANNEL, "channel_type": "channel", "user": ANA, "text": text}
    event["ts"] = partly.slack.message(CHANNEL, ANA, text)["ts"]
    assert not await watching.watch(partly.context, TEAM, event, shared=False)
    assert await column(partly.store, select(schema.sites.c.site)) == [], "DD_SITE is not wrong"
    why = await why_not_offered(partly.context, TEAM, Permalink(CHANNEL, event["ts"], event["ts"]))
    assert "".join(why).count(NOT_FOR_THIS_WORKSPACE) == 2
    caller = Caller(thread, ANA, COMMAND)
    assert "belong to different Datadog organisations" in await commands.run(partly.context, caller, f"add {link}")
    assert NOT_FOR_THIS_WORKSPACE in await commands.run(partly.context, caller, f"explain {link}")
    assert await partly.insights() == {}
    assert partly.datadog.control.calls == []


@dataclass
class JustStarted(Workspaces):
    """Which Grid a workspace is in is known once it has been asked, as where workspaces install the bot themselves."""

    one: Workspace
    asked: bool = False

    async def at(self, workspace: str) -> Workspace:
        self.asked = True
        return self.one

    async def installed(self) -> Sequence[str]:
        return ()

    def grid(self, workspace: str) -> str | None:
        return "E0GRID" if self.asked else None

    async def removed(self, workspace: str, at: float) -> None: ...


async def test_a_case_of_an_organisation_for_the_whole_grid_is_found_by_the_first_job_of_a_process(office: Office):
    orgs = {name: replace(org, teams=frozenset({"E0GRID"})) for name, org in office.context.orgs.items()}
    workspaces = JustStarted(await office.context.workspaces.at("T0ACME"))
    context = replace(office.context, orgs=orgs, workspaces=workspaces)
    await paste(office.store, monitor(1), ts=THREAD.ts, names=(CaseName("default", KEY),))
    await run(office.store, schema.jobs.delete().where(schema.jobs.c.kind != JobKind.THREAD))
    await run(office.store, update(schema.jobs).values(due_at=0.0))
    async with office.store.write() as tx:
        job = await claim(tx)
    assert job is not None
    outcome = await threads.work(context, job)
    assert isinstance(outcome, Done)
    assert outcome.write is not None
    async with office.store.write() as tx:
        tie, _ = await outcome.write(tx)
    assert tie.kind is TieKind.TIED
