"""The app manifest: the file to paste is what the code says, and asks for nothing more than is used."""

from pathlib import Path

import yaml

from bot.manifest import EVENTS, SCOPES, as_yaml, manifest

SOCKET = Path(__file__).parent.parent / "manifests" / "slack" / "socket.yaml"


def test_the_file_is_what_the_bot_prints():
    assert SOCKET.read_text(encoding="utf-8") == as_yaml(manifest()) + "\n"


def test_the_file_reads_back_as_the_manifest():
    assert yaml.safe_load(SOCKET.read_text(encoding="utf-8")) == manifest()


def test_yaml_of_the_manifests_own_kinds_of_values_reads_back():
    value = {"a": {"b": {"c": True, "d": 1}, "e": ["message.channels", "chat:write"]}, "f": "x: y # z - 1, true"}
    assert yaml.safe_load(as_yaml(value)) == value


def test_every_scope_has_its_reason():
    assert all(SCOPES.values())
    assert manifest()["oauth_config"]["scopes"]["bot"] == list(SCOPES)


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
    said = manifest()
    assert len(said["display_information"]["name"]) <= 35
    assert len(said["display_information"]["description"]) <= 140
    assert len(said["features"]["bot_user"]["display_name"]) <= 80
    (shortcut,) = said["features"]["shortcuts"]
    assert len(shortcut["name"]) <= 24
    assert len(shortcut["description"]) <= 150


def test_the_readme_gives_every_scope_its_reason() -> None:
    readme = (SOCKET.parents[2] / "README.md").read_text(encoding="utf-8")
    missing = [scope for scope, reason in SCOPES.items() if f"| `{scope}` | {reason} |" not in readme]
    assert missing == []
