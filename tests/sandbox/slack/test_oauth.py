"""Choosing the workspace, and installing and removing the app by OAuth, with Slack's refusals."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.control import ControlError, Json
from bot.sandbox.slack.server import SlackServer
from sandbox.slack.conftest import HERE, MANIFEST, SECRET, app_over_http, button, client_of, error_of
from tests.e2e.workspaces import Workspaces, workspaces

# slack_sdk's oauth_v2_access uses what aiohttp removes in version 4.
pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")

CLIENT: Json = {"client_id": "1.2", "client_secret": "very-secret"}
BACK = "https://cases.example/slack/oauth_redirect"
SCOPES = "commands,chat:write,channels:history"
ASKED: Json = {"client_id": "1.2", "scope": SCOPES, "state": "s 1", "redirect_uri": BACK}
ENDINGS = ["app_uninstalled", "tokens_revoked"]
CORP: Json = {"enterprise": "E0CORP"}


def distributed(manifest: Json, *, org_deploy: bool = False) -> Json:
    """This manifest for an app that others can install too."""
    subscriptions: Json = manifest["settings"]["event_subscriptions"]
    settings: Json = {
        **manifest["settings"],
        "event_subscriptions": {**subscriptions, "bot_events": [*subscriptions["bot_events"], *ENDINGS]},
        "org_deploy_enabled": org_deploy,
    }
    oauth = {**manifest["oauth_config"], "redirect_urls": ["https://other.example/", BACK]}
    return {**manifest, "oauth_config": oauth, "settings": settings}


@asynccontextmanager
async def listening(*, org_deploy: bool = False, **options: Any) -> AsyncIterator[SlackServer]:
    """A Slack over HTTP with an app that takes everything."""

    async def take(request: web.Request) -> web.Response:
        body = await request.json() if request.content_type == "application/json" else {}
        return web.Response(text=body.get("challenge", ""))

    async with app_over_http(take) as manifest:
        made = SlackServer(distributed(manifest, org_deploy=org_deploy), signing_secret=SECRET, **options)
        async with made as slack:
            await slack.verify_request_url()
            yield slack


async def events(slack: SlackServer, *types: str) -> list[Json]:
    """The events that the app got, or those of these types, in the order of `types`."""
    await slack.control.until(lambda: not slack.transport.undelivered, what="acknowledgements")
    bodies = [call.arguments["body"] for call in slack.control.matching("slack", "http:events_api")]
    return [body for kind in types for body in bodies if body["event"]["type"] == kind] if types else bodies


def last(slack: SlackServer, kind: str) -> Json:
    return slack.control.matching("slack", f"http:{kind}")[-1].arguments["body"]


async def pressed(slack: SlackServer, client: AsyncWebClient) -> Json:
    """The payload of Ana's press on a button of ours."""
    card = await client.chat_postMessage(channel=HERE, text="card", blocks=[button()])
    await slack.click(HERE, card["ts"], "add", "U0ANA")
    return last(slack, "interactive")


async def visit(url: str, **asked: str) -> tuple[int, str, dict[str, str]]:
    """Open the page and press Allow: the status, the words on the page, and the query that the app gets."""
    async with httpx.AsyncClient() as browser:
        response = await browser.get(url, params=asked)
    query = urlsplit(response.headers.get("Location", "")).query
    return response.status_code, response.text, {name: value for name, (value,) in parse_qs(query).items()}


def page(slack: SlackServer) -> str:
    return slack.url.replace("/api/", "/oauth/v2/authorize")


async def code_for(slack: SlackServer, **other: str) -> str:
    """The code for an installation."""
    status, words, back = await visit(page(slack), **{**ASKED, **other})
    assert status == 302, words
    return back["code"]


async def installed(slack: SlackServer, **other: str) -> Json:
    return await exchange(slack, code=await code_for(slack, **other), redirect_uri=BACK)


