"""The app manifest: the file to paste is what the code says, and asks for nothing more than is used."""

from pathlib import Path
from typing import Any

import pytest

from bot.slack.manifest import EVENTS, SCOPES, app_manifest, as_json, optional_scopes

PROJECT = Path(__file__).parents[2]
URL = "https://case-insights.example.com"


@pytest.mark.parametrize(
    ("name", "printed"),
    [("socket", as_json()), ("http", as_json(URL)), ("oauth", as_json(URL, oauth=True))],
    ids=["socket", "http", "oauth"],
)
def test_the_file_is_what_the_bot_prints(name: str, printed: str):
    assert (PROJECT / "manifests" / "slack" / f"{name}.json").read_text(encoding="utf-8") == printed + "\n"


def test_over_http_every_kind_of_request_has_its_address_and_socket_mode_is_off():
    made, at = app_manifest(URL), f"{URL}/slack/events"
    assert [command["url"] for command in made["features"]["slash_commands"]] == [at]
    assert made["settings"]["event_subscriptions"]["request_url"] == at
    assert made["settings"]["interactivity"] == {"is_enabled": True, "request_url": at, "message_menu_options_url": at}
    assert made["settings"]["socket_mode_enabled"] is False


def test_both_manifests_ask_for_the_same_but_for_the_way():
    def without_mode(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        of_the_mode = ("url", "request_url", "message_menu_options_url", "socket_mode_enabled")
        return {name: without_mode(each) for name, each in value.items() if name not in of_the_mode}

    over_http, over_sockets = without_mode(app_manifest(URL)), without_mode(app_manifest())
    (command,) = over_http["features"]["slash_commands"]
    over_http["features"]["slash_commands"] = [without_mode(command)]
    assert over_http == over_sockets


def test_workspaces_that_install_it_themselves_come_back_and_say_when_they_take_it_out():
    made = app_manifest(URL, oauth=True)
    assert made["oauth_config"]["redirect_urls"] == [f"{URL}/slack/oauth_redirect"]
    assert made["settings"]["org_deploy_enabled"] is True
    events = set(made["settings"]["event_subscriptions"]["bot_events"])
    assert events - set(EVENTS) == {"app_uninstalled", "tokens_revoked"}


def test_only_who_asks_for_reactions_has_their_scope_and_events():
    without, made = app_manifest(), app_manifest(reaction=True)
    optional = [each["oauth_config"]["scopes"]["bot_optional"] for each in (without, made)]
    assert optional[1] == [*optional[0], "reactions:read"]
    events = [set(each["settings"]["event_subscriptions"]["bot_events"]) for each in (without, made)]
    assert events[1] - events[0] == {"reaction_added", "reaction_removed"}


def test_every_scope_has_its_reason_and_the_readme_tells_it():
    assert app_manifest()["oauth_config"]["scopes"]["bot"] == list(SCOPES)
    assert all(SCOPES.values())
    document = (PROJECT / "docs" / "operating.md").read_text(encoding="utf-8")
    assert [scope for scope, reason in SCOPES.items() if f"| `{scope}` | {reason} |" not in document] == []
    optional = optional_scopes(reaction=True).items()
    assert [scope for scope, reason in optional if f"| `{scope}` (optional) | {reason} |" not in document] == []


def test_the_bot_never_asks_to_read_direct_messages_or_to_join_by_itself():
    refused = ("im:", "mpim:", "channels:join", "links:read", "chat:write.public")
    assert not [scope for scope in SCOPES if scope.startswith(refused)]


def test_every_event_has_the_scope_that_it_needs():
    needs = {
        "app_home_opened": "",
        "app_mention": "app_mentions:read",
        "message.channels": "channels:history",
        "message.groups": "groups:history",
    }
    assert needs.keys() == set(EVENTS)
    assert set(needs.values()) - {""} <= SCOPES.keys()


def test_the_names_keep_slacks_limits():
    made = app_manifest()
    assert len(made["display_information"]["name"]) <= 35
    assert len(made["display_information"]["description"]) <= 140
    assert len(made["features"]["bot_user"]["display_name"]) <= 80
    for shortcut in made["features"]["shortcuts"]:
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["description"]) <= 150
