"""The messages of the workspace: threads, edits, deletions, previews, and private messages.

Every change is sent to the app as an event (`Events`) and published for the page (`control.publish`).
"""

import copy
import time
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.control import Control
from bot.sandbox.slack.blockkit.rules import elements
from bot.sandbox.slack.events import Events
from bot.sandbox.slack.workspace import Channel, Workspace

Json = dict[str, Any]
Place = tuple[str, str, str]
"""Whose ticks in which input: (user, block_id, action_id)."""


@dataclass(slots=True)
class Posted:
    """One message as it is now, and its `past` versions with people's ticks on them, oldest first.

    `only` is the person who sees a private message; `via` is how it was sent.
    """

    channel: str
    message: Json
    ticks: dict[Place, list[str]] = field(default_factory=dict[Place, list[str]])
    past: list[tuple[Json, dict[Place, list[str]]]] = field(default_factory=list[tuple[Json, dict[Place, list[str]]]])
    only: str | None = None
    via: str = ""

    @property
    def ts(self) -> str:
        return self.message["ts"]

    @property
    def thread_ts(self) -> str | None:
        return self.message.get("thread_ts")

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None

    def become(self, message: Json) -> None:
        """Replace the content. A person's ticks stay where `block_id` and `action_id` stay, as in Slack."""
        self.past.append((self.message, self.ticks))
        self.message = message
        places = {
            (block["block_id"], element["action_id"])
            for block in self.message.get("blocks", [])
            for element in elements(block)
        }
        self.ticks = {place: values for place, values in self.ticks.items() if place[1:] in places}

    def as_private(self) -> Json:
        """A private message as tests and the page see it."""
        shown = {name: self.message.get(name) for name in ("ts", "thread_ts", "text", "blocks")}
        return {**shown, "user": self.only, "channel": self.channel, "via": self.via}


