"""The Web API's methods: which there are, what each needs, and the chat.* ones.

https://docs.slack.dev/reference/methods. A method takes the `Api` and its arguments, and gives the fields of the
answer beside `ok`, or raises SlackError with Slack's error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bot.sandbox.slack import payload
from bot.sandbox.slack.conversations import Conversations, Posted
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.oauth import OAuth
from bot.sandbox.slack.payload import Arguments
from bot.sandbox.slack.socket_mode import SocketMode
from bot.sandbox.slack.triggers import Triggers
from bot.sandbox.slack.views import Views
from bot.sandbox.slack.workspace import ENTERPRISE_DOMAIN, OUR_APP, Channel, User, Workspace

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Api:
    """What the methods work on. `revoke` ends the bot token; `address` gives this server's `host:port`."""

    workspace: Workspace
    conversations: Conversations
    socket: SocketMode
    views: Views
    triggers: Triggers
    oauth: OAuth
    revoke: Callable[[], None]
    address: Callable[[], str]

    @property
    def scopes(self) -> set[str]:
        """The bot token's."""
        return self.workspace.installation.scopes

    def need_scope(self, *any_of: str) -> None:
        """Raises SlackError (`missing_scope`) when the token has none of these."""
        if any_of and not self.scopes.intersection(any_of):
            raise missing_scope(any_of, self.scopes)

    def channel(self, arguments: Arguments) -> Channel:
        """The channel of a call that sees it: a private one only from inside."""
        (channel_id,) = arguments.need("channel")
        channel = self.workspace.channels.get(channel_id)
        if channel is None or (channel.is_private and not self.workspace.we_are_in(channel)):
            raise SlackError("channel_not_found")
        return channel

    def our_channel(self, arguments: Arguments) -> Channel:
        """The channel of a call that must come from inside."""
        channel = self.channel(arguments)
        if not self.workspace.we_are_in(channel):
            raise SlackError("not_in_channel")
        return channel

    def open_channel(self, arguments: Arguments) -> Channel:
        """The channel of a call that writes."""
        channel = self.our_channel(arguments)
        if channel.is_archived:
            raise SlackError("is_archived")
        return channel

    def message(self, channel: Channel, ts: str, error: str = "message_not_found") -> Posted:
        posted = self.conversations.find(channel.id, ts)
        if posted is None:
            raise SlackError(error)
        return posted


@dataclass(frozen=True, slots=True)
class Method:
    """One method: what it does, the scopes of which the token must have one, and which kind of token it takes.

    `client`: none, but the app's client id and secret among the arguments.
    """

    run: Callable[[Api, Arguments], Json]
    scopes: tuple[str, ...] = ()
    caller: Literal["bot", "app", "any", "client"] = "bot"


def missing_scope(needed: tuple[str, ...], provided: set[str]) -> SlackError:
    return SlackError("missing_scope", needed=",".join(needed), provided=",".join(sorted(provided)))


# chat.*


def post_message(api: Api, arguments: Arguments) -> Json:
    person = api.workspace.users.get(arguments.need("channel")[0])
    # A user's id opens the person's direct messages with the app, which chat:write alone allows; bots have none.
    channel = api.workspace.direct(person) if person and not person.is_bot else api.open_channel(arguments)
    kept = payload.content(arguments)
    if payload.says_nothing(kept):
        raise SlackError("no_text")
    thread = _thread(api, channel, arguments)
    if thread and arguments.flag("reply_broadcast"):
        thread |= {"subtype": "thread_broadcast"}
    posted = api.conversations.add(channel, {**as_bot(api.workspace.us), **kept, **thread})
    answer = api.conversations.read(posted, metadata=True)
    unfurl(api.conversations, posted, arguments)
    return {"channel": channel.id, "ts": posted.ts, "message": answer}


def as_bot(user: User) -> Json:
    """The fields that say which bot a message is from."""
    return {
        "user": user.id,
        "bot_id": user.bot_id,
        "app_id": user.app_id,
        "team": user.team_id,
        "bot_profile": user.bot_profile(),
    }


def unfurl(conversations: Conversations, posted: Posted, arguments: Arguments) -> None:
    """Slack's own previews come after the message, as an edit without `edited`, unless they were refused."""
    wanted = arguments.flag("unfurl_links", True) or arguments.flag("unfurl_media", True)
    added = payload.previews(posted.message) if wanted else []
    if added:
        attachments = [*posted.message.get("attachments", []), *added]
        conversations.change(posted, {**posted.message, "attachments": attachments})


