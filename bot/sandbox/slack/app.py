"""The app in its workspace: all parts of the sandbox's Slack except serving requests."""

from typing import Any

from bot.sandbox.control import Control, ControlError
from bot.sandbox.slack.clicks import Clicks
from bot.sandbox.slack.conversations import Conversations, Posted
from bot.sandbox.slack.events import Events
from bot.sandbox.slack.http_mode import HttpMode
from bot.sandbox.slack.interactions import Interactions
from bot.sandbox.slack.methods import permalink
from bot.sandbox.slack.oauth import Client, OAuth
from bot.sandbox.slack.response_urls import ResponseUrls
from bot.sandbox.slack.snapshot import snapshot
from bot.sandbox.slack.socket_mode import SocketMode
from bot.sandbox.slack.transport import Transport
from bot.sandbox.slack.triggers import Triggers
from bot.sandbox.slack.views import View, Views
from bot.sandbox.slack.workspace import Channel, User, Workspace

Json = dict[str, Any]


class InstalledApp:
    """The app of `manifest` in one workspace. See `SlackServer`."""

    def __init__(
        self,
        manifest: Json,
        workspace: Workspace,
        client: Client | None,
        control: Control | None,
        ack_seconds: float,
        retry_delays: tuple[float, ...],
        signing_secret: str | None,
    ) -> None:
        self.manifest = manifest
        self.control = control or Control()
        self.workspace = workspace
        settings = manifest.get("settings", {})
        subscribed: list[str] = settings.get("event_subscriptions", {}).get("bot_events", [])
        interactive = bool(settings.get("interactivity", {}).get("is_enabled"))
        timing = (self.control, ack_seconds, retry_delays)
        self.socket = SocketMode(*timing, enabled=bool(settings.get("socket_mode_enabled")))
        self.http = None if signing_secret is None else HttpMode(manifest, signing_secret, *timing)
        # An app with Socket Mode on gets nothing over HTTP.
        self.transport: Transport = self.socket if self.http is None or self.socket.enabled else self.http
        self.events = Events(frozenset(subscribed), self.workspace, self.transport)
        self.conversations = Conversations(self.workspace, self.events, self.control)
        self.response_urls = ResponseUrls(self.conversations, self.control)
        self.triggers = Triggers()
        self.views = Views(self.workspace, self.control)
        parts = (self.conversations, self.transport, self.response_urls, self.triggers, self.host_and_port)
        self.clicks = Clicks(*parts, enabled=interactive)
        self.interactions = Interactions(manifest, self.events, self.views, *parts)
        self.oauth = OAuth(manifest, client, self.workspace, self.control)
        self.address: tuple[str, int] | None = None
        self.control.on_reset(self.forget)

    @property
    def scopes(self) -> set[str]:
        """The bot token's scopes, optional ones included. Remove one to test the app without it."""
        return self.workspace.installation.scopes

    def host_and_port(self) -> str:
        """Where it is served. Raises RuntimeError before that."""
        if self.address is None:
            raise RuntimeError("The server has not been started.")
        return f"{self.address[0]}:{self.address[1]}"

    def forget(self) -> None:
        """Forget messages, views and pending deliveries; people, channels and websockets stay."""
        self.transport.forget_deliveries()
        self.conversations.forget()
        self.views.forget()
        self.events.sent.clear()
        self.events.repeats = 0

    # Who and where

    def add_user(self, **fields: Any) -> User:
        """Add a person: the fields of `User`."""
        ours: Json = {"team_id": self.workspace.team_id, "enterprise_id": self.workspace.enterprise_id}
        user = User(**{**ours, **fields})
        self.workspace.users[user.id] = user
        self.control.publish("people", {"user": user.id})
        return user

    def add_channel(self, **fields: Any) -> Channel:
        """Add a channel: the fields of `Channel`; `members` is a set of user ids."""
        channel = Channel(**fields)
        self.workspace.channels[channel.id] = channel
        self.control.publish("people", {"channel": channel.id})
        return channel

    def join(self, channel: str, user: str | None = None) -> None:
        """Add this person, or our bot, to a channel."""
        self.channel(channel).members.add(user or self.workspace.our_user)
        self.control.publish("people", {"channel": channel})

    # Installing and removing the app

    @property
    def installed(self) -> bool:
        return self.workspace.installation.active

    @property
    def deny(self) -> bool:
        """Whether people press Cancel instead of Allow when asked to install the app."""
        return self.oauth.deny

    @deny.setter
    def deny(self, deny: bool) -> None:
        self.oauth.deny = deny

    def uninstall(self) -> None:
        """An admin removes the app: it gets the events about that, if subscribed, and its token is revoked."""
        self._end({"type": "app_uninstalled"})

    def revoke(self) -> None:
        """The bot token is revoked (`auth.revoke`); that alone does not uninstall the app."""
        self._end()

    def _end(self, *events: Json) -> None:
        if not self.installed:
            raise ControlError("The app is not installed.")
        self.workspace.installation.end()
        self.transport.forget_deliveries()
        self.views.forget()
        self.response_urls.forget()
        revoked = {"oauth": list[str](), "bot": [self.workspace.our_user]}
        self.events.ended(*events, {"type": "tokens_revoked", "tokens": revoked})

    # What Slack does

    @property
    def private(self) -> list[Json]:
        """Messages that only one person sees: `user, channel, thread_ts, ts, text, blocks, via`."""
        return self.conversations.private

    @property
    def repeat_events(self) -> int:
        """How many extra copies of every event are sent, each with its own id."""
        return self.events.repeats

    @repeat_events.setter
    def repeat_events(self, copies: int) -> None:
        self.events.repeats = copies

    def redeliver(self, event: str, copies: int = 1, *, new_ids: bool = True) -> int:
        """Send the event with this id, or the first about the message with this ts, again: how many were sent."""
        return self.events.redeliver(event, copies, new_ids=new_ids)

    def drop_socket(self) -> int:
        """Cut the app's websockets without a close frame; returns how many."""
        return self.socket.drop()

    async def refresh(self, reason: str = "refresh_requested") -> int:
        """Ask the app to reconnect (also `warning`, `link_disabled`); returns how many websockets were told."""
        return await self.socket.refresh(reason)

    def silence_socket(self) -> int:
        """Keep the app's websockets open but ignore them from now on; returns how many."""
        return self.socket.silence()

    async def verify_request_url(self) -> None:
        """In HTTP mode: verify the request URL; events are sent from then on. Raises ControlError."""
        if self.http is None:
            raise ControlError("There is no request URL to verify: this sandbox has no signing secret.")
        await self.http.verify()

    def thread(self, channel: str, ts: str) -> list[Json]:
        """A root and its replies, oldest first, with metadata."""
        messages = [self.posted(channel, ts), *self.conversations.replies(channel, ts)]
        return [self.conversations.read(posted, metadata=True) for posted in messages]

    def permalink(self, channel: str, ts: str) -> str:
        return permalink(self.workspace, self.posted(channel, ts))

    def state(self) -> Json:
        """Everything a page shows, in one JSON object."""
        return {
            **snapshot(self.conversations, self.views),
            "shortcuts": list(self.interactions.shortcuts.values()),
            "commands": list(self.interactions.commands),
            "connections": len(self.socket.connections),
            "undelivered": self.transport.undelivered,
            "repeat_events": self.repeat_events,
            "event": self.control.last_event,
        }

    # Looking

    def channel(self, channel: str) -> Channel:
        known = self.workspace.channels.get(channel)
        if known is None:
            raise ControlError(f"There is no channel {channel}.")
        return known

    def person(self, channel: str, user: str) -> User:
        person = self.workspace.users.get(user)
        if person is None or user not in self.channel(channel).members:
            raise ControlError(f"{user} is not in {channel}.")
        return person

    def somebody(self, user: str) -> User:
        """A person of the workspace. Raises ControlError."""
        person = self.workspace.users.get(user)
        if person is None:
            raise ControlError(f"There is no {user}.")
        return person

    def posted(self, channel: str, ts: str) -> Posted:
        posted = self.conversations.find(self.channel(channel).id, ts)
        if posted is None:
            raise ControlError(f"There is no message {ts} in {channel}.")
        return posted

    def view(self, view_id: str, user: str) -> View:
        """An open view of this person. Raises ControlError."""
        view = self.views.find(view_id)
        if view is None or view.user != user:
            raise ControlError(f"{user} sees no view {view_id}.")
        return view
