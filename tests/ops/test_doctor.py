"""The doctor finds each planted misconfiguration and names the fix; it changes nothing, and prints no secret."""

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet
from sqlalchemy import text

from bot.__main__ import main
from bot.datadog.resources import TYPES
from bot.ops import doctor
from bot.ops.doctor import Finding, Level
from bot.ops.doctor.datadog import NO_IDS
from bot.sandbox.control import Control
from bot.sandbox.datadog.server import DatadogServer
from bot.sandbox.slack.server import SlackServer
from bot.slack.manifest import OPTIONAL_SCOPES, app_manifest
from bot.store import Store, migrate, unknown_sites

APP_TOKEN = "xapp-1-A0CASES-1-very-secret"
SECRETS = {"SLACK_BOT_TOKEN": "xoxb-very-secret", "SLACK_APP_TOKEN": APP_TOKEN, "DD_API_KEY": "very-secret-1"}
SECRETS |= {"DD_APP_KEY": "very-secret-2"}


@dataclass
class World:
    """A bot's surroundings in which all is well, until a test plants something."""

    slack: SlackServer
    datadog: DatadogServer
    database: Path
    env: dict[str, str] = field(default_factory=dict[str, str])
    ahead: float = 0.0

    async def examined(self, **more: Any) -> list[Finding]:
        return await doctor.examine(self.env, env_file=None, clock=lambda: time.time() + self.ahead, **more)

    def without(self, *names: str) -> None:
        for name in names:
            del self.env[name]

    def sql(self, statement: str, *values: Any) -> None:
        with sqlite3.connect(self.database) as connection:
            connection.execute(statement, values)
        connection.close()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database with the schema and nothing in it."""
    file = tmp_path_factory.mktemp("doctor") / "prepared.db"

    async def prepare() -> None:
        store = Store(f"sqlite:///{file}")
        await migrate.upgrade(store)
        await store.close()

    asyncio.run(prepare())
    return file.read_bytes()


@pytest.fixture
async def world(tmp_path: Path, prepared: bytes) -> AsyncIterator[World]:
    control = Control()
    tokens = {"bot_token": SECRETS["SLACK_BOT_TOKEN"], "app_token": APP_TOKEN}
    keys = {"api_key": SECRETS["DD_API_KEY"], "app_key": SECRETS["DD_APP_KEY"]}
    (database := tmp_path / "bot.db").write_bytes(prepared)
    async with SlackServer(app_manifest(), control, **tokens) as slack, DatadogServer(control, **keys) as datadog:
        addresses = {"SLACK_API_URL": slack.url, "DD_API_URL": datadog.url, "DATABASE_URL": f"sqlite:///{database}"}
        built = World(slack, datadog, database, {**SECRETS, **addresses})
        built.sql(
            "INSERT INTO heartbeats (replica, seen_at, last_event_at) VALUES ('replica-1', ?, ?)",
            time.time(),
            time.time() - 120,
        )
        yield built


Plant = Callable[[World], object]


def setting(change: str) -> Plant:
    """These are set: NAME=value."""
    return lambda w: w.env.update(dict(each.split("=", 1) for each in change.split()))


def at_its_own_address(w: World, url: str = "https://bot.example.com") -> None:
    w.without("SLACK_APP_TOKEN")
    w.env |= {"SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99yyyzzz85a5", "CASE_INSIGHTS_PUBLIC_URL": url}


def has_schema(version: str) -> Plant:
    return lambda w: w.sql("UPDATE alembic_version SET version_num = ?", version)


def refused(error: str, method: str = "auth.test") -> Plant:
    """Slack answers so."""
    return lambda w: w.slack.control.rule("slack", method, body={"ok": False, "error": error})


def elsewhere(w: World) -> None:
    w.sql("INSERT INTO sites VALUES ('T0ACME', 'datadoghq.eu', ?)", time.time())


def in_whole_grid(w: World) -> None:
    w.slack.workspace.enterprise_id, w.slack.workspace.installation.is_org_wide = "E0GRID", True


def leave_all(w: World) -> None:
    for channel in w.slack.workspace.channels.values():
        channel.members.discard("U0CASES")


def leave_all_but_shared(w: World) -> None:
    leave_all(w)
    w.slack.join("C0SHARED")


def bad_env_secret(w: World) -> None:
    w.without("DD_APP_KEY")
    w.env["DD_APP_KEY_FILE"] = str(w.database.parent / "none")


def other_app(w: World) -> None:
    w.env["SLACK_APP_TOKEN"] = w.slack.web_api.app_token = "xapp-1-A0OTHER-1-very-secret"


def several(text: str) -> Plant:
    """A file of organisations instead of one; `url` stands for Datadog's address."""

    def plant(w: World) -> None:
        w.without("DD_API_KEY", "DD_APP_KEY")
        url = w.env.pop("DD_API_URL")
        (file := w.database.parent / "orgs.toml").write_text(text.replace("url", f'dd_api_url = "{url}"\n'), "utf-8")
        w.env["CASE_INSIGHTS_ORGS_FILE"] = str(file)

    return plant