def _thread(api: Api, channel: Channel, arguments: Arguments) -> Json:
    if not arguments.has("thread_ts"):
        return {}
    root = api.conversations.find(channel.id, arguments.text("thread_ts"))
    if root is None:
        return {}  # Slack answers ok, and posts at the channel's top level
    if root.is_reply:
        raise SlackError("cannot_reply_to_message")
    return {"thread_ts": root.ts}


def update(api: Api, arguments: Arguments) -> Json:
    """Text without blocks drops the blocks; attachments and metadata stay unless they are sent again."""
    _, ts = arguments.need("channel", "ts")
    channel = api.open_channel(arguments)
    posted = api.message(channel, ts)
    if posted.message.get("bot_id") != api.workspace.us.bot_id:
        raise SlackError("cant_update_message")
    if len(arguments.text("text")) > payload.UPDATED_TEXT:
        raise SlackError("msg_too_long")
    kept = payload.content(arguments)
    if payload.says_nothing(kept):
        raise SlackError("no_text")
    api.conversations.edit(posted, api.workspace.our_user, kept)
    answer = api.conversations.read(posted, metadata=True)
    return {"channel": channel.id, "ts": ts, "text": answer["text"], "message": answer}


def delete(api: Api, arguments: Arguments) -> Json:
    _, ts = arguments.need("channel", "ts")
    channel = api.open_channel(arguments)
    posted = api.message(channel, ts)
    if posted.message.get("bot_id") != api.workspace.us.bot_id:
        raise SlackError("cant_delete_message")
    api.conversations.remove(posted)
    return {"channel": channel.id, "ts": ts}


def post_ephemeral(api: Api, arguments: Arguments) -> Json:
    _, user = arguments.need("channel", "user")
    channel = api.open_channel(arguments)
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    kept = payload.content(arguments)
    if payload.says_nothing(kept):
        raise SlackError("no_text")
    if kept.pop("metadata", None):
        raise SlackError("invalid_metadata_format")
    thread = _thread(api, channel, arguments)
    message = {**as_bot(api.workspace.us), **kept, **thread}
    shown = api.conversations.show_privately(user, channel.id, message, "chat.postEphemeral")
    return {"message_ts": shown.ts}


def get_permalink(api: Api, arguments: Arguments) -> Json:
    _, ts = arguments.need("channel", "message_ts")
    channel = api.channel(arguments)
    posted = api.message(channel, ts)
    return {"channel": channel.id, "permalink": permalink(api.workspace, posted)}


def permalink(workspace: Workspace, posted: Posted) -> str:
    link = f"https://{workspace.domain}.slack.com/archives/{posted.channel}/p{posted.ts.replace('.', '')}"
    if posted.thread_ts is None:
        return link
    return f"{link}?thread_ts={posted.thread_ts}&cid={posted.channel}"


# The connection


def auth_test(api: Api, _arguments: Arguments) -> Json:
    """Where the token is for an enterprise, that stands in the workspace's place."""
    workspace, enterprise = api.workspace, api.workspace.enterprise
    is_org_wide = workspace.installation.is_org_wide
    team: Json = {"id": workspace.team_id, "name": workspace.name}
    domain = workspace.domain
    if is_org_wide and enterprise is not None:
        team, domain = enterprise, f"{ENTERPRISE_DOMAIN}.enterprise"
    return {
        "url": f"https://{domain}.slack.com/",
        "team": team["name"],
        "user": workspace.us.name,
        "team_id": team["id"],
        "user_id": workspace.our_user,
        "bot_id": workspace.us.bot_id,
        **({} if enterprise is None else {"enterprise_id": enterprise["id"]}),
        "is_enterprise_install": is_org_wide,
    }


def auth_revoke(api: Api, arguments: Arguments) -> Json:
    """End the token of the call; `test`: only say that it could be."""
    revoked = not arguments.flag("test")
    if revoked:
        api.revoke()
    return {"revoked": revoked}


def oauth_access(api: Api, arguments: Arguments) -> Json:
    return api.oauth.exchange(arguments)


def connections_open(api: Api, _arguments: Arguments) -> Json:
    if not api.socket.enabled:
        raise SlackError("socket_mode_not_enabled")
    return {"url": f"ws://{api.address()}/link/?ticket={api.socket.ticket()}&app_id={OUR_APP}"}


CHAT: dict[str, Method] = {
    "auth.test": Method(auth_test, caller="any"),
    "auth.revoke": Method(auth_revoke),
    "oauth.v2.access": Method(oauth_access, caller="client"),
    "apps.connections.open": Method(connections_open, caller="app"),
    "chat.postMessage": Method(post_message, ("chat:write",)),
    "chat.update": Method(update, ("chat:write",)),
    "chat.delete": Method(delete, ("chat:write",)),
    "chat.postEphemeral": Method(post_ephemeral, ("chat:write",)),
    "chat.getPermalink": Method(get_permalink),
}