class Conversations:
    """The messages of all channels. Methods raise KeyError for an unknown channel or message."""

    def __init__(self, workspace: Workspace, events: Events, control: Control) -> None:
        self.workspace = workspace
        self.events = events
        self.control = control
        self._posted: dict[str, dict[str, Posted]] = {}
        self._private: list[Posted] = []
        self._last_ts = 0

    # Looking

    def find(self, channel: str, ts: str) -> Posted | None:
        return self._posted.get(channel, {}).get(ts)

    def find_private(self, channel: str, ts: str) -> Posted | None:
        return next((posted for posted in self._private if (posted.channel, posted.ts) == (channel, ts)), None)

    @property
    def private(self) -> list[Json]:
        """Messages that only one person sees: `user, channel, thread_ts, ts, text, blocks, via`."""
        return [posted.as_private() for posted in self._private]

    def top_level(self, channel: str) -> list[Posted]:
        """The messages of a channel outside threads and the broadcast replies, oldest first."""
        kept = self._posted.get(channel, {}).values()
        return [posted for posted in kept if not posted.is_reply or posted.message.get("subtype") == "thread_broadcast"]

    def replies(self, channel: str, root: str) -> list[Posted]:
        return [posted for posted in self._posted.get(channel, {}).values() if posted.thread_ts == root]

    def read(self, posted: Posted, *, metadata: bool = False) -> Json:
        """A message as history returns it: a root with the counts of its thread, `metadata` only on request."""
        message = copy.deepcopy(posted.message)
        if not metadata:
            message.pop("metadata", None)
        return {**message, **self._thread_counts(posted)}

    def _thread_counts(self, posted: Posted) -> Json:
        if posted.is_reply or not (replies := self.replies(posted.channel, posted.ts)):
            return {}
        people = list(dict.fromkeys(posted.message.get("user", "") for posted in replies))
        return {
            "thread_ts": posted.ts,
            "reply_count": len(replies),
            "reply_users_count": len(people),
            "reply_users": people[:5],
            "latest_reply": replies[-1].ts,
            "is_locked": False,
            "subscribed": False,
        }

    # Changing

    def next_ts(self) -> str:
        """A ts from the clock, higher than all others."""
        self._last_ts = max(self._last_ts + 1, int(time.time() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def add(self, channel: Channel, message: Json, *, deliver: bool = True) -> Posted:
        """Post a message. `deliver` False: the app gets no event, as for messages older than the app."""
        posted = Posted(channel.id, {"type": "message", "ts": self.next_ts(), **message})
        root = self.find(channel.id, posted.thread_ts or "")
        if root is not None and "user" in root.message:
            posted.message["parent_user_id"] = root.message["user"]
        self._posted.setdefault(channel.id, {})[posted.ts] = posted
        if deliver:
            self.events.message(channel, posted.message)
            self.events.mention(channel, posted.message)
        self._tell(posted)
        return posted

    def change(self, posted: Posted, message: Json) -> None:
        """Replace a message: an edit, an update, a preview, a tombstone."""
        previous = self.read(posted)
        posted.become(message)
        channel = self.workspace.channels[posted.channel]
        event: Json = {"type": "message", "subtype": "message_changed", "hidden": True, "ts": self.next_ts()}
        now = self.read(posted, metadata=True)
        self.events.message(channel, {**event, "message": now, "previous_message": previous})
        self._tell(posted)

    def edit(self, posted: Posted, by: str, content: Json) -> None:
        """Change a message; `edited` says by whom and when.

        Content without blocks drops the blocks; attachments and metadata stay unless the content has them. Empty
        metadata removes earlier metadata.
        """
        edited = {"user": by, "ts": self.next_ts()}
        changed = {**_without_blocks(posted.message), **content, "edited": edited}
        self.change(posted, {name: value for name, value in changed.items() if value != {}})

    def react(self, posted: Posted, user: str, name: str, *, take_off: bool) -> bool:
        """Set a person's reaction or take it off; False: it was so before. The newest emoji is the last."""
        reactions: dict[str, list[str]] = {one["name"]: one["users"] for one in posted.message.get("reactions", [])}
        users = reactions.get(name, [])
        if (user in users) is not take_off:
            return False
        reactions[name] = [one for one in users if one != user] if take_off else [*users, user]
        kept = [{"name": one, "users": by, "count": len(by)} for one, by in reactions.items() if by]
        posted.message = {**posted.message, "reactions": kept}
        if not kept:
            del posted.message["reactions"]
        kind = "reaction_removed" if take_off else "reaction_added"
        self.events.reaction(self.workspace.channels[posted.channel], kind, user, name, posted.message, self.next_ts())
        self._tell(posted)
        return True

    def remove(self, posted: Posted) -> None:
        """Delete a message. A root with replies leaves a tombstone, and the event is then a `message_changed`."""
        if not posted.is_reply and self.replies(posted.channel, posted.ts):
            gone: Json = {"type": "message", "subtype": "tombstone", "ts": posted.ts, "hidden": True}
            self.change(posted, {**gone, "user": "USLACKBOT", "text": "This message was deleted."})
            return
        previous = self.read(posted)
        del self._posted[posted.channel][posted.ts]
        event: Json = {"type": "message", "subtype": "message_deleted", "hidden": True, "ts": self.next_ts()}
        channel = self.workspace.channels[posted.channel]
        self.events.message(channel, {**event, "deleted_ts": posted.ts, "previous_message": previous})
        self.control.publish("message_deleted", {"channel": posted.channel, "ts": posted.ts})

    def show_privately(self, user: str, channel: str, message: Json, via: str) -> Posted:
        """Show a message to one person only; it is in no history and sends no event."""
        posted = Posted(channel, {"type": "message", "ts": self.next_ts(), **message}, only=user, via=via)
        self._private.append(posted)
        self.control.publish("private", posted.as_private())
        return posted

    def edit_privately(self, posted: Posted, content: Json | None) -> None:
        """Change a private message, or remove it (None)."""
        if content is None:
            self._private.remove(posted)
        else:
            posted.become({**_without_blocks(posted.message), **content})
        self.control.publish("private", {**posted.as_private(), "deleted": content is None})

    def forget(self) -> None:
        """Forget all messages, private ones too, without sending events."""
        self._posted.clear()
        self._private.clear()

    def _tell(self, posted: Posted) -> None:
        self.control.publish("message", {"channel": posted.channel, "message": self.read(posted, metadata=True)})


def _without_blocks(message: Json) -> Json:
    return {name: value for name, value in message.items() if name != "blocks"}
