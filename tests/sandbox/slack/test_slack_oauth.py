"""The sandbox's OAuth refuses what Slack refuses."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.manifest import manifest
from bot.sandbox.slack import SlackServer
from bot.sandbox.slack_people import Tenant

Json = dict[str, Any]

ID, SECRET = "111.222", "sandbox-client-secret"
BACK = "https://bot.example.com/slack/oauth_redirect"
ASK = {"client_id": ID, "scope": "channels:history,chat:write", "redirect_uri": BACK, "state": "s1"}


def distributed(**more: Any) -> SlackServer:
    return SlackServer(manifest("https://bot.example.com", oauth=True), client=(ID, SECRET), **more)


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with distributed() as server:
        yield server


async def asked(server: SlackServer, **change: str) -> httpx.Response:
    async with httpx.AsyncClient() as browser:
        query = {**ASK, **change}
        return await browser.get(f"{server.url.removesuffix('/api/')}/oauth/v2/authorize", params=query)


async def code(server: SlackServer, **change: str) -> str:
    back = await asked(server, **change)
    assert back.status_code == 302
    assert back.headers["location"].startswith(f"{BACK}?")
    query = parse_qs(urlsplit(back.headers["location"]).query)
    assert query["state"] == ["s1"]
    return query["code"][0]


async def access(server: SlackServer, given: str, **change: str) -> Json:
    """As slack_sdk asks: the client in the header, the rest as a form."""
    client = {"client_id": ID, "client_secret": SECRET, **change}
    auth = (client.pop("client_id"), client.pop("client_secret"))
    async with httpx.AsyncClient() as app:
        form = {"code": given, "redirect_uri": BACK, **client}
        return (await app.post(f"{server.url}oauth.v2.access", data=form, auth=auth)).json()


async def refusal(server: SlackServer, given: str, **change: str) -> str:
    said = await access(server, given, **change)
    assert said["ok"] is False
    return str(said["error"])


async def test_until_it_is_installed_the_token_opens_nothing_and_nothing_is_told(slack: SlackServer) -> None:
    with pytest.raises(SlackApiError, match="invalid_auth"):
        await AsyncWebClient("xoxb-sandbox", base_url=slack.url).auth_test()
    slack.message("C0INCIDENTS", "U0ANA", "hello")
    assert slack.events.sent == []
    assert (await access(slack, await code(slack)))["access_token"] == "xoxb-sandbox"
    assert (await AsyncWebClient("xoxb-sandbox", base_url=slack.url).auth_test())["team_id"] == "T0ACME"
    slack.message("C0INCIDENTS", "U0ANA", "hello")
    assert [event["event"]["type"] for event in slack.events.sent] == ["message"]


async def test_a_code_is_worth_a_token_with_the_scopes_that_were_asked_for_once(slack: SlackServer) -> None:
    given = await code(slack)
    said = await access(slack, given)
    assert said["team"] == {"id": "T0ACME", "name": "Acme"}
    assert (said["enterprise"], said["is_enterprise_install"], said["scope"]) == (
        None,
        False,
        "channels:history,chat:write",
    )
    assert slack.scopes == {"channels:history", "chat:write"}
    assert await refusal(slack, given) == "code_already_used"


async def test_an_app_in_a_whole_grid_has_no_team() -> None:
    tenant = Tenant("T0PART", "Part", "part", enterprise="E0GRID", org_wide=True)
    async with distributed(tenant=tenant) as slack:
        said = await access(slack, await code(slack))
        assert (said["team"], said["enterprise"]["id"], said["is_enterprise_install"]) == (None, "E0GRID", True)
        slack.message("C0INCIDENTS", "U0ANA", "hello")
        [authorization] = slack.events.sent[0]["authorizations"]
        assert (authorization["enterprise_id"], authorization["is_enterprise_install"]) == ("E0GRID", True)
        assert slack.workspace.users["U0ANA"].as_json()["enterprise_user"]["enterprise_id"] == "E0GRID"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"client_id": "other"}, "invalid_client_id"),
        ({"redirect_uri": "https://evil.example/"}, "bad_redirect_uri"),
        ({"redirect_uri": f"{BACK}/more"}, "bad_redirect_uri"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "chat:write,admin"}, "invalid_scope"),
        ({"user_scope": "identify"}, "invalid_scope"),
    ],
)
async def test_the_browser_is_not_sent_back_with_what_slack_refuses(
    slack: SlackServer, change: dict[str, str], error: str
) -> None:
    said = await asked(slack, **change)
    assert (said.status_code, error in said.text) == (400, True)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"client_id": "other"}, "invalid_client_id"),
        ({"client_secret": "other"}, "bad_client_secret"),
        ({"redirect_uri": "https://bot.example.com/other"}, "bad_redirect_uri"),
    ],
)
async def test_a_token_is_for_the_client_alone(slack: SlackServer, change: dict[str, str], error: str) -> None:
    given = await code(slack)
    assert await refusal(slack, given, **change) == error
    assert await refusal(slack, "made-up") == "invalid_code"
    assert not slack.workspace.installed


async def test_a_whole_grid_takes_only_an_app_whose_manifest_says_so() -> None:
    built = manifest("https://bot.example.com", oauth=True)
    built["settings"]["org_deploy_enabled"] = False
    tenant = Tenant(enterprise="E0GRID", org_wide=True)
    async with SlackServer(built, client=(ID, SECRET), tenant=tenant) as slack:
        assert "org_deploy_not_enabled" in (await asked(slack)).text


async def test_an_app_that_is_taken_out_hears_that_and_nothing_more(slack: SlackServer) -> None:
    await access(slack, await code(slack))
    slack.uninstall()
    with pytest.raises(SlackApiError, match="account_inactive"):
        await AsyncWebClient("xoxb-sandbox", base_url=slack.url).auth_test()
    slack.message("C0INCIDENTS", "U0ANA", "hello")
    told = [event["event"] for event in slack.events.sent]
    assert [event["type"] for event in told] == ["tokens_revoked", "app_uninstalled"]
    assert told[0]["tokens"] == {"oauth": [], "bot": ["U0CASES"]}


async def test_a_token_that_is_given_back_is_dead(slack: SlackServer) -> None:
    await access(slack, await code(slack))
    client = AsyncWebClient("xoxb-sandbox", base_url=slack.url)
    assert (await client.auth_revoke())["revoked"]
    with pytest.raises(SlackApiError, match="account_inactive"):
        await client.auth_test()