async def exchange(slack: SlackServer | Workspaces, **arguments: Any) -> Json:
    """The token for a code, and whose it is."""
    answer = await client_of(slack.url).oauth_v2_access(**{**CLIENT, **arguments})
    assert isinstance(answer.data, dict)
    return answer.data


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    """A Slack in which the app can be installed and is not."""
    async with SlackServer(distributed(MANIFEST), **CLIENT) as server:
        yield server


# The workspace


async def test_the_workspace_can_be_chosen_and_our_bot_is_another_there():
    async with SlackServer(MANIFEST, team="T0BETA", team_name="Beta Ltd") as slack:
        client = client_of(slack.url, "xoxb-sandbox")
        me = await client.auth_test()
        assert (me["team_id"], me["team"], me["url"]) == ("T0BETA", "Beta Ltd", "https://beta-ltd.slack.com/")
        assert (me["user_id"], me["bot_id"]) == ("U0CASESBETA", "B0CASESBETA")
        assert "enterprise_id" not in me.data
        assert (await client.users_info(user="U0ANA"))["user"]["team_id"] == "T0BETA"
        posted = await client.chat_postMessage(channel=HERE, text="hello")
        assert (posted["message"]["user"], posted["message"]["bot_id"]) == ("U0CASESBETA", "B0CASESBETA")
        assert (await client.chat_update(channel=HERE, ts=posted["ts"], text="well"))["text"] == "well"
        assert (await client.conversations_info(channel=HERE))["channel"]["context_team_id"] == "T0BETA"
        assert slack.add_user(id="U0EVA", name="eva", real_name="Eva").team_id == "T0BETA"


@pytest.mark.parametrize(("team", "other"), [("T0OTHER", "T0ACME"), ("T0ACME", "T0OTHER")])
async def test_a_stranger_is_never_of_the_workspace(team, other):
    async with SlackServer(MANIFEST, team=team) as slack:
        stranger = await client_of(slack.url, "xoxb-sandbox").users_info(user="U0STRANGER")
        assert stranger["user"]["team_id"] == other


async def test_a_workspace_of_an_enterprise_says_so_everywhere():
    async with listening(**CORP) as slack:
        client = client_of(slack.url, "xoxb-sandbox")
        me = await client.auth_test()
        assert (me["team_id"], me["enterprise_id"], me["is_enterprise_install"]) == ("T0ACME", "E0CORP", False)
        person = (await client.users_info(user="U0ANA"))["user"]["enterprise_user"]
        assert (person["enterprise_id"], person["teams"]) == ("E0CORP", ["T0ACME"])
        assert "enterprise_user" not in (await client.users_info(user="U0STRANGER"))["user"]
        slack.message(HERE, "U0ANA", "hello")
        (event,) = await events(slack)
        assert (event["team_id"], event["enterprise_id"]) == ("T0ACME", "E0CORP")
        who = {"enterprise_id": "E0CORP", "team_id": "T0ACME", "user_id": "U0CASES", "is_bot": True}
        assert event["authorizations"] == [{**who, "is_enterprise_install": False}]
        click = await pressed(slack, client)
        team = {"id": "T0ACME", "domain": "acme", "enterprise_id": "E0CORP", "enterprise_name": "Corp"}
        assert (click["team"], click["is_enterprise_install"]) == (team, False)
        assert click["enterprise"] == {"id": "E0CORP", "name": "Corp"}
        await slack.command(HERE, "U0ANA", "/insight", "help")
        command = last(slack, "slash_commands")
        assert (command["enterprise_id"], command["enterprise_name"]) == ("E0CORP", "Corp")
        assert command["is_enterprise_install"] == "false"