RIGHT_KEYS = 'url\ndd_api_key = "very-secret-1"\ndd_app_key = "very-secret-2"\n'
WRONG_KEY = 'url\ndd_api_key = "very-secret-1"\ndd_app_key = "very-secret-3"\n'

INSTALL = "https://bot.example.com/slack/install"
SECRET_KEY, OTHER_KEY = (Fernet.generate_key().decode() for _ in range(2))


def by_oauth(*installed: str, key: str = SECRET_KEY) -> Plant:
    """Workspaces install the bot themselves; these have, with the token that the sandbox takes."""

    def plant(w: World) -> None:
        w.without("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN")
        w.env |= {
            "SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99yyyzzz85a5",
            "CASE_INSIGHTS_PUBLIC_URL": "https://bot.example.com",
        }
        w.env |= {"SLACK_CLIENT_ID": "111.222", "SLACK_CLIENT_SECRET": "very-secret-4"}
        w.env |= {"CASE_INSIGHTS_SECRET_KEY": SECRET_KEY, "CASE_INSIGHTS_ALLOWED_TEAMS": "T0ACME"}
        token = Fernet(key).encrypt(SECRETS["SLACK_BOT_TOKEN"].encode()).decode()
        for number, team in enumerate(installed):
            w.sql(
                "INSERT INTO slack_bots (id,team_id,bot_token,client_id,app_id,is_enterprise_install,installed_at) "
                "VALUES (?, ?, ?, '111.222', 'A0CASES', 0, '2026-11-01 00:00:00')",
                *(number, team, token),
            )

    return plant


