"""The workspace of one's choice, and the app's way in and out of it: OAuth as Slack has it, with its refusals."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.control import ControlError
from bot.sandbox.slack.server import SlackServer
from sandbox.slack.conftest import HERE, MANIFEST, button
from sandbox.slack.test_http_mode import SECRET, over_http
from tests.e2e.workspaces import workspaces

Json = dict[str, Any]

# slack_sdk's oauth_v2_access uses what aiohttp will not have any more in its version 4.
pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")

CLIENT: Json = {"client_id": "1.2", "client_secret": "very-secret"}
BACK = "https://cases.example/slack/oauth_redirect"
SCOPES = "commands,chat:write,channels:history"
ASKED: Json = {"client_id": "1.2", "scope": SCOPES, "state": "s 1", "redirect_uri": BACK}
ENDINGS = ["app_uninstalled", "tokens_revoked"]


def distributed(manifest: Json, *, org_deploy: bool = False) -> Json:
    """This manifest, for an app that others install, too."""
    subscriptions: Json = manifest["settings"]["event_subscriptions"]
    events = [*subscriptions["bot_events"], *ENDINGS]
    return {
        **manifest,
        "oauth_config": {**manifest["oauth_config"], "redirect_urls": ["https://other.example/", BACK]},
        "settings": {
            **manifest["settings"],
            "event_subscriptions": {**subscriptions, "bot_events": events},
            "org_deploy_enabled": org_deploy,
        },
    }


class Listening:
    """A Slack over HTTP with an app that takes everything; `told` are the payloads of its events."""

    def __init__(self, slack: SlackServer) -> None:
        self.slack = slack

    async def told(self) -> list[Json]:
        await self.slack.control.until(lambda: not self.slack.transport.undelivered, what="acknowledgements")
        return [call.arguments["body"] for call in self.slack.control.matching("slack", "http:events_api")]

    async def told_of_ends(self) -> list[Json]:
        """In this order here, though they may arrive in any."""
        ends = [each for each in await self.told() if each["event"]["type"] in ENDINGS]
        return sorted(ends, key=lambda each: ENDINGS.index(each["event"]["type"]))

    def asked(self, kind: str) -> Json:
        return self.slack.control.matching("slack", f"http:{kind}")[-1].arguments["body"]


@asynccontextmanager
async def listening(*, org_deploy: bool = False, **options: Any) -> AsyncIterator[Listening]:
    async def take(request: web.Request) -> web.Response:
        body = await request.json() if request.content_type == "application/json" else {}
        return web.Response(text=body.get("challenge", ""))

    app = web.Application()
    app.router.add_post("/slack/events", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    manifest = over_http(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
    try:
        made = SlackServer(distributed(manifest, org_deploy=org_deploy), signing_secret=SECRET, **options)
        async with made as slack:
            await slack.verify_request_url()
            yield Listening(slack)
    finally:
        await runner.cleanup()


def client_of(url: str, token: str | None = None) -> AsyncWebClient:
    return AsyncWebClient(token=token, base_url=url, retry_handlers=[])


async def visit(url: str, **asked: str) -> tuple[int, str, dict[str, str]]:
    """Open the page and press Allow: the status, the words on the page, and what the app is sent back."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{url}?{urlencode(asked)}", allow_redirects=False) as response,
    ):
        query = urlsplit(response.headers.get("Location", "")).query
        return response.status, await response.text(), {name: value for name, (value,) in parse_qs(query).items()}


def page(slack: SlackServer) -> str:
    return slack.url.replace("/api/", "/oauth/v2/authorize")


async def allowed(slack: SlackServer, **other: str) -> str:
    """The code for an installation."""
    status, words, back = await visit(page(slack), **{**ASKED, **other})
    assert status == 302, words
    return back["code"]


async def installed(slack: SlackServer, **other: str) -> Json:
    code = await allowed(slack, **other)
    answer = await client_of(slack.url).oauth_v2_access(code=code, redirect_uri=BACK, **CLIENT)
    assert isinstance(answer.data, dict)
    return answer.data


