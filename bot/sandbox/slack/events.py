"""Events: which ones the app gets, and their payloads.

The app gets an event if the manifest subscribes to it, a scope allows it, and the bot is in the channel.
https://docs.slack.dev/reference/events/message
"""

import copy
import secrets
import time
from typing import Any

from bot.sandbox.slack.transport import Transport
from bot.sandbox.slack.workspace import OUR_APP, Channel, Workspace

Json = dict[str, Any]

SCOPE_OF_EVENT = {
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "app_mention": "app_mentions:read",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
}


class Events:
    """Sends events to the app. `sent` are all payloads so far; each is sent with `repeats` extra copies."""

    def __init__(self, subscribed: frozenset[str], workspace: Workspace, transport: Transport) -> None:
        self.subscribed = subscribed
        self.workspace = workspace
        self.transport = transport
        self.sent: list[Json] = []
        self.repeats = 0

    def message(self, channel: Channel, event: Json) -> None:
        """Send the event about a new, changed or deleted message, if the app gets it."""
        kinds = {"channel": "message.channels", "group": "message.groups", "im": "message.im"}
        if not self._is_sent(kinds[channel.kind], channel):
            return
        about = {"channel": channel.id, "event_ts": event["ts"], "channel_type": channel.kind}
        self.send({**event, **about}, is_shared=channel.is_ext_shared)

    def mention(self, channel: Channel, message: Json) -> None:
        """Send `app_mention` if the message names the app; it comes besides `message`, with its own id."""
        us = self.workspace.our_user
        named = f"<@{us}>" in message.get("text", "")
        if not named or message.get("user") == us or not self._is_sent("app_mention", channel):
            return
        kept = ("user", "text", "ts", "team", "blocks", "thread_ts", "parent_user_id", "client_msg_id", "files")
        fields = {name: message[name] for name in kept if name in message}
        about = {"type": "app_mention", "channel": channel.id, "event_ts": message["ts"]}
        self.send({**fields, **about}, is_shared=channel.is_ext_shared)

    def reaction(self, channel: Channel, kind: str, user: str, name: str, message: Json, at: str) -> None:
        """Send `reaction_added` or `reaction_removed`, if the app gets it; a webhook's message has no `item_user`.

        https://docs.slack.dev/reference/events/reaction_added
        """
        if not self._is_sent(kind, channel):
            return
        item = {"type": "message", "channel": channel.id, "ts": message["ts"], "channel_type": channel.kind}
        author = {"item_user": message["user"]} if "user" in message else {}
        event: Json = {"type": kind, "user": user, "reaction": name, **author, "item": item, "event_ts": at}
        self.send(event, is_shared=channel.is_ext_shared)

    def home_opened(self, user: str, view: Json | None) -> bool:
        """Send `app_home_opened`; False when the app is not subscribed to it."""
        if "app_home_opened" not in self.subscribed:
            return False
        at = f"{time.time():.6f}"
        event: Json = {"type": "app_home_opened", "user": user, "channel": f"D0{user[2:]}", "tab": "home"}
        self.send({**event, "event_ts": at, **({} if view is None else {"view": view})})
        return True

    def ended(self, *events: Json) -> None:
        """Send `tokens_revoked` or `app_uninstalled`.

        These events have no authorizations, and no `team_id` for an org-wide installation.
        https://docs.slack.dev/reference/events/app_uninstalled, …/tokens_revoked.
        """
        for event in events:
            if event["type"] in self.subscribed:
                payload = self._envelope({**event, "event_ts": f"{time.time():.6f}"})
                if self.workspace.installation.is_org_wide:
                    del payload["team_id"]
                self._deliver(payload)

    def redeliver(self, which: str, copies: int = 1, *, new_ids: bool = True) -> int:
        """Send the event with this id, or the first about the message with this ts, `copies` more times.

        Returns how many were sent: 0 when there was no such event.
        """
        sent = (payload for payload in self.sent if which in (payload["event_id"], _about(payload["event"])))
        first = next(sent, None)
        if first is None:
            return 0
        for _ in range(copies):
            self.transport.deliver({**first, "event_id": _event_id()} if new_ids else first)
        return copies

    def _is_sent(self, event: str, channel: Channel) -> bool:
        installation = self.workspace.installation
        allowed = event in self.subscribed and SCOPE_OF_EVENT[event] in installation.scopes
        return allowed and self.workspace.we_are_in(channel)

    def send(self, event: Json, *, is_shared: bool = False) -> None:
        """Send this event exactly as given, whatever the app is subscribed to."""
        workspace = self.workspace
        is_org_wide = workspace.installation.is_org_wide
        payload = self._envelope(event) | {
            "context_team_id": workspace.team_id,
            "context_enterprise_id": workspace.enterprise_id,
            "authorizations": [
                {
                    "enterprise_id": workspace.enterprise_id,
                    "team_id": None if is_org_wide else workspace.team_id,
                    "user_id": workspace.our_user,
                    "is_bot": True,
                    "is_enterprise_install": is_org_wide,
                }
            ],
            "is_ext_shared_channel": is_shared,
            "event_context": f"4-{secrets.token_urlsafe(24)}",
        }
        self._deliver(payload)

    def _envelope(self, event: Json) -> Json:
        """The fields around every event."""
        enterprise = self.workspace.enterprise_id
        return {
            "token": "sandbox",
            "team_id": self.workspace.team_id,
            **({} if enterprise is None else {"enterprise_id": enterprise}),
            "api_app_id": OUR_APP,
            "event": copy.deepcopy(event),
            "type": "event_callback",
            "event_id": _event_id(),
            "event_time": int(time.time()),
        }

    def _deliver(self, payload: Json) -> None:
        self.sent.append(payload)
        for number in range(1 + self.repeats):
            self.transport.deliver({**payload, "event_id": _event_id()} if number else payload)


def _about(event: Json) -> str:
    """The ts of the message that an event is about; "" for the others."""
    return event.get("message", event.get("previous_message", event)).get("ts", "")


def _event_id() -> str:
    return f"Ev0{secrets.token_hex(5).upper()}"