PLANTED: dict[str, tuple[Plant, str]] = {
    # what was planted: how, and what is found: the level and the check, words of the finding, words of the fix
    "tokens mixed up": (
        lambda w: w.env.update(SLACK_BOT_TOKEN=APP_TOKEN, SLACK_APP_TOKEN="xoxb-very-secret"),
        "error settings: SLACK_APP_TOKEN is not an app-level token → Basic Information",
    ),
    "no bot runs": (lambda w: w.sql("DELETE FROM heartbeats"), "warning events: No bot runs → Start it"),
    "a bot that has heard nothing yet": (
        lambda w: w.sql("UPDATE heartbeats SET last_event_at = NULL"),
        "warning events: One bot runs on this database, and Slack has sent no event yet → App Manifest",
    ),
    "a bot at its own address that has heard nothing yet": (
        lambda w: (w.sql("UPDATE heartbeats SET last_event_at = NULL"), at_its_own_address(w)),
        "warning events: Slack has sent no event yet → SLACK_SIGNING_SECRET is another app's",
    ),
    "nothing was told": (
        lambda w: w.sql("UPDATE heartbeats SET last_event_at = last_event_at - 200000"),
        "warning events: but Slack has sent no event for 56 h → Say something in a channel",
    ),
    "HTTP mode without an address": (
        lambda w: at_its_own_address(w, ""),
        "warning slack-http: cannot be told from here → CASE_INSIGHTS_PUBLIC_URL",
    ),
    "a secret's file is gone": (bad_env_secret, "error settings: DD_APP_KEY_FILE:  → check its path"),
    "no file of organisations": (
        lambda w: (several("")(w), w.env.update(CASE_INSIGHTS_ORGS_FILE="none.toml")),
        "error settings: none.toml cannot be read → check its path",
    ),
    "an organisation without a key": (
        several('[acme]\nurl\ndd_api_key = "very-secret-1"\n'),
        "error settings: [acme] has no dd_app_key → dd_app_key_file",
    ),
    "one of two organisations refuses its key": (
        several(f"[acme]\n{RIGHT_KEYS}[beta]\n{WRONG_KEY}"),
        "error datadog-keys: beta: Datadog accepts [beta] dd_api_key, but not [beta] dd_app_key → Make an appl",
    ),
    "an organisation under another name than before": (
        lambda w: (
            w.sql("INSERT INTO cases VALUES ('default', 'a1', 'CASEM-1', 'Old', 0, 0, '[]', 1.0)"),
            several(f"[acme]\n{RIGHT_KEYS}")(w),
        ),
        "warning orgs: has cases of default, but no organisation has that name → Name its table [default]",
    ),
    "no organisation for this workspace": (
        several(f'[acme]\nteams = ["T0OTHER"]\n{RIGHT_KEYS}'),
        "error datadog-teams: is for Acme (T0ACME) → Add T0ACME to the teams",
    ),
    "an organisation for one workspace of a whole Grid": (
        lambda w: (in_whole_grid(w), several(f'[acme]\nteams = ["T0ACME"]\n{RIGHT_KEYS}[beta]\n{RIGHT_KEYS}')(w)),
        "error datadog-teams: [acme] teams names T0ACME, but the bot is installed in the whole Grid → name the Grid",
    ),
    "no workspace installed the bot": (
        by_oauth(),
        f"warning installations: No workspace has installed → Open {INSTALL}",
    ),
    "the key of the tokens was lost": (
        by_oauth("T0ACME", key=OTHER_KEY),
        f"error installations: CASE_INSIGHTS_SECRET_KEY does not open the token of T0ACME → install again at {INSTALL}",
    ),
    "a workspace that may no more": (
        by_oauth("T0ACME", "T0OTHER"),
        "warning installations: T0OTHER installed the bot but may not use it, so → CASE_INSIGHTS_ALLOWED_TEAMS",
    ),
    "an installed workspace's scope is missing": (
        lambda w: (by_oauth("T0ACME")(w), w.slack.scopes.discard("users:read")),
        "error slack-scopes: The bot token lacks users:read → install it again",
    ),
    "an installed workspace's token is dead": (
        lambda w: (by_oauth("T0ACME")(w), refused("token_revoked")(w)),
        "error slack-token: Slack does not accept the workspace's token (token_revoked) → "
        f"Install the app again: {INSTALL}",
    ),
    "no key for the tokens": (
        lambda w: (by_oauth()(w), w.without("CASE_INSIGHTS_SECRET_KEY")),
        "error settings: CASE_INSIGHTS_SECRET_KEY is not set → openssl rand",
    ),
    "a key for the tokens that is none": (
        lambda w: (by_oauth("T0ACME")(w), w.env.update(CASE_INSIGHTS_SECRET_KEY=",")),
        "error settings: CASE_INSIGHTS_SECRET_KEY is no key → openssl rand",
    ),
    "a user group without its scope": (
        lambda w: (w.env.update(CASE_INSIGHTS_CONFIRMERS="S0ONCALL"), w.slack.scopes.discard("usergroups:read")),
        "error confirmers: let nobody in → Add the scope usergroups:read",
    ),
    "the app was removed": (refused("account_inactive"), "error slack-token: account_inactive → install it again"),
    "that is not Slack": (
        lambda w: w.env.update(SLACK_API_URL=f"{w.datadog.url}/"),
        "error slack-token: does not answer as Slack does → SLACK_API_URL",
    ),
    "a scope is missing": (lambda w: w.slack.scopes.discard("chat:write"), "error slack-scopes: chat:write → manifest"),
    "optional scopes are missing": (
        lambda w: w.slack.scopes.difference_update(OPTIONAL_SCOPES),
        "warning slack-scopes: usergroups:read (user groups → Leave it so, or: put the manifest",
    ),
    "reactions without their scope": (
        lambda w: w.env.update(CASE_INSIGHTS_REACTION="card_index"),
        "warning slack-scopes: reactions:read (`CASE_INSIGHTS_REACTION` → case-insights manifest --reaction",
    ),
    "an app token without its scope": (
        lambda w: w.slack.web_api.app_scopes.clear(),
        "error slack-socket: missing_scope → connections:write",
    ),
    "Socket Mode is off": (
        refused("socket_mode_not_enabled", "apps.connections.open"),
        "error slack-socket: socket_mode_not_enabled → Turn Socket Mode on",
    ),
    "tokens of two apps": (other_app, "error slack-app: A0OTHER → Take both tokens from one app"),
    "invited nowhere": (leave_all, "warning slack-channels: in no channel → /invite @Case Insights"),
    "invited where it may not watch": (
        leave_all_but_shared,
        "warning slack-channels: #acme-and-other → CASE_INSIGHTS_SHARED_CHANNELS=on",
    ),
    "that is not Datadog": (
        lambda w: w.env.update(DD_API_URL=w.slack.url),
        "error datadog-keys: not as Datadog's API → Remove DD_API_URL",
    ),
    "cases may not be read": (
        lambda w: w.slack.control.rule("datadog", "GET /api/v2/cases", status=403),
        "error datadog-cases: read cases (403) → cases_read",
    ),
    "cases may not be changed": (
        lambda w: setattr(w.datadog, "may_write", False),
        "error datadog-cases: change cases (403) → cases_write",
    ),
    "cases may not be created": (
        lambda w: w.slack.control.rule("datadog", "POST /api/v2/cases", status=403),
        "warning datadog-cases: create cases (403), so Create case will not work → give cases_write",
    ),
    "the keys are a person's": (
        lambda w: setattr(w.datadog, "service_account", False),
        "warning datadog-owner: under the name of Case Insights, a person → an application key of a service account",
    ),
    "names may not be read": (
        lambda w: w.datadog.resources.forbid(["incident", "signal"]),
        "warning datadog-names: Incident (incident_read), Security signal (security_monitoring_signals_read) → "
        "give the application key these permissions",
    ),
    "Datadog is busy": (lambda w: w.datadog.limit(None, 9.0), "warning datadog-cases: answered 429 → in a minute"),
    "no database yet": (lambda w: w.database.unlink(), "warning database: There is no database yet → run makes it"),
    "somebody else's database": (
        lambda w: (w.database.unlink(), w.sql("CREATE TABLE mine (thing TEXT)")),
        "warning database: has no tables of the bot → check DATABASE_URL",
    ),
    "no database at all": (
        lambda w: w.database.write_text("I am no database " * 99),
        "error database: file is not a database → DATABASE_URL",
    ),
    "an older schema": (has_schema("0000"), "warning database: has schema 0000 → db upgrade"),
    "a newer schema": (has_schema("9999"), "error database: has schema 9999 → Run the newer version"),
    "links to another site": (elsewhere, "warning links: datadoghq.eu → set DD_SITE=datadoghq.eu"),
    "a clock that is late": (lambda w: setattr(w, "ahead", -60.0), "warning clock: s behind → NTP"),
    "a clock that is far off": (lambda w: setattr(w, "ahead", 600.0), "error clock: s ahead of → NTP"),
}


