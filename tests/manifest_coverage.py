"""Which scopes, events and listeners the end-to-end tests used, from the sandbox's journal of calls.

At the end of a whole run, `conftest` compares them with the manifest: nothing may be missing or unused.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bot.sandbox.control.journal import Call
from bot.sandbox.slack.events import SCOPE_OF_EVENT
from bot.sandbox.slack.reading_methods import HISTORY_SCOPES, READ_SCOPES
from bot.sandbox.slack.web_api import METHODS
from bot.slack.manifest import EVENTS, OAUTH_EVENTS, REACTION_EVENTS, SCOPES, optional_scopes

Json = dict[str, Any]

LISTENED = frozenset(
    {
        *("insights.select", "insights.add", "insights.edit", "insights.dismiss", "insights.cancel", "insights.retry"),
        *(
            "insights.undo",
            "insights.more",
            "insights.add_back",
            "insights.show",
            "insights.channel",
            "insights.modal",
            "insights.change",
            "case.open",
            "case.search",
            "add_to_case",
            "create_case",
            "case.new",
            "case.modal",
            "case.project",
            "case.type",
            "/insight",
        ),
        *("tie.yes", "tie.no", "tie.undo", "mode.ask", "mode.off", "home.retry", "home.untie", "home.ask"),
    }
)
"""Pinned: cards in old threads use them for years, and the settings of the Slack app name some."""
USED: dict[str, set[str]] = {"scopes": set(), "events": set(), "listeners": set()}


def note(calls: Iterable[Call], private: frozenset[str]) -> None:
    """Note what these calls used; `private` are the ids of private channels."""
    for call in calls:
        mode, _, kind = call.method.partition(":")
        if call.service == "slack" and kind and kind != "url_verification":
            _note_payload(kind, call.arguments["payload" if mode == "socket" else "body"])
        elif call.service == "slack" and call.method in METHODS:
            USED["scopes"] |= _scopes(call, private)


def _note_payload(kind: str, payload: Mapping[str, Any]) -> None:
    match kind:
        case "events_api":
            event = payload["event"]
            kinds = {"channel": "message.channels", "group": "message.groups", None: "message.channels"}
            name = kinds.get(event.get("channel_type"))
            USED["events"].add(name if event["type"] == "message" and name else event["type"])
        case "slash_commands":
            USED["listeners"].add(payload["command"])
        case _:
            view = payload.get("view") or {}
            ids = [payload.get("action_id"), payload.get("callback_id"), view.get("callback_id")]
            actions = [action["action_id"] for action in payload.get("actions") or ()]
            USED["listeners"] |= {name for name in (actions or ids) if name}
    USED["scopes"] |= {"commands"} if "/insight" in USED["listeners"] else set()
    USED["scopes"] |= {scope for event, scope in SCOPE_OF_EVENT.items() if event in USED["events"]}


def _scopes(call: Call, private: frozenset[str]) -> set[str]:
    """The scopes that this call needed: Slack allows some methods with any of several."""
    scopes = METHODS[call.method].scopes
    if scopes not in (HISTORY_SCOPES, READ_SCOPES):
        return set(scopes)
    kinds = {"private_channel": "groups", "public_channel": "channels"}
    types = str(call.arguments.get("types") or "").split(",")
    wanted = {kinds[kind] for kind in types if kind in kinds}
    wanted = wanted or {"groups" if call.arguments.get("channel") in private else "channels"}
    return {scope for scope in scopes if scope.partition(":")[0] in wanted}


def differences() -> list[str]:
    """What is in the manifest and unused, or used and not in the manifest."""
    wanted = {
        "scopes": {*SCOPES, *optional_scopes(reaction=True)},
        "events": {*EVENTS, *OAUTH_EVENTS, *REACTION_EVENTS},
        "listeners": {*LISTENED},
    }
    lines: list[str] = []
    for what, named in wanted.items():
        lines += [f"{what}: {name} is in the manifest, and no test used it" for name in sorted(named - USED[what])]
        lines += [f"{what}: {name} was used and is not in the manifest" for name in sorted(USED[what] - named)]
    return lines


def as_json() -> dict[str, list[str]]:
    """What this process noted, for `collect` in the main process."""
    return {what: sorted(names) for what, names in USED.items()}


def collect(used: Mapping[str, Iterable[str]]) -> None:
    for what, names in used.items():
        USED[what] |= set(names)