async def refusal(slack: SlackServer, **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        await client_of(slack.url).oauth_v2_access(**{**CLIENT, **arguments})
    return refused.value.response["error"]


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    """Not installed, but to be had for the asking."""
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


async def test_a_stranger_is_never_of_the_workspace():
    async with SlackServer(MANIFEST, team="T0OTHER") as slack:
        client = client_of(slack.url, "xoxb-sandbox")
        assert (await client.users_info(user="U0STRANGER"))["user"]["team_id"] == "T0ACME"


async def test_a_workspace_of_an_enterprise_says_so_everywhere():
    async with listening(enterprise="E0CORP") as app:
        slack = app.slack
        client = client_of(slack.url, "xoxb-sandbox")
        me = await client.auth_test()
        assert (me["team_id"], me["enterprise_id"], me["is_enterprise_install"]) == ("T0ACME", "E0CORP", False)
        person = (await client.users_info(user="U0ANA"))["user"]["enterprise_user"]
        assert (person["enterprise_id"], person["teams"]) == ("E0CORP", ["T0ACME"])
        assert "enterprise_user" not in (await client.users_info(user="U0STRANGER"))["user"]
        slack.message(HERE, "U0ANA", "hello")
        (event,) = await app.told()
        assert (event["team_id"], event["enterprise_id"]) == ("T0ACME", "E0CORP")
        assert event["authorizations"] == [
            {
                "enterprise_id": "E0CORP",
                "team_id": "T0ACME",
                "user_id": "U0CASES",
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ]
        card = await client.chat_postMessage(channel=HERE, text="card", blocks=[button()])
        await slack.click(HERE, card["ts"], "add", "U0ANA")
        click = app.asked("interactive")
        assert click["team"] == {"id": "T0ACME", "domain": "acme", "enterprise_id": "E0CORP", "enterprise_name": "Corp"}
        assert (click["enterprise"], click["is_enterprise_install"]) == ({"id": "E0CORP", "name": "Corp"}, False)
        await slack.command(HERE, "U0ANA", "/insight", "help")
        command = app.asked("slash_commands")
        assert (command["enterprise_id"], command["enterprise_name"]) == ("E0CORP", "Corp")
        assert command["is_enterprise_install"] == "false"


async def test_an_org_wide_installation_is_the_enterprises_and_no_workspaces():
    async with listening(org_deploy=True, enterprise="E0CORP", org_wide=True, **CLIENT) as app:
        slack = app.slack
        answer = await installed(slack, scope=f"{SCOPES},channels:read,usergroups:read")
        assert answer["team"] is None
        assert (answer["enterprise"], answer["is_enterprise_install"]) == ({"id": "E0CORP", "name": "Corp"}, True)
        client = client_of(slack.url, answer["access_token"])
        me = await client.auth_test()
        assert (me["team_id"], me["enterprise_id"], me["is_enterprise_install"]) == ("E0CORP", "E0CORP", True)
        assert (me["team"], me["url"]) == ("Corp", "https://corp.enterprise.slack.com/")
        slack.message(HERE, "U0ANA", "hello")
        (event,) = await app.told()
        (authorization,) = event["authorizations"]
        assert (event["team_id"], event["enterprise_id"]) == ("T0ACME", "E0CORP")
        assert (authorization["team_id"], authorization["is_enterprise_install"]) == (None, True)
        card = await client.chat_postMessage(channel=HERE, text="card", blocks=[button()])
        await slack.click(HERE, card["ts"], "add", "U0ANA")
        click = app.asked("interactive")
        assert (click["team"], click["user"]["team_id"], click["is_enterprise_install"]) == (None, "T0ACME", True)
        view = {"type": "modal", "title": {"type": "plain_text", "text": "Add"}, "blocks": [button()]}
        shown = (await client.views_open(trigger_id=click["trigger_id"], view=view))["view"]
        assert (shown["app_installed_team_id"], shown["team_id"]) == ("E0CORP", "T0ACME")
        await slack.command(HERE, "U0ANA", "/insight", "help")
        assert app.asked("slash_commands")["is_enterprise_install"] == "true"
        assert app.asked("slash_commands")["team_id"] == "T0ACME"
        slack.uninstall()
        ends = await app.told_of_ends()
        assert [(each["enterprise_id"], "team_id" in each) for each in ends] == [("E0CORP", False)] * 2


@pytest.mark.parametrize("method", ["users.conversations", "usergroups.users.list"])
async def test_an_org_wide_token_must_say_which_workspace_it_means(method):
    manifest = distributed(MANIFEST, org_deploy=True)
    async with SlackServer(manifest, enterprise="E0CORP", org_wide=True) as slack:
        slack.workspace.user_groups["S0ONCALL"] = ["U0ANA"]
        client = client_of(slack.url, "xoxb-sandbox")
        for team, error in (({}, "missing_argument"), ({"team_id": "T0ELSE"}, "team_access_not_granted")):
            with pytest.raises(SlackApiError, match=error):
                await client.api_call(method, params={"usergroup": "S0ONCALL", **team})
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
    with pytest.raises(SlackApiError, match="invalid_auth"):
        await client_of(slack.url, "xoxb-sandbox").auth_test()
    ts = slack.message(HERE, "U0ANA", "@Case Insights hello")["ts"]
    assert slack.events.sent == []
    with pytest.raises(ControlError, match="not installed"):
        await slack.command(HERE, "U0ANA", "/insight")
    with pytest.raises(ControlError, match="not installed"):
        await slack.shortcut(HERE, ts, "U0ANA", "add_to_case")
    with pytest.raises(ControlError, match="not installed"):
        slack.home("U0ANA")
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
    code = await allowed(slack, redirect_uri="")
    assert await refusal(slack, code=code, redirect_uri=BACK) == "bad_redirect_uri"
    assert (await client_of(slack.url).oauth_v2_access(code=code, **CLIENT))["ok"]


async def test_an_enterprise_installs_only_an_app_that_is_enabled_for_it():
    async with SlackServer(distributed(MANIFEST), enterprise="E0CORP", org_wide=True, **CLIENT) as slack:
        status, words, _ = await visit(page(slack), **ASKED)
        assert (status, words.partition(":")[0]) == (400, "org_deploy_not_enabled")


async def test_an_app_without_a_client_id_is_installed_by_nobody():
    async with SlackServer(MANIFEST) as slack:
        assert (await visit(page(slack), **ASKED))[1].startswith("invalid_client_id")
        assert await refusal(slack, code="1.2.3") == "invalid_client_id"


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
    with pytest.raises(SlackApiError, match="missing_scope"):
        await client.users_info(user="U0ANA")
    slack.events.sent.clear()
    slack.message(HERE, "U0ANA", "@Case Insights hello")
    assert [event["event"]["type"] for event in slack.events.sent] == ["message"], "app_mentions:read was not granted"


async def test_the_client_id_and_secret_may_be_arguments(slack):
    code = await allowed(slack)
    fields = {**CLIENT, "code": code, "redirect_uri": BACK}
    async with aiohttp.ClientSession() as session, session.post(f"{slack.url}oauth.v2.access", data=fields) as response:
        assert (await response.json())["ok"]


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
    good: Json = {"code": await allowed(slack), "redirect_uri": BACK}
    assert await refusal(slack, **{**good, **other}) == error
    assert not slack.installed
    assert (await client_of(slack.url).oauth_v2_access(**good, **CLIENT))["ok"]


async def test_a_code_works_once_and_not_for_ever(slack):
    code = await allowed(slack)
    await client_of(slack.url).oauth_v2_access(code=code, redirect_uri=BACK, **CLIENT)
    assert await refusal(slack, code=code, redirect_uri=BACK) == "code_already_used"
    slack.oauth.lifetime = -1.0
    assert await refusal(slack, code=await allowed(slack), redirect_uri=BACK) == "invalid_code"


# The end


async def test_uninstalling_ends_the_token_and_the_app_hears_of_it_and_of_nothing_more():
    async with listening(**CLIENT) as app:
        slack = app.slack
        client = client_of(slack.url, (await installed(slack))["access_token"])
        card = await client.chat_postMessage(channel=HERE, text="card", blocks=[button()])
        slack.uninstall()
        slack.message(HERE, "U0ANA", "anybody?")
        with pytest.raises(SlackApiError, match="account_inactive"):
            await client.auth_test()
        with pytest.raises(ControlError, match="not installed"):
            await slack.click(HERE, card["ts"], "add", "U0ANA")
        with pytest.raises(ControlError, match="not installed"):
            slack.uninstall()
        uninstalled, revoked = await app.told_of_ends()
        for each in (uninstalled, revoked):
            assert (each["team_id"], "authorizations" in each) == ("T0ACME", False)
        assert revoked["event"]["tokens"] == {"oauth": [], "bot": ["U0CASES"]}
        assert "anybody?" not in str(await app.told())


async def test_after_a_new_installation_the_old_token_is_unknown(slack):
    old = (await installed(slack))["access_token"]
    async with aiohttp.ClientSession() as session:
        await session.post(slack.url.replace("/api/", "/_sandbox/uninstall"))
    new = await installed(slack, scope="users:read")
    assert (new["access_token"] != old, new["scope"]) == (True, "users:read")
    with pytest.raises(SlackApiError, match="invalid_auth"):
        await client_of(slack.url, old).auth_test()
    assert (await client_of(slack.url, new["access_token"]).auth_test())["ok"]


async def test_a_revoked_token_is_dead_and_only_that_is_told(slack):
    client = client_of(slack.url, (await installed(slack))["access_token"])
    assert not (await client.auth_revoke(test=True))["revoked"]
    assert (await client.auth_revoke())["revoked"]
    with pytest.raises(SlackApiError, match="account_inactive"):
        await client.auth_revoke()
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
            code = back["code"]
            answer = await client_of(slack.url).oauth_v2_access(code=code, redirect_uri=BACK, **CLIENT)
            assert answer["team"]["id"] == team
            tokens.append(answer["access_token"])
            assert (await client_of(slack.url, tokens[-1]).auth_test())["team_id"] == team
        await client_of(slack.url, tokens[1]).chat_postMessage(channel=HERE, text="hello")
        assert [len(each.conversations.top_level(HERE)) for each in slack.servers.values()] == [0, 1]
        with pytest.raises(SlackApiError, match="invalid_auth"):
            await client_of(slack.url, "xoxb-never").auth_test()
        beta.uninstall()
        with pytest.raises(SlackApiError, match="account_inactive"):
            await client_of(slack.url, tokens[1]).auth_test()
        assert (await client_of(slack.url, tokens[0]).auth_test())["ok"]