SET: dict[str, str] = {
    # what was set instead of what is right, or to nothing: the same of what is found
    "SLACK_BOT_TOKEN=": "error settings: SLACK_BOT_TOKEN is not set → copy the",
    "SLACK_APP_TOKEN=": "error settings: SLACK_APP_TOKEN is not set → Basic Inf",
    "DD_APP_KEY=": "error settings: DD_APP_KEY is not set → Application K",
    "DD_SITE=us1": "error settings: DD_SITE is not one of → use one of datadoghq.com",
    "CASE_INSIGHTS_LEASE=30": "error settings: CASE_INSIGHTS_LEASE → write it",
    "CASE_INSIGHTS_CONFIRMER=U0ANA": (
        "warning settings: CASE_INSIGHTS_CONFIRMER is no setting → mean CASE_INSIGHTS_CONFIRMERS?"
    ),
    "CASE_INSIGHTS_ROUTES_FILE=none.toml": "error routes: cannot be read → check its",
    "DD_WEB_HOSTS=https://acme.datadoghq.com": "error settings: serves no pages → write the host alone",
    "DD_WEB_HOSTS=acme.datadoghq.eu": "warning datadog-hosts: which is on datadoghq.eu → Set DD_SITE to datadoghq.eu",
    "CASE_INSIGHTS_CONFIRMERS=": "error confirmers: nobody may press → Remove it",
    "CASE_INSIGHTS_CONFIRMERS=U0ANA,U0GONE": "error confirmers: U0GONE → Copy the",
    "CASE_INSIGHTS_CONFIRMERS=S0GONE": "error confirmers: S0GONE → Copy the ids",
    "SLACK_BOT_TOKEN=xoxb-very-secret-but-old": "error slack-token: invalid_auth → Copy",
    "SLACK_API_URL=http://127.0.0.1:1/api/": "error slack-token: not answer → network",
    "SLACK_APP_TOKEN=xapp-very-secret-2": "error slack-socket: invalid_auth → Make an",
    "DD_API_KEY=very-secret-3": "error datadog-keys: DD_API_KEY → set DD_SITE (now",
    "DD_APP_KEY=very-secret-3": "error datadog-keys: not DD_APP_KEY → same org",
    "DD_API_KEY= DD_APP_KEY= DD_ACCESS_TOKEN=very-secret-but-old": (
        "error datadog-keys: DD_ACCESS_TOKEN → renew the token, with cases_read"
    ),
    "DD_API_URL=http://127.0.0.1:1": "error datadog-keys: the connection was refused → DD_API_URL",
    "DATABASE_URL=sqlite:////none/such.db": "error settings: no folder /none → choose another path",
    "DATABASE_URL=postgresql://bot:very-secret@127.0.0.1:1/bot": (
        "error database: postgresql://bot:***@127.0.0.1:1/bot cannot be used: connection failed → Check the server"
    ),
}
ALL_PLANTED = PLANTED | {change: (setting(change), expected) for change, expected in SET.items()}


