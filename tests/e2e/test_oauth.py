"""Workspaces install the bot themselves: two replicas on PostgreSQL, before three workspaces of one Slack."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from sqlalchemy import text

from bot.sandbox.control import Control
from bot.sandbox.datadog.server import DatadogServer
from bot.sandbox.slack.server import SlackServer
from bot.slack.manifest import OPTIONAL_SCOPES, SCOPES, app_manifest
from tests import postgres
from tests.e2e.balancer import balancer
from tests.e2e.bench import CHANNEL, KEY, SIGNING_SECRET, TITLE, Bench, monitor
from tests.e2e.test_home import opened
from tests.e2e.test_modal import opened as modal
from tests.e2e.test_modal import shown, submit
from tests.e2e.workspaces import Workspaces, workspaces

Json = dict[str, Any]

KEYS = 'dd_api_key = "sandbox-api-key"\ndd_app_key = "sandbox-app-key"'
PUBLIC = "https://bot.example.com"
CLIENT = ("111.222", "client-very-secret")
ALLOWED = "T0ACME,E0GRID"
PLACES: Mapping[str, Json] = {
    "acme": {},
    "grid": {"team": "T0PART", "team_name": "Part", "enterprise": "E0GRID", "org_wide": True},
    "sister": {"team": "T0SISTER", "team_name": "Sister", "enterprise": "E0GRID"},
    "evil": {"team": "T0EVIL", "team_name": "Evil & Sons"},
}
SETTINGS = {
    "SLACK_SIGNING_SECRET": SIGNING_SECRET,
    "SLACK_CLIENT_ID": CLIENT[0],
    "SLACK_CLIENT_SECRET": CLIENT[1],
    "CASE_INSIGHTS_PUBLIC_URL": PUBLIC,
    "CASE_INSIGHTS_SECRET_KEY": Fernet.generate_key().decode(),
    "CASE_INSIGHTS_ALLOWED_TEAMS": ALLOWED,
    "CASE_INSIGHTS_CONFIRMERS": "S0SRE",
}


@dataclass(frozen=True, slots=True)
class World:
    """Each workspace with a bench of its own; the first one's has the bots. `few`: a Datadog for some of them."""

    benches: Mapping[str, Bench]
    few: DatadogServer

    @property
    def bots(self) -> Bench:
        return self.benches["acme"]

    def replica(self, number: int) -> str:
        assert self.bots.balancer is not None
        return self.bots.balancer.targets[number]

    async def begin(self, where: str) -> tuple[str, str]:
        """Press *Add to Slack* at the first replica: where Slack sends the browser back to, and its cookie."""
        team = self.benches[where].slack.workspace.team_id
        async with httpx.AsyncClient() as browser:
            sent = await browser.get(f"{self.replica(0)}/slack/install?team={team}")
            assert sent.status_code == 302, sent.text
            back = await browser.get(sent.headers["location"])
            assert back.status_code == 302, back.text
        return back.headers["location"], sent.headers["set-cookie"].partition(";")[0]

    async def come_back(self, address: str, cookie: str = "", replica: int = 1) -> httpx.Response:
        """The browser follows Slack's redirect, which a load balancer gives to another replica."""
        assert address.startswith(f"{PUBLIC}/slack/oauth_redirect?")
        async with httpx.AsyncClient() as browser:
            return await browser.get(
                self.replica(replica) + address.removeprefix(PUBLIC), headers={"Cookie": cookie} if cookie else {}
            )

    async def install(self, where: str) -> httpx.Response:
        return await self.come_back(*await self.begin(where))

    async def stop(self) -> None:
        for bot in self.bots.bots:
            assert await bot.stop() == 0

    async def stored(self, table: str = "slack_bots") -> list[Any]:
        async with self.bots.transaction() as tx:
            return [row._asdict() for row in await tx.execute(text(f"SELECT * FROM {table} ORDER BY id"))]  # noqa: S608  ours


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory = tmp_path_factory.mktemp("oauth")
    async with contextlib.AsyncExitStack() as stack:
        front = await stack.enter_async_context(balancer())
        asked = app_manifest(front.url, oauth=True)
        asked["oauth_config"]["redirect_urls"] = [f"{PUBLIC}/slack/oauth_redirect"]
        timing: Json = {"ack_seconds": 2.5, "retry_delays": (0.3, 1.0, 2.0, 4.0), "signing_secret": SIGNING_SECRET}
        client = {"client_id": CLIENT[0], "client_secret": CLIENT[1]}
        slacks = {name: SlackServer(asked, **timing, **client, **place) for name, place in PLACES.items()}
        for slack in slacks.values():
            slack.workspace.user_groups["S0SRE"] = ["U0ANA", "U0EVE"]
        there: Workspaces = await stack.enter_async_context(workspaces(*slacks.values()))
        datadog = await stack.enter_async_context(DatadogServer(Control()))
        few = await stack.enter_async_context(DatadogServer(site="us3.datadoghq.com"))
        (orgs := directory / "orgs.toml").write_text(
            "\n".join(
                f'[{name}]\ndd_api_url = "{url}"\n{more}\n{KEYS}'
                for name, url, more in (
                    ("default", datadog.url, ""),
                    ("few", few.url, 'dd_site = "us3.datadoghq.com"\nteams = ["T0SISTER", "T0PART"]'),
                )
            ),
            encoding="utf-8",
        )
        database = postgres.create(postgres_url, "oauth")
        stack.callback(postgres.drop, postgres_url, "oauth")
        settings = {**SETTINGS, "DATABASE_URL": database, "SLACK_API_URL": there.url}
        settings["CASE_INSIGHTS_ORGS_FILE"] = str(orgs)
        benches: dict[str, Bench] = {}
        for name, slack in slacks.items():
            (home := directory / name).mkdir()
            replicas = 0 if benches else 2
            taken = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "DD_API_KEY", "DD_APP_KEY", "DD_API_URL")
            benches[name] = Bench(slack, datadog, home, replicas, settings, front, taken)
        made = World(benches, few)
        stack.push_async_callback(made.bots.kill)
        yield made
        for bench in benches.values():
            bench.note_coverage()


