"""The whole workspace as one JSON object, from which the page can draw everything."""

from typing import Any

from bot.sandbox.slack.clicks import state_values
from bot.sandbox.slack.conversations import Conversations, Posted
from bot.sandbox.slack.views import View, Views
from bot.sandbox.slack.workspace import Channel

Json = dict[str, Any]


def snapshot(conversations: Conversations, views: Views) -> Json:
    """`workspace`, `people`, `channels` (each with `messages`, each with its `replies`), `private`, `modals`, `homes`.

    `modals` and `homes` are by user.
    """
    workspace = conversations.workspace
    return {
        "workspace": {
            "id": workspace.team_id,
            "name": workspace.name,
            "domain": workspace.domain,
            "our_user": workspace.our_user,
        },
        "people": [user.as_json() for user in workspace.users.values()],
        "channels": [_channel(conversations, channel) for channel in workspace.channels.values()],
        "private": conversations.private,
        "modals": {user: _view(views, view) for user, view in views.modals.items()},
        "homes": {user: _view(views, view) for user, view in views.homes.items()},
    }


def _view(views: Views, view: View) -> Json:
    return {**view.as_json(views.workspace), "errors": view.errors}


def _channel(conversations: Conversations, channel: Channel) -> Json:
    threads: list[Json] = []
    for posted in conversations.top_level(channel.id):
        replies = [] if posted.is_reply else conversations.replies(channel.id, posted.ts)
        thread = {"replies": [_message(conversations, reply) for reply in replies]}
        threads.append({**_message(conversations, posted), **thread})
    return {**channel.as_json(conversations.workspace), "members": sorted(channel.members), "messages": threads}


def _message(conversations: Conversations, posted: Posted) -> Json:
    """A message with each person's ticks: `{user: state.values}` for people who have touched an input."""
    ticks = {user: state_values(posted.message, posted.ticks, user) for user, _, _ in posted.ticks}
    return {**conversations.read(posted, metadata=True), "ticks": ticks}