async def test_an_org_wide_installation_is_the_enterprises_and_no_workspaces():
    async with listening(org_deploy=True, org_wide=True, **CORP, **CLIENT) as slack:
        answer = await installed(slack, scope=f"{SCOPES},channels:read,usergroups:read")
        assert (answer["team"], answer["is_enterprise_install"]) == (None, True)
        assert answer["enterprise"] == {"id": "E0CORP", "name": "Corp"}
        client = client_of(slack.url, answer["access_token"])
        me = await client.auth_test()
        assert (me["team_id"], me["enterprise_id"], me["is_enterprise_install"]) == ("E0CORP", "E0CORP", True)
        assert (me["team"], me["url"]) == ("Corp", "https://corp.enterprise.slack.com/")
        slack.message(HERE, "U0ANA", "hello")
        (event,) = await events(slack)
        (authorization,) = event["authorizations"]
        assert (event["team_id"], event["enterprise_id"]) == ("T0ACME", "E0CORP")
        assert (authorization["team_id"], authorization["is_enterprise_install"]) == (None, True)
        click = await pressed(slack, client)
        assert (click["team"], click["user"]["team_id"], click["is_enterprise_install"]) == (None, "T0ACME", True)
        view = {"type": "modal", "title": {"type": "plain_text", "text": "Add"}, "blocks": [button()]}
        shown = (await client.views_open(trigger_id=click["trigger_id"], view=view))["view"]
        assert (shown["app_installed_team_id"], shown["team_id"]) == ("E0CORP", "T0ACME")
        await slack.command(HERE, "U0ANA", "/insight", "help")
        command = last(slack, "slash_commands")
        assert (command["is_enterprise_install"], command["team_id"]) == ("true", "T0ACME")
        slack.uninstall()
        ends = await events(slack, *ENDINGS)
        assert [(end["enterprise_id"], "team_id" in end) for end in ends] == [("E0CORP", False)] * 2


@pytest.mark.parametrize("method", ["users.conversations", "usergroups.users.list"])
async def test_an_org_wide_token_must_say_which_workspace_it_means(method):
    manifest = distributed(MANIFEST, org_deploy=True)
    async with SlackServer(manifest, org_wide=True, **CORP) as slack:
        slack.workspace.user_groups["S0ONCALL"] = ["U0ANA"]
        client = client_of(slack.url, "xoxb-sandbox")
        for team, error in (({}, "missing_argument"), ({"team_id": "T0ELSE"}, "team_access_not_granted")):
            assert await error_of(client.api_call(method, params={"usergroup": "S0ONCALL", **team})) == error
        assert (await client.api_call(method, params={"usergroup": "S0ONCALL", "team_id": "T0ACME"}))["ok"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"client_id": "1.2"}, "go together"),
        ({"org_wide": True}, "enterprise"),
        ({"org_wide": True, "enterprise": "E0CORP"}, "org_deploy_enabled"),
    ],
)
def test_what_does_not_go_together_is_refused_at_once(options, why):
    with pytest.raises(ValueError, match=why):
        SlackServer(MANIFEST, **options)


# The page


async def test_nothing_is_open_before_somebody_installs_the_app(slack):
    assert await error_of(client_of(slack.url, "xoxb-sandbox").auth_test()) == "invalid_auth"
    ts = slack.message(HERE, "U0ANA", "@Case Insights hello")["ts"]
    for act in (
        lambda: slack.command(HERE, "U0ANA", "/insight"),
        lambda: slack.shortcut(HERE, ts, "U0ANA", "add_to_case"),
        lambda: slack.home("U0ANA"),
    ):
        with pytest.raises(ControlError, match="not installed"):
            await act()
    assert slack.events.sent == []
    assert not slack.installed


async def test_whoever_allows_it_is_sent_back_with_a_code_and_the_state(slack):
    status, _, back = await visit(page(slack), **{**ASKED, "redirect_uri": f"{BACK}/eu?region=1", "team": "T0ACME"})
    assert (status, back["state"], back["region"]) == (302, "s 1", "1")
    assert slack.oauth.issued(back["code"])
    assert not slack.installed, "the app has not exchanged the code yet"