@pytest_asyncio.fixture
async def w(world: World) -> AsyncIterator[World]:
    """Both replicas run, and nobody has installed the bot; whatever happens, no secret reaches the log."""
    for bot in world.bots.bots:
        bot.env["CASE_INSIGHTS_ALLOWED_TEAMS"] = ALLOWED
    await world.bots.start()
    async with world.bots.transaction() as tx:
        await tx.execute(text("SET LOCAL statement_timeout = 0"))  # it waits for whoever reads these tables
        await tx.execute(
            text("TRUNCATE slack_bots, slack_installations, slack_oauth_states, cards, ties, cases CASCADE")
        )
    for bench in world.benches.values():
        await bench.slack.verify_request_url()
        if bench.slack.installed:
            bench.slack.uninstall()
            await bench.control.until(lambda: bench.slack.transport.undelivered == 0, what="the removal to be heard")  # noqa: B023
        bench.note_coverage()
        bench.control.reset()
        bench.datadog.control.reset()
    world.few.control.reset()
    for datadog in (world.bots.datadog, world.few):
        datadog.add_case(KEY, TITLE)
    yield world
    assert "very-secret" not in world.bots.log
    assert "Traceback" not in world.bots.log


async def test_a_workspace_installs_the_bot_and_adds_an_insight(w: World) -> None:
    said = await w.install("acme")
    assert said.status_code == 200
    assert "Case Insights is in Acme." in said.text
    await w.bots.added(1)
    assert w.bots.on_case == [("MONITOR", "1", "/monitors/1")]
    assert w.bots.slack.scopes == {*SCOPES, *OPTIONAL_SCOPES}
    [row] = await w.stored()
    assert "very-secret" not in str(row)
    assert "installation.made" in w.bots.log


