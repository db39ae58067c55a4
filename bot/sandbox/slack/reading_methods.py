"""The Web API's reading methods: conversations.*, users.* and usergroups.users.list."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, TypeVar

from bot.sandbox.slack.conversations import Posted
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.methods import Api, Method
from bot.sandbox.slack.payload import Arguments
from bot.sandbox.slack.workspace import Channel

Json = dict[str, Any]
T = TypeVar("T")

HISTORY_SCOPES = ("channels:history", "groups:history", "mpim:history", "im:history")
READ_SCOPES = ("channels:read", "groups:read", "mpim:read", "im:read")
HISTORY_PAGE, REPLIES_PAGE, CHANNELS_PAGE = 100, 1000, 100
"""How many there are on a page when `limit` does not say."""
LONGEST_PAGE = 1000


def replies(api: Api, arguments: Arguments) -> Json:
    """The root and its replies, oldest first; of a reply's ts only that reply."""
    _, ts = arguments.need("channel", "ts")
    channel = _read_channel(api, arguments)
    root = api.message(channel, ts, "thread_not_found")
    # The first page always has the root, whatever `oldest` and `latest`; later pages do not.
    thread = [posted for posted in api.conversations.replies(channel.id, ts) if _within(posted, arguments)]
    return _page(api, [root, *thread], arguments, REPLIES_PAGE)


def history(api: Api, arguments: Arguments) -> Json:
    """The messages outside threads, newest first."""
    channel = _read_channel(api, arguments)
    items = [posted for posted in api.conversations.top_level(channel.id) if _within(posted, arguments)]
    return {**_page(api, items[::-1], arguments, HISTORY_PAGE), "pin_count": 0}


def _read_channel(api: Api, arguments: Arguments) -> Channel:
    channel = api.channel(arguments)
    api.need_scope("groups:history" if channel.is_private else "channels:history")
    if not api.workspace.we_are_in(channel):
        raise SlackError("not_in_channel")
    return channel


def _within(posted: Posted, arguments: Arguments) -> bool:
    """Whether a message is between `oldest` and `latest`; the ends count only if `inclusive`."""
    at, inclusive = _when(posted.ts, "invalid_ts"), arguments.flag("inclusive")
    oldest = _when(arguments.text("oldest", "0"), "invalid_ts_oldest")
    latest = _when(arguments.text("latest", "99999999999"), "invalid_ts_latest")
    return oldest <= at <= latest if inclusive else oldest < at < latest


def _when(ts: str, error: str) -> int:
    """A ts in microseconds. Raises SlackError for a bad posted."""
    seconds, _, micro = ts.partition(".")
    if not (seconds + micro).isdigit():
        raise SlackError(error)
    return int(seconds) * 1_000_000 + int(micro[:6].ljust(6, "0"))


def _page(api: Api, items: list[Posted], arguments: Arguments, usual: int) -> Json:
    part, cursor = _part(items, arguments, usual)
    metadata = arguments.flag("include_all_metadata")
    messages = [api.conversations.read(posted, metadata=metadata) for posted in part]
    more: Json = {"response_metadata": {"next_cursor": cursor}} if cursor else {}
    return {"messages": messages, "has_more": bool(cursor), **more}


def _part(items: Sequence[T], arguments: Arguments, usual: int) -> tuple[Sequence[T], str]:
    """One page, and the cursor of the next ("" at the end). Raises SlackError (`invalid_cursor`)."""
    limit = arguments.number("limit", usual, LONGEST_PAGE)
    start = _start(arguments.text("cursor"))
    if start > len(items):
        raise SlackError("invalid_cursor")
    end = start + limit
    following = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
    return items[start:end], following


def _start(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        word, _, number = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise SlackError("invalid_cursor") from error
    if word != "next" or not number.isdigit():
        raise SlackError("invalid_cursor")
    return int(number)


def info(api: Api, arguments: Arguments) -> Json:
    channel = api.channel(arguments)
    api.need_scope("groups:read" if channel.is_private else "channels:read")
    return {"channel": channel.as_json(api.workspace)}


def user_info(api: Api, arguments: Arguments) -> Json:
    (user_id,) = arguments.need("user")
    user = api.workspace.users.get(user_id)
    if user is None:
        raise SlackError("user_not_found")
    return {"user": user.as_json()}


def user_conversations(api: Api, arguments: Arguments) -> Json:
    """The channels of a person (the bot by default); those without the bot only if public."""
    _need_team(api, arguments)
    user = arguments.text("user", api.workspace.our_user)
    if user not in api.workspace.users:
        raise SlackError("user_not_found")
    kinds = arguments.text("types", "public_channel").split(",")
    if set(kinds) - {"public_channel", "private_channel", "mpim", "im"}:
        raise SlackError("invalid_types")
    for kind, scope in (("public_channel", "channels:read"), ("private_channel", "groups:read")):
        if kind in kinds:
            api.need_scope(scope)
    items = [
        channel
        for channel in api.workspace.channels.values()
        if user in channel.members
        and not channel.is_im
        and ("private_channel" if channel.is_private else "public_channel") in kinds
        and not (channel.is_private and not api.workspace.we_are_in(channel))
        and not (channel.is_archived and arguments.flag("exclude_archived"))
    ]
    part, cursor = _part(items, arguments, CHANNELS_PAGE)
    channels = [channel.as_json(api.workspace) for channel in part]
    return {"channels": channels, "response_metadata": {"next_cursor": cursor}}


def _need_team(api: Api, arguments: Arguments) -> None:
    """An org-wide token is valid for many workspaces: this call must name posted.

    https://docs.slack.dev/enterprise/developing-for-enterprise-orgs
    """
    if not api.workspace.installation.is_org_wide:
        return
    if not arguments.has("team_id"):
        raise SlackError("missing_argument")
    if arguments.text("team_id") != api.workspace.team_id:
        raise SlackError("team_access_not_granted")


def group_users(api: Api, arguments: Arguments) -> Json:
    _need_team(api, arguments)
    (group,) = arguments.need("usergroup")
    if group not in api.workspace.user_groups:
        raise SlackError("no_such_subteam")
    return {"users": api.workspace.user_groups[group]}


READING: dict[str, Method] = {
    "conversations.replies": Method(replies, HISTORY_SCOPES),
    "conversations.history": Method(history, HISTORY_SCOPES),
    "conversations.info": Method(info, READ_SCOPES),
    "users.info": Method(user_info, ("users:read",)),
    "users.conversations": Method(user_conversations, READ_SCOPES),
    "usergroups.users.list": Method(group_users, ("usergroups:read",)),
}