async def test_whoever_denies_it_is_sent_back_with_the_error(slack):
    slack.deny = True
    assert await visit(page(slack), **ASKED) == (302, "", {"error": "access_denied", "state": "s 1"})


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"client_id": "1.3"}, "invalid_client_id"),
        ({"client_id": ""}, "invalid_client_id"),
        ({"redirect_uri": "https://evil.example/slack/oauth_redirect"}, "bad_redirect_uri"),
        ({"redirect_uri": "http://cases.example/slack/oauth_redirect"}, "bad_redirect_uri"),
        ({"redirect_uri": "https://cases.example:444/slack/oauth_redirect"}, "bad_redirect_uri"),
        ({"redirect_uri": f"{BACK}ed"}, "bad_redirect_uri"),
        ({"scope": "commands,users:read.email"}, "invalid_scope"),
        ({"user_scope": "chat:write"}, "invalid_scope"),
        ({"scope": ""}, "no_scopes"),
        ({"team": "T0ELSE"}, "invalid_team"),
    ],
)
async def test_an_address_that_is_wrong_leads_nowhere(slack, other, error):
    status, words, back = await visit(page(slack), **{**ASKED, **other})
    assert (status, words.partition(":")[0], back) == (400, error, {})


async def test_the_first_redirect_url_is_taken_when_none_is_named(slack):
    code = await code_for(slack, redirect_uri="")
    assert await error_of(exchange(slack, code=code, redirect_uri=BACK)) == "bad_redirect_uri"
    assert (await exchange(slack, code=code))["ok"]


async def test_an_app_is_installed_only_where_it_can_be():
    async with SlackServer(distributed(MANIFEST), org_wide=True, **CORP, **CLIENT) as slack:
        status, words, _ = await visit(page(slack), **ASKED)
        assert (status, words.partition(":")[0]) == (400, "org_deploy_not_enabled")
    async with SlackServer(MANIFEST) as slack:  # it has no client id
        assert (await visit(page(slack), **ASKED))[1].startswith("invalid_client_id")
        assert await error_of(exchange(slack, code="1.2.3")) == "invalid_client_id"


# The exchange


async def test_a_code_is_exchanged_for_a_token_that_works(slack):
    answer = await installed(slack)
    token = answer.pop("access_token")
    assert answer == {
        "ok": True,
        "token_type": "bot",
        "scope": "channels:history,chat:write,commands",
        "bot_user_id": "U0CASES",
        "app_id": "A0CASES",
        "team": {"id": "T0ACME", "name": "Acme"},
        "enterprise": None,
        "is_enterprise_install": False,
        "authed_user": {"id": "U0ANA"},
    }
    client = client_of(slack.url, token)
    said = await client.chat_postMessage(channel=HERE, text="hello")
    assert said.headers["X-OAuth-Scopes"] == answer["scope"]
    assert await error_of(client.users_info(user="U0ANA")) == "missing_scope"
    slack.events.sent.clear()
    slack.message(HERE, "U0ANA", "@Case Insights hello")
    assert [event["event"]["type"] for event in slack.events.sent] == ["message"], "app_mentions:read was not granted"


async def test_the_client_id_and_secret_may_be_arguments(slack):
    code = await code_for(slack)
    fields = {**CLIENT, "code": code, "redirect_uri": BACK}
    async with httpx.AsyncClient() as client:
        assert (await client.post(f"{slack.url}oauth.v2.access", data=fields)).json()["ok"]


async def test_installing_again_keeps_the_token_and_adds_scopes(slack):
    first, second = await installed(slack), await installed(slack, scope="users:read")
    assert first["access_token"] == second["access_token"]
    assert second["scope"] == "channels:history,chat:write,commands,users:read"


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"client_id": "1.3"}, "invalid_client_id"),
        ({"client_secret": "wrong"}, "bad_client_secret"),
        ({"code": "1.2.3"}, "invalid_code"),
        ({"code": ""}, "invalid_code"),
        ({"redirect_uri": f"{BACK}/"}, "bad_redirect_uri"),
        ({"redirect_uri": None}, "bad_redirect_uri"),
        ({"grant_type": "refresh_token"}, "invalid_grant_type"),
    ],
)
async def test_a_wrong_exchange_is_refused_and_leaves_the_code_good(slack, other, error):
    good: Json = {"code": await code_for(slack), "redirect_uri": BACK}
    assert await error_of(exchange(slack, **{**good, **other})) == error
    assert not slack.installed
    assert (await exchange(slack, **good))["ok"]