async def test_an_enterprise_grid_installs_it_once_for_all_of_its_workspaces(w: World) -> None:
    assert "Case Insights is in Corp." in (await w.install("grid")).text
    await w.install("acme")
    grid = w.benches["grid"]
    root, card = await grid.offer(1)
    await grid.click(card, "insights.add", "U0BEN")
    assert (await grid.answer_to("U0BEN")).startswith(
        f"Only people named by whoever runs this bot (CASE_INSIGHTS_CONFIRMERS) can change {KEY}."
    )
    assert grid.on_case == []
    await grid.click(card, "insights.add")
    await grid.card(root, f"Added to {KEY} by Ana")
    await opened(grid, "Monitor 1 added")
    assert [row["team_id"] for row in await w.stored()] == [None, "T0ACME"]
    assert w.bots.calls("chat.postMessage") == [], "the other workspace has a channel of the same id"
    grid.slack.uninstall()
    await grid.control.until(lambda: grid.slack.transport.undelivered == 0, what="the removal to be heard")
    assert [row["team_id"] for row in await w.stored()] == ["T0ACME"]


async def test_an_organisation_for_one_workspace_is_neither_its_siblings_nor_the_whole_grids(w: World) -> None:
    for where in ("grid", "sister", "acme"):
        await w.install(where)
    await w.stop()
    await w.bots.start()  # which says what it cannot keep
    roots: dict[str, str] = {}
    for where in ("grid", "acme", "sister"):
        roots[where] = w.benches[where].start_thread(f"see https://us3.datadoghq.com/cases/{KEY}")
        w.benches[where].reply(roots[where], "https://us3.datadoghq.com/monitors/1")
    sister = w.benches["sister"]
    await sister.click(await sister.card(roots["sister"], f"Add 1 insight to {KEY}"), "insights.add")
    await sister.card(roots["sister"], f"Added to {KEY} by Ana")
    await w.bots.handled()
    assert [insight.resource_id for insight in w.few.cases[KEY].insights] == ["1"]
    assert [w.benches[where].cards(roots[where]) for where in ("grid", "acme")] == [[], []]
    assert "[few] teams names T0PART, but the bot is installed in the whole Grid E0GRID" in w.bots.log


async def test_who_is_of_one_workspace_is_a_stranger_in_the_other(w: World) -> None:
    await w.install("acme")
    w.bots.slack.add_user(id="U0EVE", name="eve", real_name="Eve", team_id="T0PART", enterprise_id="E0GRID")
    w.bots.slack.join(CHANNEL, "U0EVE")
    _, card = await w.bots.offer(1)
    await w.bots.click(card, "insights.add", "U0EVE")
    assert (await w.bots.answer_to("U0EVE")).startswith("Only full members of Acme")
    assert w.bots.on_case == []


async def test_a_workspace_that_is_not_allowed_is_told_so_and_its_token_is_given_back(w: World) -> None:
    said = await w.install("evil")
    assert said.status_code == 403
    assert "Evil &amp; Sons (T0EVIL) is not among the workspaces that this bot is for" in said.text
    assert await w.stored() == []
    assert [call.status for call in w.benches["evil"].calls("auth.revoke")] == [200]
    assert not w.benches["evil"].slack.installed
    assert "installation.not_allowed" in w.bots.log


async def test_a_workspace_that_may_no_more_gets_no_answer_to_anything(w: World) -> None:
    await w.install("acme")
    _, card = await w.bots.offer(1)
    form = await modal(w.bots, w.bots.start_thread(monitor(3)))
    await w.stop()
    for bot in w.bots.bots:
        bot.env["CASE_INSIGHTS_ALLOWED_TEAMS"] = "E0GRID"
    await w.bots.start()
    clicked = await w.bots.click(card, "insights.add")
    assert clicked["acknowledged"]
    assert (await w.bots.slack.command(CHANNEL, "U0ANA", "/insight", "status"))["acknowledged"]
    assert w.bots.private("U0ANA") == [
        "Case Insights is not set up in this workspace (any more). "
        "Ask whoever runs this bot to allow and install it here."
    ]
    assert await w.bots.slack.suggest(form["id"], "U0ANA", "case.search", "memory") == []
    assert (await submit(w.bots, form, {"key": {"key": KEY}}))["errors"] == {}
    assert "is not set up in this workspace" in str(shown(w.bots)), "it stays open, and says so"
    root = w.bots.start_thread()
    w.bots.reply(root, monitor(2))
    await w.bots.handled()
    assert w.bots.cards(root) == []
    assert w.bots.on_case == []
    assert "team_not_allowed" in w.bots.log
    await w.stop()


