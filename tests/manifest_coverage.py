"""What of Slack the suite's end-to-end tests made the bot use: scopes, events and listeners, from the journal of calls.

At the end of a whole run this must be what the manifest asks for, no more and no less: `conftest` compares.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bot.sandbox.control.journal import Call
from bot.sandbox.slack.events import SCOPE_OF_EVENT
from bot.sandbox.slack.reading_methods import HISTORY_SCOPES, READ_SCOPES
from bot.sandbox.slack.web_api import METHODS
from bot.slack.manifest import EVENTS, OAUTH_EVENTS, OPTIONAL_SCOPES, SCOPES

Json = dict[str, Any]

LISTENED = frozenset(
    {
        *("insights.select", "insights.add", "insights.edit", "insights.dismiss", "insights.cancel", "insights.retry"),
        *("insights.undo", "insights.more", "insights.modal", "case.open", "case.search", "add_to_case", "/insight"),
        *("tie.yes", "tie.no", "tie.undo", "mode.ask", "mode.off", "home.retry", "home.untie", "home.ask"),
    }
)
"""Pinned: cards in old threads use them for years, and the Slack app's settings name some."""
USED: dict[str, set[str]] = {"scopes": set(), "events": set(), "listeners": set()}


def note(calls: Iterable[Call], private: frozenset[str]) -> None:
    """Remember what these calls used; `private` are the ids of private channels."""
    for call in calls:
        mode, _, kind = call.method.partition(":")
        if call.service == "slack" and kind and kind != "url_verification":
            _note_told(kind, call.arguments["payload" if mode == "socket" else "body"])
        elif call.service == "slack" and call.method in METHODS:
            USED["scopes"] |= _scopes(call, private)


def _note_told(kind: str, payload: Mapping[str, Any]) -> None:
    match kind:
        case "events_api":
            event = payload["event"]
            kinds = {"channel": "message.channels", "group": "message.groups", None: "message.channels"}
            name = kinds.get(event.get("channel_type"))
            USED["events"].add(name if event["type"] == "message" and name else event["type"])
        case "slash_commands":
            USED["listeners"].add(payload["command"])
        case _:
            said = [
                payload.get("action_id"),
                payload.get("callback_id"),
                (payload.get("view") or {}).get("callback_id"),
            ]
            actions = [action["action_id"] for action in payload.get("actions") or ()]
            USED["listeners"] |= {each for each in (actions or said) if each}
    USED["scopes"] |= {"commands"} if "/insight" in USED["listeners"] else set()
    USED["scopes"] |= {scope for event, scope in SCOPE_OF_EVENT.items() if event in USED["events"]}


def _scopes(call: Call, private: frozenset[str]) -> set[str]:
    """Those that this call needed, of the ones with which Slack allows its method."""
    scopes = METHODS[call.method].scopes
    if scopes not in (HISTORY_SCOPES, READ_SCOPES):
        return set(scopes)
    kinds = {"private_channel": "groups", "public_channel": "channels"}
    asked = str(call.arguments.get("types") or "").split(",")
    wanted = {kinds[kind] for kind in asked if kind in kinds}
    wanted = wanted or {"groups" if call.arguments.get("channel") in private else "channels"}
    return {scope for scope in scopes if scope.partition(":")[0] in wanted}


def differences() -> list[str]:
    """What the manifest asks for and nothing used, or the other way round."""
    wanted = {"scopes": {*SCOPES, *OPTIONAL_SCOPES}, "events": {*EVENTS, *OAUTH_EVENTS}, "listeners": {*LISTENED}}
    found: list[str] = []
    for what, named in wanted.items():
        found += [f"{what}: {each} is in the manifest, and no test used it" for each in sorted(named - USED[what])]
        found += [f"{what}: {each} was used and is not in the manifest" for each in sorted(USED[what] - named)]
    return found


def told() -> dict[str, list[str]]:
    """What this process noted, for the one that collects it."""
    return {what: sorted(said) for what, said in USED.items()}


def collect(said: Mapping[str, Iterable[str]]) -> None:
    for what, names in said.items():
        USED[what] |= set(names)