async def test_a_code_works_once_and_not_for_ever(slack):
    code = await code_for(slack)
    await exchange(slack, code=code, redirect_uri=BACK)
    assert await error_of(exchange(slack, code=code, redirect_uri=BACK)) == "code_already_used"
    slack.oauth.lifetime = -1.0
    assert await error_of(installed(slack)) == "invalid_code"


# The end


async def test_uninstalling_ends_the_token_and_the_app_hears_of_it_and_of_nothing_more():
    async with listening(**CLIENT) as slack:
        client = client_of(slack.url, (await installed(slack))["access_token"])
        card = await client.chat_postMessage(channel=HERE, text="card", blocks=[button()])
        slack.uninstall()
        slack.message(HERE, "U0ANA", "anybody?")
        assert await error_of(client.auth_test()) == "account_inactive"
        with pytest.raises(ControlError, match="not installed"):
            await slack.click(HERE, card["ts"], "add", "U0ANA")
        with pytest.raises(ControlError, match="not installed"):
            slack.uninstall()
        uninstalled, revoked = await events(slack, *ENDINGS)
        for end in (uninstalled, revoked):
            assert (end["team_id"], "authorizations" in end) == ("T0ACME", False)
        assert revoked["event"]["tokens"] == {"oauth": [], "bot": ["U0CASES"]}
        assert "anybody?" not in str(await events(slack))


async def test_after_a_new_installation_the_old_token_is_unknown(slack):
    old = (await installed(slack))["access_token"]
    async with httpx.AsyncClient() as client:
        await client.post(slack.url.replace("/api/", "/_sandbox/uninstall"))
    new = await installed(slack, scope="users:read")
    assert (new["access_token"] != old, new["scope"]) == (True, "users:read")
    assert await error_of(client_of(slack.url, old).auth_test()) == "invalid_auth"
    assert (await client_of(slack.url, new["access_token"]).auth_test())["ok"]


async def test_a_revoked_token_is_dead_and_only_that_is_told(slack):
    client = client_of(slack.url, (await installed(slack))["access_token"])
    assert not (await client.auth_revoke(test=True))["revoked"]
    assert (await client.auth_revoke())["revoked"]
    assert await error_of(client.auth_revoke()) == "account_inactive"
    assert [event["event"]["type"] for event in slack.events.sent] == ["tokens_revoked"]


async def test_an_app_that_is_not_subscribed_hears_nothing_of_its_end():
    async with SlackServer(MANIFEST) as slack:
        slack.uninstall()
        assert slack.events.sent == []


# Several workspaces


async def test_one_address_is_for_all_workspaces():
    manifest = distributed(MANIFEST)
    acme = SlackServer(manifest, **CLIENT)
    beta = SlackServer(manifest, team="T0BETA", team_name="Beta", **CLIENT)
    async with workspaces(acme, beta) as slack:
        tokens: list[str] = []
        for asked, team in (({}, "T0ACME"), ({"team": "T0BETA"}, "T0BETA")):
            _, _, back = await visit(slack.authorize_url, **ASKED, **asked)
            answer = await exchange(slack, code=back["code"], redirect_uri=BACK)
            assert answer["team"]["id"] == team
            tokens.append(answer["access_token"])
            assert (await client_of(slack.url, tokens[-1]).auth_test())["team_id"] == team
        await client_of(slack.url, tokens[1]).chat_postMessage(channel=HERE, text="hello")
        assert [len(each.conversations.top_level(HERE)) for each in slack.servers.values()] == [0, 1]
        assert await error_of(client_of(slack.url, "xoxb-never").auth_test()) == "invalid_auth"
        beta.uninstall()
        assert await error_of(client_of(slack.url, tokens[1]).auth_test()) == "account_inactive"
        assert (await client_of(slack.url, tokens[0]).auth_test())["ok"]