async def test_when_the_app_is_taken_out_its_token_is_forgotten_and_it_can_come_again(w: World) -> None:
    await w.install("acme")
    await w.install("grid")
    await w.bots.offer(1)
    w.bots.slack.uninstall()
    await w.bots.handled()
    assert [row["enterprise_id"] for row in await w.stored()] == ["E0GRID"]
    await w.install("acme")
    await w.bots.added(1)


async def test_where_the_key_was_lost_the_bot_starts_and_the_app_can_be_installed_again(w: World) -> None:
    await w.install("acme")
    async with w.bots.transaction() as tx:
        await tx.execute(text("UPDATE slack_bots SET bot_token = 'unreadable'"))
        await tx.execute(text("UPDATE slack_installations SET bot_token = 'unreadable'"))
    await w.stop()
    await w.bots.start()
    assert "installation.unreadable" in w.bots.log
    assert (await w.install("acme")).status_code == 200
    await w.bots.added(1)


async def test_a_state_is_of_one_browser_and_counts_once(w: World) -> None:
    address, cookie = await w.begin("acme")
    assert await w.stored("slack_oauth_states") == [], "whoever only begins writes nothing"
    stolen = await w.come_back(address)
    assert stolen.status_code == 400
    assert "started in another browser" in stolen.text
    assert (await w.come_back(address, cookie)).status_code == 200
    again = await w.come_back(address, cookie, replica=0)
    assert again.status_code == 401
    assert "finished already" in again.text
    assert len(w.bots.calls("oauth.v2.access")) == 1


async def test_whoever_presses_cancel_reads_so_and_can_begin_again(w: World) -> None:
    w.bots.slack.deny = True
    try:
        said = await w.install("acme")
    finally:
        w.bots.slack.deny = False
    assert "Slack was not allowed to install it." in said.text
    assert 'href="/slack/install"' in said.text
    assert said.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in said.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("rule", "status", "words"),
    [
        ({"body": {"ok": False, "error": "invalid_code"}}, 401, "Slack gave no token."),
        ({"drop": "before"}, 502, "Slack did not answer."),
        ({"status": 503, "body": "down"}, 401, "Slack gave no token."),
        ({"status": 200, "body": "a proxy's"}, 502, "Slack did not answer."),
        ({"status": 200, "body": [1]}, 502, "Slack did not answer."),
        ({"status": 200, "body": {"ok": True, "team": "T0ACME"}}, 502, "Slack did not answer."),
    ],
    ids=["refused", "cut off", "down", "text", "a list", "another shape"],
)
async def test_when_slack_cannot_finish_a_page_says_so(w: World, rule: Json, status: int, words: str) -> None:
    address, cookie = await w.begin("acme")
    w.bots.control.rule("slack", "oauth.v2.access", **rule)
    said = await w.come_back(address, cookie)
    assert (said.status_code, words in said.text) == (status, True), said.text
    assert "Start again" in said.text
    code = parse_qs(urlsplit(address).query)["code"][0]
    assert code not in said.text + w.bots.log
    assert await w.stored() == []


@pytest.mark.parametrize("team", ["T1%26scope%3Dadmin", "%0d%0aX-Evil:1", "t0acme", "T0ACME%0a"])
async def test_whatever_stands_for_the_team_asks_slack_for_nothing_more(w: World, team: str) -> None:
    async with httpx.AsyncClient() as browser:
        plain = await browser.get(f"{w.replica(0)}/slack/install")
        sent = await browser.get(f"{w.replica(0)}/slack/install?team={team}")
    assert sent.status_code == 302
    wanted, asked = (parse_qs(urlsplit(each.headers["location"]).query) for each in (plain, sent))
    assert {**asked, "state": None} == {**wanted, "state": None}


async def test_a_database_that_is_busy_is_told_and_the_same_address_works_again(w: World) -> None:
    address, cookie = await w.begin("acme")
    async with w.bots.transaction() as tx:
        await tx.execute(text("LOCK TABLE slack_oauth_states"))
        said = await w.come_back(address, cookie)
    assert (said.status_code, "It could not be saved." in said.text) == (503, True), said.text
    assert (await w.come_back(address, cookie)).status_code == 200
    assert parse_qs(urlsplit(address).query)["state"][0] not in w.bots.log