def about(findings: list[Finding], check: str) -> list[Finding]:
    return [finding for finding in findings if finding.check == check]


async def test_where_all_is_well_every_check_says_so(world):
    findings = await world.examined()
    assert [finding for finding in findings if finding.level is not Level.OK] == []
    assert {finding.check for finding in findings} == {
        *("settings", "routes", "slack-token", "slack-scopes", "slack-channels", "slack-socket"),
        *("datadog-keys", "datadog-owner", "datadog-cases", "datadog-names", "database", "events", "links", "clock"),
    }
    assert doctor.as_text(findings).endswith("\nAll is well.")


@pytest.mark.parametrize("what", ALL_PLANTED)
async def test_what_was_planted_is_found_and_the_fix_is_named(world, what: str):
    plant, expected = ALL_PLANTED[what]
    kind, _, sentence = expected.partition(": ")
    words, _, fix = sentence.partition(" → ")
    plant(world)
    findings = await world.examined()
    matching = [each for each in findings if f"{each.level} {each.check}" == kind and words in each.text]
    assert any(fix in f"{each.text} {each.next}" for each in matching), doctor.as_text(findings)
    assert "very-secret" not in doctor.as_text(findings)


NAMED = {"name": "Ana\x1b Ng", "service_account": 0}
UNKNOWN_OWNERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"status": 403}, []),
    ({"drop": "before"}, []),
    ({"body": {"data": {"attributes": {"name": None, "handle": 7, "service_account": False}}}}, []),
    (
        {"body": {"data": {"attributes": NAMED}}},
        ["What the bot writes to cases shows under the name of Ana Ng."],
    ),
]


@pytest.mark.parametrize(("answer", "texts"), UNKNOWN_OWNERS)
async def test_where_datadog_does_not_tell_whose_the_keys_are_nothing_is_wrong(world, answer, texts: list[str]):
    world.slack.control.rule("datadog", "GET /api/v2/current_user", **answer)
    findings = await world.examined()
    assert [finding.text for finding in about(findings, "datadog-owner")] == texts
    assert {finding.level for finding in findings} == {Level.OK}


