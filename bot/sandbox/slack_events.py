"""Events: which of what happens reaches the app, and in which payload.

Only what the manifest subscribes to and a scope allows, and only from channels that the bot is in.
https://docs.slack.dev/reference/events/message
"""

import copy
import secrets
import time
from typing import Any

from bot.sandbox.slack_outbox import Outbox
from bot.sandbox.slack_people import OUR_APP, OUR_USER, Channel, Workspace

Json = dict[str, Any]

SCOPE_OF_EVENT = {
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "app_mention": "app_mentions:read",
}


class Events:
    """What the app is told. `sent` are the payloads of all events so far; `repeats` more copies go of each."""

    def __init__(self, subscribed: frozenset[str], scopes: set[str], workspace: Workspace, outbox: Outbox) -> None:
        self.subscribed = subscribed
        self.scopes = scopes
        self.workspace = workspace
        self.outbox = outbox
        self.sent: list[Json] = []
        self.repeats = 0

    def message(self, channel: Channel, event: Json) -> None:
        """Tell the app of a new, changed or deleted message, if it is to know."""
        kinds = {"channel": "message.channels", "group": "message.groups", "im": "message.im"}
        if not self._reaches_us(kinds[channel.kind], channel):
            return
        about = {"channel": channel.id, "event_ts": event["ts"], "channel_type": channel.kind}
        self._send({**event, **about}, is_shared=channel.is_ext_shared)

    def mention(self, channel: Channel, message: Json) -> None:
        """Tell the app that a message names it; this comes besides the `message` event, with an id of its own."""
        named = f"<@{OUR_USER}>" in message.get("text", "")
        if not named or message.get("user") == OUR_USER or not self._reaches_us("app_mention", channel):
            return
        kept = ("user", "text", "ts", "team", "blocks", "thread_ts", "parent_user_id", "client_msg_id", "files")
        fields = {name: message[name] for name in kept if name in message}
        about = {"type": "app_mention", "channel": channel.id, "event_ts": message["ts"]}
        self._send({**fields, **about}, is_shared=channel.is_ext_shared)

    def home_opened(self, user: str, view: Json | None) -> bool:
        """Tell the app that a person has opened its Home tab; whether it is subscribed to that."""
        if "app_home_opened" not in self.subscribed or not self.workspace.installed:
            return False
        at = f"{time.time():.6f}"
        event: Json = {"type": "app_home_opened", "user": user, "channel": f"D0{user[2:]}", "tab": "home"}
        self._send({**event, "event_ts": at, **({} if view is None else {"view": view})})
        return True

    def removed(self) -> None:
        """Tell the app that it was taken out, if it wants to know: its token is dead by then."""
        at = f"{time.time():.6f}"
        for event in (
            {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [OUR_USER]}},
            {"type": "app_uninstalled"},
        ):
            if event["type"] in self.subscribed:
                self._send({**event, "event_ts": at})

    def again(self, which: str, copies: int = 1, *, new_ids: bool = True) -> int:
        """Deliver the event with this id, or the first about the message with this ts, `copies` times more.

        Returns how many were sent: 0 when the app was never told of it.
        """
        found = next((one for one in self.sent if which in (one["event_id"], _about(one["event"]))), None)
        if found is None:
            return 0
        for _ in range(copies):
            self.outbox.deliver({**found, "event_id": _event_id()} if new_ids else found)
        return copies

    def _reaches_us(self, event: str, channel: Channel) -> bool:
        allowed = event in self.subscribed and SCOPE_OF_EVENT[event] in self.scopes
        return allowed and self.workspace.we_are_in(channel)

    def _send(self, event: Json, *, is_shared: bool = False) -> None:
        payload: Json = {
            "token": "sandbox",
            "team_id": self.workspace.team_id,
            "context_team_id": self.workspace.team_id,
            "context_enterprise_id": self.workspace.tenant.enterprise,
            "api_app_id": OUR_APP,
            "event": copy.deepcopy(event),
            "type": "event_callback",
            "event_id": _event_id(),
            "event_time": int(time.time()),
            "authorizations": [
                {**self.workspace.tenant.installation(), "user_id": OUR_USER, "is_bot": True},
            ],
            "is_ext_shared_channel": is_shared,
            "event_context": f"4-{secrets.token_urlsafe(24)}",
        }
        self.sent.append(payload)
        for number in range(1 + self.repeats):
            self.outbox.deliver({**payload, "event_id": _event_id()} if number else payload)


def _about(event: Json) -> str:
    """The ts of the message that an event is about; "" for the others."""
    return event.get("message", event.get("previous_message", event)).get("ts", "")


def _event_id() -> str:
    return f"Ev0{secrets.token_hex(5).upper()}"
