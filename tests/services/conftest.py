"""What services reach: a store on each database, and the sandbox's Slack and Datadog in this process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import select

from bot.config.credentials import Keys
from bot.datadog.client import Datadog
from bot.datadog.titles import AT_ONCE_IN_ALL, Titles
from bot.links import OrgHosts, load
from bot.model import State, Thread
from bot.policy import Confirmers
from bot.sandbox.datadog.server import DatadogServer
from bot.sandbox.render import as_text
from bot.sandbox.slack.server import SlackServer
from bot.sandbox.slack.workspace import OUR_BOT, OUR_USER
from bot.services.context import Context, Organization
from bot.services.responder import Responder
from bot.slack.client import Myself, Slack
from bot.slack.manifest import app_manifest
from bot.slack.workspaces import OneWorkspace, Workspace
from bot.store import Store, schema
from bot.store.cards import Timing

TEAM, CHANNEL, SHARED = "T0ACME", "C0INCIDENTS", "C0SHARED"
ANA, BEN, GUEST = "U0ANA", "U0BEN", "U0GUEST"
KEY, TITLE = "CASEM-4523", "Memory leak"
ROUTES = load()
MYSELF = Myself(TEAM, "Acme", None, OUR_USER, OUR_BOT, "https://acme.slack.com/")


def link(number: int) -> str:
    return f"https://app.datadoghq.com/monitors/{number}"


def context_of(**sites: str) -> Context:
    """For decisions that reach nobody: organisations by name and site, no store, no servers."""
    nothing: Any = None
    return Context(
        store=nothing,
        workspaces=OneWorkspace(Workspace(nothing, MYSELF)),
        orgs={name: Organization(OrgHosts(name, site), nothing, nothing, "") for name, site in sites.items()},
        routes=ROUTES,
        confirmers=None,
        lease=4.0,
        retry_cap=2.0,
        give_up_after=60.0,
        keep=60.0,
        timing=Timing(0.2),
        card_within=0.0,  # no worker runs that would post it
    )


@dataclass(slots=True)
class Office:
    """One workspace with people, a case, and all that a service needs; no bot runs."""

    context: Context
    slack: SlackServer
    datadog: DatadogServer

    @property
    def store(self) -> Store:
        return self.context.store

    def responder(self) -> Responder:
        return Responder(self.context)

    def thread(self, text: str = "The API is slow", channel: str = CHANNEL) -> Thread:
        return Thread(TEAM, channel, self.slack.message(channel, ANA, text)["ts"])

    def let_only(self, user: str) -> None:
        self.context = replace(self.context, confirmers=Confirmers(frozenset({user}), frozenset()))

    def take_org_away(self) -> None:
        """From this workspace: its cases are another's."""
        orgs = {name: replace(org, teams=frozenset({"T0ELSEWHERE"})) for name, org in self.context.orgs.items()}
        self.context = replace(self.context, orgs=orgs)

    def have_orgs(self, **sites: str) -> None:
        """Several organisations, by name and site; of each, this one Datadog knows the cases."""
        [org] = self.context.orgs.values()
        hosts = {name: OrgHosts(name, site) for name, site in sites.items()}
        orgs = {name: Organization(of, org.datadog, org.names, org.case_url) for name, of in hosts.items()}
        self.context = replace(self.context, orgs=orgs)

    def in_the_open(self, thread: Thread) -> list[str]:
        """What the bot said in this thread, to everybody."""
        messages = self.slack.thread(thread.channel, thread.ts)
        return [as_text(message) for message in messages if message.get("bot_id")]

    async def insights(self) -> dict[str, State]:
        """The state of every insight, of whichever case, by resource id."""
        async with self.store.read() as connection:
            rows = await connection.execute(select(schema.insights.c.resource_id, schema.insights.c.state))
            return {row.resource_id: State(row.state) for row in rows}

    def privately(self, user: str) -> list[str]:
        return [said["text"] for said in self.slack.private if said["user"] == user]


@pytest.fixture
async def office(store: Store) -> AsyncIterator[Office]:
    async with contextlib.AsyncExitStack() as stack:
        slack = await stack.enter_async_context(SlackServer(app_manifest()))
        datadog = await stack.enter_async_context(DatadogServer())
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)))
        client = Slack(AsyncWebClient("xoxb-sandbox", slack.url, session=session, retry_handlers=[]))
        keys = Keys(SecretStr("sandbox-api-key"), SecretStr("sandbox-app-key"))
        api = Datadog(datadog.url, keys, timeout=1.0)
        stack.push_async_callback(api.close)
        titles = Titles(api, "default", asyncio.Semaphore(AT_ONCE_IN_ALL))
        stack.push_async_callback(titles.close)
        datadog.add_case(KEY, TITLE)
        context = replace(
            context_of(),
            store=store,
            workspaces=OneWorkspace(Workspace(client, await client.myself())),
            orgs={"default": Organization(OrgHosts("default", "datadoghq.com"), api, titles, "https://app/cases/")},
        )
        yield Office(context, slack, datadog)
        await context.background.drain(5.0)  # what still speaks to Slack would find it closed
