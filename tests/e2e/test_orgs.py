"""Several Datadog organisations: links, ties and keys by organisation, and which workspace may use which."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.sandbox.bot_process import BotProcess, environment
from bot.sandbox.datadog.server import DatadogServer
from bot.sandbox.render import as_text
from bot.sandbox.slack.server import SlackServer
from bot.slack.manifest import app_manifest
from tests.e2e.bench import CHANNEL, KEY, PUT, Bench, bench, monitor, options
from tests.e2e.test_commands import ask

Json = dict[str, Any]

SITES = {
    "acme": "datadoghq.com",
    "beta": "datadoghq.com",
    "acme-eu": "datadoghq.eu",
    "secret": "us3.datadoghq.com",
    "named": "datadoghq.com",
}
"""Three of them share a web host."""
HOSTS = {"named": ["named.datadoghq.com", "status.datadoghq.com"]}
TEAMS = {"secret": ["T0ELSEWHERE"], "named": ["T0SIBLING", "E0ELSEWHERE"], "beta": ["E0GRID"]}
"""The workspace is T0ACME, in the Grid E0GRID."""
ONE = ("DD_API_KEY", "DD_APP_KEY", "DD_API_URL")
"""What is set where there is one organisation."""


def case_link(key: str, host: str = "app.datadoghq.com") -> str:
    return f"https://{host}/cases/{key}"


@dataclass(frozen=True, slots=True)
class Orgs:
    """Each with a Datadog of its own, and the bot that works with all of them."""

    b: Bench
    datadogs: Mapping[str, DatadogServer]
    file: Path

    def on_case(self, org: str, key: str = KEY) -> list[str]:
        return [insight.resource_id for insight in self.datadogs[org].cases[key].insights]

    def puts(self, org: str) -> int:
        return len(self.datadogs[org].control.matching(method=PUT))


async def offer_in_europe(b: Bench) -> tuple[str, Json]:
    root = b.start_thread(case_link(KEY, "app.datadoghq.eu"))
    b.reply(root, "https://app.datadoghq.eu/monitors/7")
    return root, await b.card(root, "Add 1 insight")


async def restart(b: Bench) -> None:
    """As an operator does who has changed the file: what is under way is handed back."""
    assert await b.bot.stop() == 0
    await b.start()


def file_of(datadogs: Mapping[str, DatadogServer], keys: Path, teams: Mapping[str, list[str]]) -> str:
    lines: list[str] = []
    for name, datadog in datadogs.items():
        (keys / f"{name}-app").write_text(f"{datadog.app_key}\n", encoding="utf-8")
        lines += [f"[{name}]", f'dd_site = "{SITES[name]}"', f'dd_api_url = "{datadog.url}"']
        lines += [f'dd_api_key = "{datadog.api_key}"', f'dd_app_key_file = "{keys / f"{name}-app"}"']
        lines += [f"teams = {teams[name]}"] if name in teams else []
        lines += [f"dd_web_hosts = {HOSTS[name]}"] if name in HOSTS else []
    return "\n".join(lines)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def several(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Orgs]:
    directory = tmp_path_factory.mktemp("orgs")
    async with contextlib.AsyncExitStack() as stack:
        datadogs = {
            name: await stack.enter_async_context(
                DatadogServer(api_key=f"{name}-api", app_key=f"{name}-app", site=site)
            )
            for name, site in SITES.items()
        }
        (file := directory / "orgs.toml").write_text(file_of(datadogs, directory, TEAMS), encoding="utf-8")
        settings = {"CASE_INSIGHTS_ORGS_FILE": str(file)}
        b = await stack.enter_async_context(bench(directory, settings=settings, without=ONE, enterprise="E0GRID"))
        yield Orgs(b, datadogs, file)


@pytest.fixture
async def o(several: Orgs) -> Orgs:
    await several.b.start()
    await several.b.reset()
    for name, datadog in several.datadogs.items():
        datadog.control.reset()
        datadog.add_case(KEY, f"Known to {name}")
    return several


async def test_each_link_goes_to_a_case_of_its_own_organisation(o: Orgs) -> None:
    root = o.b.start_thread(f"see {case_link(KEY, 'app.datadoghq.eu')}")
    o.b.reply(root, f"https://app.datadoghq.eu/monitors/7 and {monitor(8)}")
    card = await o.b.card(root, "Known to acme-eu")
    assert [option["text"]["text"] for option in options(card)] == ["Monitor · 7"]
    await o.b.click(card, "insights.add")
    await o.b.card(root, f"Added to {KEY} by Ana")
    await o.b.handled()
    assert o.on_case("acme-eu") == ["7"]
    assert [o.puts(name) for name in SITES] == [0, 0, 1, 0, 0]


async def test_a_host_that_two_organisations_share_is_told_apart_by_the_case(o: Orgs) -> None:
    o.datadogs["beta"].add_case("BETA-5", "Only there")
    root = o.b.start_thread(case_link("BETA-5"))
    o.b.reply(root, monitor(1))
    await o.b.click(await o.b.card(root, "Only there"), "insights.add")
    await o.b.card(root, "Added to BETA-5")
    assert o.on_case("beta", "BETA-5") == ["1"]


async def test_a_key_that_two_organisations_know_is_asked_about(o: Orgs) -> None:
    root = o.b.start_thread(case_link(KEY))
    o.b.reply(root, monitor(1))
    asking = await o.b.card(root, "names 2 cases")
    assert f"acme/{KEY}" in as_text(asking)
    pick = next(block for block in asking["blocks"] if f"beta/{KEY}" in str(block))
    await o.b.slack.click(CHANNEL, asking["ts"], "tie.yes", "U0ANA", block_id=pick["block_id"])
    card = await o.b.card(root, f"Add 1 insight to {KEY}, Known to beta")
    await o.b.click(card, "insights.add")
    await o.b.card(root, f"Added to {KEY}")
    assert (o.on_case("acme"), o.on_case("beta")) == ([], ["1"])


async def test_of_an_organisation_that_is_not_for_this_workspace_nothing_is_read_or_changed(o: Orgs) -> None:
    link = case_link(KEY, "us3.datadoghq.com")
    root = o.b.start_thread(link)
    o.b.reply(root, "https://us3.datadoghq.com/monitors/3")
    assert "is no case in a Datadog organisation that this bot uses" in await ask(o.b, f"add {monitor(1)} to {link}")
    await o.b.handled()
    assert o.b.cards(root) == []
    assert o.datadogs["secret"].control.calls == []


@pytest.mark.parametrize("host", HOSTS["named"])
async def test_what_an_organisation_names_is_its_own_also_where_only_a_sibling_workspace_may_use_it(
    o: Orgs, host: str
) -> None:
    link = f"https://{host}/monitors/3"
    assert "Read as a monitor" in (said := await ask(o.b, f"explain {link}"))
    assert "this bot does not use from this workspace" in said
    quiet = o.b.start_thread(case_link(KEY, host))
    o.b.reply(quiet, f"{link} {monitor(9)}")
    root = o.b.start_thread(f"see {case_link(KEY)}")
    o.b.reply(root, f"{link} {monitor(8)}")
    asking = await o.b.card(root, "names 2 cases")  # acme's, and that of beta, which is for the whole Grid
    pick = next(block for block in asking["blocks"] if f"beta/{KEY}" in str(block))
    await o.b.slack.click(CHANNEL, asking["ts"], "tie.yes", "U0ANA", block_id=pick["block_id"])
    card = await o.b.card(root, f"Add 1 insight to {KEY}, Known to beta")
    assert [option["text"]["text"] for option in options(card)] == ["Monitor · 8"]
    there = o.b.slack.permalink(CHANNEL, root)
    assert "belong to different Datadog organisations" in await ask(o.b, f"add {link} to beta/{KEY} in {there}")
    await o.b.handled()
    assert o.b.cards(quiet) == []
    assert o.datadogs["named"].control.calls == []


async def test_for_one_workspace_of_a_grid_that_it_is_in_as_a_whole_the_bot_does_not_start(tmp_path: Path) -> None:
    """Whether a click is in that workspace it could not tell."""
    (asked := app_manifest())["settings"]["org_deploy_enabled"] = True
    async with SlackServer(asked, enterprise="E0GRID", org_wide=True) as slack, DatadogServer() as datadog:
        (file := tmp_path / "orgs.toml").write_text(file_of({"acme": datadog}, tmp_path, {"acme": ["T0ACME"]}), "utf-8")
        env = environment(slack.url, datadog.url, tmp_path / "bot.db", {"CASE_INSIGHTS_ORGS_FILE": str(file)})
        bot = BotProcess({name: value for name, value in env.items() if name not in ONE}, tmp_path)
        await bot.start()
        assert await bot.wait() == 2
        assert bot.log.read_text("utf-8").splitlines()[-1] == (
            "case-insights: CASE_INSIGHTS_ORGS_FILE: [acme] teams names T0ACME, but the bot is installed in the whole "
            "Grid E0GRID, where it does not know one workspace from another: name the Grid, or install the bot in the "
            "workspace alone."
        )


async def test_a_click_is_refused_once_the_workspace_may_no_more(o: Orgs) -> None:
    root, card = await offer_in_europe(o.b)
    before = o.file.read_text(encoding="utf-8")
    o.file.write_text(file_of(o.datadogs, o.file.parent, {**TEAMS, "acme-eu": ["T0ELSEWHERE"]}), encoding="utf-8")
    try:
        await restart(o.b)
        await o.b.click(card, "insights.add")
        assert f"{KEY} belongs to the Datadog organisation acme-eu, which this bot does not use" in await o.b.answer_to(
            "U0ANA"
        )
        there = o.b.slack.permalink(CHANNEL, root)
        assert "tied to no case" in await ask(o.b, f"status in {there}")
        await o.b.click(card, "insights.dismiss")
        await o.b.card(root, "Dismissed by Ana")
        await o.b.handled()
        assert o.puts("acme-eu") == 0
    finally:
        o.file.write_text(before, encoding="utf-8")
        await o.b.kill()


async def test_what_was_confirmed_for_an_organisation_that_was_taken_out_waits_for_it(o: Orgs) -> None:
    root, card = await offer_in_europe(o.b)
    o.datadogs["acme-eu"].control.rule("datadog", PUT, status=503, times=None)
    await o.b.click(card, "insights.add")
    await o.b.control.until(lambda: o.puts("acme-eu") > 0, what="the first try")
    before = o.file.read_text(encoding="utf-8")
    rest = {name: each for name, each in o.datadogs.items() if name != "acme-eu"}
    o.file.write_text(file_of(rest, o.file.parent, TEAMS), encoding="utf-8")
    try:
        await o.b.age_confirmations(60)
        await restart(o.b)
        await o.b.card(root, "no longer has keys for the Datadog organisation acme-eu")
    finally:
        o.file.write_text(before, encoding="utf-8")
    o.datadogs["acme-eu"].control.clear_rules()
    await restart(o.b)
    await o.b.card(root, f"Added to {KEY} by Ana")
    assert o.on_case("acme-eu") == ["7"]


async def test_a_key_that_is_rotated_in_its_file_counts_at_once(o: Orgs) -> None:
    root, card = await offer_in_europe(o.b)
    eu, key = o.datadogs["acme-eu"], o.file.parent / "acme-eu-app"
    eu.app_key = "rotated"
    try:
        key.write_text("rotated\n", encoding="utf-8")
        await o.b.click(card, "insights.add")
        await o.b.card(root, f"Added to {KEY} by Ana")
        assert [call.status for call in eu.control.matching(method=PUT)] == [403, 200]
        assert eu.control.matching(method="GET /api/v2/validate_keys") == [], "nothing had to wait"
        eu.app_key = "rotated-again"  # Datadog comes first, the file later: what was confirmed waits for it
        o.b.reply(root, "https://app.datadoghq.eu/monitors/8")
        await o.b.click(await o.b.card(root, "Add 1 insight"), "insights.add")
        await eu.control.until(
            lambda: eu.control.matching(method="GET /api/v2/validate_keys") != [], what="the keys to be probed"
        )
        key.write_text("rotated-again", encoding="utf-8")
        await o.b.card(root, f"Added to {KEY} by Ana")
        assert o.on_case("acme-eu") == ["7", "8"]
    finally:
        eu.app_key = "acme-eu-app"
        key.write_text(eu.app_key, encoding="utf-8")
        await o.b.kill()
