"""What people do in the workspace: the verbs of `POST /_sandbox/…`."""

import uuid
from typing import Any

from bot.sandbox.control import ControlError
from bot.sandbox.slack.app import InstalledApp
from bot.sandbox.slack.blockkit.rules import filled_in, problems
from bot.sandbox.slack.methods import as_bot
from bot.sandbox.slack.text import mrkdwn_parts, rich_text, typed
from bot.sandbox.slack.workspace import User

Json = dict[str, Any]


class UserActions(InstalledApp):
    """All verbs. They raise ControlError for what is impossible in Slack."""

    # What Slack itself does

    def event(self, event: Json) -> Json:
        """Send the app this event exactly as given, whatever it is subscribed to: `{"event_id"}`.

        Raises ControlError for an event without a `type`.
        """
        if not isinstance(event.get("type"), str):
            raise ControlError("An event has a type.")
        self.events.send(event)
        return {"event_id": self.events.sent[-1]["event_id"]}

    # In channels

    def message(
        self,
        channel: str,
        as_user: str,
        text: str,
        *,
        thread_ts: str | None = None,
        blocks: list[Json] | None = None,
        attachments: list[Json] | None = None,
        subtype: str | None = None,
        files: list[Json] | None = None,
        raw: bool = False,
        broadcast: bool = False,
        deliver: bool = True,
    ) -> Json:
        """Post `text` as typed (`raw`: as mrkdwn); returns the message as in history.

        `broadcast`: a reply that also goes to the channel. `deliver` False: the app gets no event.
        """
        person = self.person(channel, as_user)
        extra: Json = {"attachments": attachments, "files": files, "thread_ts": thread_ts}
        kind = subtype or ("thread_broadcast" if broadcast else "file_share" if files else None)
        if thread_ts is not None and self.posted(channel, thread_ts).is_reply:
            raise ControlError(f"{thread_ts} is a reply: name the thread's root.")
        message = {
            **_author(person, kind),
            **self._said(person, text, blocks, raw=raw),
            **{name: value for name, value in extra.items() if value is not None},
            **({"subtype": kind} if kind else {}),
        }
        posted = self.conversations.add(self.channel(channel), message, deliver=deliver)
        return self.conversations.read(posted)

    def edit(self, channel: str, ts: str, text: str, as_user: str | None = None, *, raw: bool = False) -> Json:
        """Edit a message; by its author unless `as_user` is given."""
        posted = self.posted(channel, ts)
        by = as_user or posted.message.get("user", "")
        if by != posted.message.get("user"):
            raise ControlError(f"{by} cannot edit what {posted.message.get('user')} wrote.")
        content = self._said(self.person(channel, by), text, None, raw=raw)
        self.conversations.edit(posted, by, content)
        return self.conversations.read(posted)

    def delete(self, channel: str, ts: str) -> None:
        self.conversations.remove(self.posted(channel, ts))

    def react(self, channel: str, ts: str, as_user: str, name: str, *, take_off: bool = False) -> None:
        """Set this emoji (its name, without colons) on a message, or take it off; as Slack, which takes each once."""
        if not self.conversations.react(
            self.posted(channel, ts), self.person(channel, as_user).id, name, take_off=take_off
        ):
            raise ControlError("no_reaction" if take_off else "already_reacted")

    def unfurl(self, channel: str, ts: str, attachments: list[Json]) -> Json:
        """Add previews to a message, as Slack does: each needs `from_url`; `edited` does not change."""
        posted = self.posted(channel, ts)
        if not all("from_url" in preview for preview in attachments):
            raise ControlError("Each attachment of a preview has from_url.")
        known = posted.message.get("attachments", [])
        added = [{"id": number, **preview} for number, preview in enumerate(attachments, len(known) + 1)]
        self.conversations.change(posted, {**posted.message, "attachments": [*known, *added]})
        return self.conversations.read(posted)

    async def tick(
        self,
        channel: str,
        ts: str,
        as_user: str,
        action_id: str,
        block_id: str | None = None,
        values: list[str] | None = None,
    ) -> Json:
        """Leave exactly `values` ticked for this person: `{"acknowledged", "seconds", "ticket"}`."""
        return await self.clicks.tick(channel, ts, as_user, action_id, block_id, values or [])

    async def click(
        self,
        channel: str,
        ts: str,
        action_id: str,
        as_user: str,
        block_id: str | None = None,
        option: str | None = None,
        *,
        late: bool = False,
    ) -> Json:
        """Press a button, or choose `option` of an overflow menu: `{"acknowledged", "seconds", "ticket"}`.

        Returns when the app has acknowledged or after `ack_seconds`; clicks are never repeated.
        `late`: on a screen that still shows an earlier version of the message.
        """
        return await self.clicks.click(channel, ts, action_id, as_user, block_id, option, late=late)

    # Shortcuts, commands, Home and modals

    def mention(self, channel: str, as_user: str, text: str, *, thread_ts: str | None = None) -> Json:
        """Post `@Case Insights <text>`: the app gets a `message` and an `app_mention` event."""
        return self.message(channel, as_user, f"@{self.workspace.our_name} {text}", thread_ts=thread_ts)

    async def shortcut(self, channel: str, ts: str, as_user: str, callback_id: str) -> Json:
        """Choose a message shortcut in the ⋯ menu of a message: `{"acknowledged", "seconds"}`."""
        return await self.interactions.shortcut(self.posted(channel, ts), self.person(channel, as_user), callback_id)

    async def command(self, channel: str, as_user: str, command: str, text: str = "") -> Json:
        """Type a slash command in a channel (there are none in threads): `{"acknowledged", "seconds"}`."""
        return await self.interactions.command(channel, self.person(channel, as_user), command, text)

    def home(self, as_user: str) -> Json:
        """Open the app's Home tab: `{"view"}`, which is None until the app has published one."""
        self.interactions.home(self.somebody(as_user))
        view = self.views.homes.get(as_user)
        return {"view": None if view is None else view.as_json(self.workspace)}

    def modal(self, as_user: str) -> Json | None:
        """The topmost modal of this person, with `errors` by block_id, or None."""
        view = self.views.modals.get(as_user)
        return None if view is None else {**view.as_json(self.workspace), "errors": view.errors}

    async def suggest(self, view_id: str, as_user: str, action_id: str, value: str) -> list[Json]:
        """Type into an external select of a view: the options that the app gives."""
        return await self.interactions.suggest(self.view(view_id, as_user), self.somebody(as_user), action_id, value)

    async def press(
        self, view_id: str, as_user: str, action_id: str, values: Json | None = None, block_id: str | None = None
    ) -> Json:
        """Enter `values` in a view and press one of its buttons (or dispatch an input)."""
        view = self.view(view_id, as_user)
        self.interactions.enter(view, values or {})
        return await self.interactions.press(view, self.somebody(as_user), action_id, block_id)

    async def submit(self, view_id: str, as_user: str, values: Json | None = None) -> Json:
        """Enter `values` (`{block_id: {action_id: text | value | [values]}}`) in a modal and submit it.

        Returns `{"acknowledged", "seconds", "errors"}`; `errors` by block_id leave the modal open.
        """
        view = self.view(view_id, as_user)
        self.interactions.enter(view, values or {})
        return await self.interactions.submit(view, self.somebody(as_user))

    def dismiss(self, view_id: str, as_user: str) -> None:
        """Close a modal without submitting it; the app gets no event."""
        self.views.close(self.view(view_id, as_user).user)

    def _said(self, person: User, text: str, blocks: list[Json] | None, *, raw: bool) -> Json:
        """`text` and `blocks` as Slack keeps them; a bot's text is mrkdwn and gets no block of its own."""
        if blocks is not None:
            if wrong := problems(blocks):
                raise ControlError(f"Slack would refuse these blocks: {wrong}.")
            return {"text": text, "blocks": filled_in(blocks)}
        if person.is_bot:
            return {"text": text}
        if raw:
            return {"text": text, "blocks": rich_text(mrkdwn_parts(text))}
        kept, typed_blocks = typed(text, self.workspace.names())
        return {"text": kept, "blocks": typed_blocks}


def _author(person: User, subtype: str | None) -> Json:
    """Who a message is from: classic bots (`bot_message`) have no `user`."""
    if not person.is_bot:
        return {"user": person.id, "team": person.team_id, "client_msg_id": str(uuid.uuid4())}
    fields = as_bot(person)
    if subtype == "bot_message":
        return {"bot_id": fields["bot_id"], "username": person.real_name}
    return fields