async def test_the_checks_of_installed_workspaces_say_where_all_is_well(world):
    by_oauth("T0ACME")(world)
    findings = await world.examined()
    assert [finding for finding in findings if finding.level is not Level.OK] == []
    assert about(findings, "installations")[0].text == "The bot is installed in T0ACME."
    assert about(findings, "slack-token")[0].text == "The bot is case_insights in Acme."


async def test_a_workspace_whose_token_no_key_opens_hides_no_other(world):
    by_oauth("T0ACME", "T0LOST")(world)
    world.sql("UPDATE slack_bots SET bot_token = 'unreadable' WHERE team_id = 'T0LOST'")
    findings = await world.examined()
    assert [(each.level, each.text.partition(",")[0]) for each in about(findings, "installations")] == [
        (Level.ERROR, "CASE_INSIGHTS_SECRET_KEY does not open the token of T0LOST"),
        (Level.OK, "The bot is installed in T0ACME."),
    ]
    assert about(findings, "slack-token")[0].text == "The bot is case_insights in Acme."


async def test_what_is_wrong_does_not_hide_what_else_is(world):
    world.without("SLACK_APP_TOKEN", "DD_APP_KEY")
    world.env |= {"CASE_INSIGHTS_LEASE": "30", "CASE_INSIGHTS_CONFIRMERS": "ana"}
    world.slack.scopes.discard("users:read")
    elsewhere(world)
    findings = await world.examined()
    settings = " ".join(each.text for each in about(findings, "settings"))
    assert all(f"{name} " in settings for name in ("SLACK_APP_TOKEN", "DD_APP_KEY", "CASE_INSIGHTS_LEASE"))
    assert "CASE_INSIGHTS_CONFIRMERS names 'ana'" in settings
    assert about(findings, "slack-token")[0].level is Level.OK
    assert about(findings, "slack-scopes")[0].level is Level.ERROR
    assert about(findings, "links")[0].level is Level.WARNING
    assert not about(findings, "slack-socket")
    assert not about(findings, "datadog-keys")


async def test_it_asks_everybody_at_once_and_waits_for_nobody_for_long(world):
    world.slack.control.rule("*", "*", delay=30.0)
    began = time.monotonic()
    findings = await world.examined(within=0.5)
    assert time.monotonic() - began < 4.0  # one after the other, the calls would take 7 s
    assert about(findings, "slack-token")[0].text.endswith("(no answer in 0.5 s).")
    assert "does not answer" in about(findings, "datadog-keys")[0].text


async def test_it_changes_nothing_anywhere(world):
    world.datadog.add_case("CASEM-4523", "Memory leak")
    before = world.database.read_bytes()
    await world.examined()
    assert world.datadog.cases["CASEM-4523"].insights == []
    assert world.database.read_bytes() == before
    assert world.slack.socket.connections == []
    world.database.unlink()
    await world.examined()
    assert os.listdir(world.database.parent) == []
    written = {call.method for call in world.slack.control.matching("slack")}
    assert written == {"auth.test", "apps.connections.open", "users.conversations", "users.info"}


async def test_an_old_version_of_postgresqls_database_is_told_like_any_other(world, postgres_url: str):
    from tests import postgres

    world.env["DATABASE_URL"] = url = postgres.create(postgres_url, "doctor")
    assert about(await world.examined(), "database")[0].text.endswith("has no tables of the bot yet.")
    store = Store(url)
    await migrate.upgrade(store)
    assert await unknown_sites.note(store, "T0ACME", "us5.datadoghq.com")
    assert about(await world.examined(), "links")[0].level is Level.WARNING
    async with store.write() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    await store.close()
    assert "has schema 0001" in about(await world.examined(), "database")[0].text
    postgres.drop(postgres_url, "doctor")


def test_an_id_that_is_nobodys_still_looks_like_one():
    first = {kind.scope: kind for kind in reversed(TYPES)}.values()
    assert all(kind.is_id(NO_IDS[kind.scope]) for kind in first)


# --- the command line ---


async def ask(world: World, *arguments: str) -> Any:
    """`case-insights doctor`, with the servers answering meanwhile."""
    return await asyncio.to_thread(CliRunner().invoke, main, ["doctor", *arguments], env=world.env)


async def test_the_command_prints_a_line_each_with_the_next_step_and_the_totals(world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = await ask(world)
    assert result.exit_code == 0
    assert result.stdout.startswith("ok       settings")
    leave_all(world)
    result = await ask(world)
    assert result.exit_code == 0
    assert result.stdout.endswith("0 errors, 1 warning.\n")
    assert "                         → Type /invite @Case Insights in a channel.\n" in result.stdout
    world.env["DD_API_KEY"] = "very-secret-3"
    result = await ask(world)
    assert result.exit_code == 1
    assert result.stdout.endswith("1 error, 1 warning.\n")


async def test_the_document_shows_what_it_prints(world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    world.database.rename(tmp_path / "case-insights.db")
    world.env |= {"CASE_INSIGHTS_MODES": "ask", "DATABASE_URL": "sqlite:///case-insights.db"}
    world.slack.scopes.discard("chat:write")
    world.slack.workspace.channels["C0SHARED"].members.discard("U0CASES")
    world.datadog.service_account = world.datadog.may_write = False
    world.slack.control.rule("datadog", "POST /api/v2/cases", status=403)
    world.datadog.resources.forbid(["signal"])
    world.database = tmp_path / "case-insights.db"
    elsewhere(world)
    document = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
    printed = (await ask(world)).stdout.replace("Case Insights, a person", "Ana Ng, a person")
    assert printed == document.split("```\n")[1]


async def test_as_json_it_prints_one_object_per_finding(world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    world.slack.scopes.discard("chat:write")
    result = await ask(world, "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert all(list(row) == ["check", "level", "text", "next"] for row in rows)
    [wrong] = [row for row in rows if row["level"] == "error"]
    assert wrong["check"] == "slack-scopes"
    assert wrong["next"].startswith("Put the manifest of case-insights manifest on your Slack app's page")


async def test_only_a_wrong_command_line_is_exit_code_2(world):
    assert (await ask(world, "--yaml")).exit_code == 2


HOSTILE = {
    "DATABASE_URL": [
        "nonsense",
        "sqlite://",
        "postgresql://[::1",
        "postgresql://u:p@h:abc/x",
        f"sqlite:///{'x' * 5000}",
    ],
    "SLACK_API_URL": ["nonsense", "http://", "http://[::1", "http://127.0.0.1:99999/api/", "http://☃:x/"],
    "DD_API_URL": ["nonsense", "http://", "http://[::1", "http://127.0.0.1:99999", "http://☃:x/"],
    "SLACK_BOT_TOKEN": ["☃", "a\nb"],
    "DD_API_KEY": ["☃", "a\nb"],
    "CASE_INSIGHTS_PORT": ["x", "-1", "99999"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in HOSTILE.items() for value in values])
async def test_no_setting_ends_the_doctor_in_a_traceback(world, name: str, value: str):
    world.env[name] = value
    findings = await world.examined(within=2.0)
    assert any(finding.level is Level.ERROR for finding in findings)
    assert about(findings, "events") or name == "DATABASE_URL", "the other checks say what they know"


async def test_a_database_that_is_a_folder_is_a_finding(world):
    world.env["DATABASE_URL"] = f"sqlite:///{world.database.parent}"
    assert any("is a folder" in finding.text for finding in await world.examined())


ODD_ANSWERS = ("<html>x</html>", "", [], "null", [1], 5, {"ok": True}, {"ok": False, "error": []})
ODD_ANSWERS += ({"ok": True, "user": [], "channels": 5, "response_metadata": []}, {"ok": True, "channels": [None]})


@pytest.mark.parametrize("body", ODD_ANSWERS, ids=str)
async def test_no_answer_ends_the_doctor_in_a_traceback(world, body: object):
    """Of either service, to all calls; and of Slack to all but the first."""
    world.env["CASE_INSIGHTS_CONFIRMERS"] = "U0ANA,S0SRE"
    other_app(world)
    methods = ("users.conversations", "users.info", "usergroups.users.list")
    for calls in ((("slack", "*"),), (("datadog", "*"),), tuple(("slack", method) for method in methods)):
        world.slack.control.clear_rules()
        for service, method in calls:
            world.slack.control.rule(service, method, body=body, headers={"Date": "nonsense"})
        findings = await world.examined()
        assert not [finding for finding in findings if "failed itself" in finding.text]
        assert about(findings, "events")
