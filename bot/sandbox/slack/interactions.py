"""Message shortcuts, slash commands, the Home tab and modals.

https://docs.slack.dev/reference/interaction-payloads. Only what the manifest declares exists.
"""

import time
from collections.abc import Callable
from typing import Any, cast

from bot.sandbox.control import ControlError
from bot.sandbox.slack import payload
from bot.sandbox.slack.blockkit.rules import elements
from bot.sandbox.slack.clicks import sent_by
from bot.sandbox.slack.conversations import Conversations, Posted
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.events import Events
from bot.sandbox.slack.inputs import Entry
from bot.sandbox.slack.methods import as_bot
from bot.sandbox.slack.payload import Arguments
from bot.sandbox.slack.response_urls import ResponseUrls
from bot.sandbox.slack.text import typed
from bot.sandbox.slack.transport import Acknowledgement, Transport
from bot.sandbox.slack.triggers import Triggers
from bot.sandbox.slack.views import View, Views, checked_view
from bot.sandbox.slack.workspace import OUR_APP, User

Json = dict[str, Any]


class Interactions:
    """What people do in them. Methods raise ControlError for what is impossible in Slack."""

    def __init__(
        self,
        manifest: Json,
        events: Events,
        views: Views,
        conversations: Conversations,
        transport: Transport,
        responses: ResponseUrls,
        triggers: Triggers,
        address: Callable[[], str],
    ) -> None:
        features: Json = manifest.get("features", {})
        self.shortcuts = {shortcut["callback_id"]: shortcut for shortcut in features.get("shortcuts", [])}
        self.commands = {command["command"]: command for command in features.get("slash_commands", [])}
        self.conversations = conversations
        self.workspace = conversations.workspace
        self.events = events
        self.transport = transport
        self.response_urls = responses
        self.triggers = triggers
        self.views = views
        self.address = address

    async def shortcut(self, posted: Posted, person: User, callback_id: str) -> Json:
        """Choose a message shortcut in the ⋯ menu. The bot need not be in the channel."""
        self._need_app()
        if self.shortcuts.get(callback_id, {}).get("type") != "message":
            raise ControlError(f"The manifest has no message shortcut {callback_id!r}.")
        channel = self.workspace.channels[posted.channel]
        payload = {
            "type": "message_action",
            **sent_by(self.workspace, person),
            "action_ts": f"{time.time():.6f}",
            "callback_id": callback_id,
            "trigger_id": self.triggers.mint(person.id),
            "response_url": self.response_urls.mint(self.address(), person.id, posted.channel, posted),
            "channel": {"id": channel.id, "name": channel.name},
            "message_ts": posted.ts,
            "message": self.conversations.read(posted),
        }
        return _outcome(await self.transport.send_interaction("interactive", payload))

    async def command(self, channel_id: str, person: User, command: str, text: str) -> Json:
        """Type a slash command in a channel; what the app acknowledges with is shown."""
        self._need_app()
        if command not in self.commands:
            raise ControlError(f"The manifest has no command {command!r}.")
        channel = self.workspace.channels[channel_id]
        escaped = bool(self.commands[command].get("should_escape"))
        payload = {
            "token": "sandbox",
            "team_id": self.workspace.team_id,
            "team_domain": self.workspace.domain,
            "channel_id": channel.id,
            "channel_name": channel.name,
            "user_id": person.id,
            "user_name": person.name,
            "command": command,
            "text": typed(text, self.workspace.names())[0] if escaped else text,
            "api_app_id": OUR_APP,
            **{f"enterprise_{name}": value for name, value in (self.workspace.enterprise or {}).items()},
            "is_enterprise_install": str(self.workspace.installation.is_org_wide).lower(),
            "response_url": self.response_urls.mint(self.address(), person.id, channel.id, None),
            "trigger_id": self.triggers.mint(person.id),
        }
        answer = await self.transport.send_interaction("slash_commands", payload, accepts_response_payload=True)
        if answer.payload:
            self._show(person, channel_id, answer.payload)
        return _outcome(answer)

    def _show(self, person: User, channel: str, answer: Any) -> None:
        """What a command was acknowledged with: text or a message, private unless it says `in_channel`."""
        given: Json = cast(Json, answer) if isinstance(answer, dict) else {"text": str(answer)}
        try:
            kept = payload.content(Arguments(given))
        except SlackError as error:
            raise ControlError(f"Slack would not show the app's answer: {error}.") from error
        message = {**as_bot(self.workspace.us), **kept}
        if given.get("response_type") == "in_channel":
            self.conversations.add(self.workspace.channels[channel], message)
        else:
            self.conversations.show_privately(person.id, channel, message, "acknowledgement")

    def home(self, person: User) -> None:
        """Open the app's Home tab."""
        self._need_app()
        view = self.views.homes.get(person.id)
        if not self.events.home_opened(person.id, None if view is None else view.as_json(self.workspace)):
            raise ControlError("The manifest does not subscribe to app_home_opened.")

    def _need_app(self) -> None:
        if not self.workspace.installation.active:
            raise ControlError("The app is not installed.")

    # Views

    def enter(self, view: View, values: Json) -> None:
        """Type or choose: `{block_id: {action_id: text | value | [values]}}`."""
        blocks: list[Json] = view.given["blocks"]
        places = {(block["block_id"], element["action_id"]) for block in blocks for element in elements(block)}
        for block_id, inner in values.items():
            for action_id, entry in cast(dict[str, Entry], inner).items():
                if (block_id, action_id) not in places:
                    raise ControlError(f"The view has no {block_id}/{action_id}; it has {sorted(places)}.")
                view.entries[block_id, action_id] = entry
        self.views.show(view)

    async def press(self, view: View, person: User, action_id: str, block_id: str | None = None) -> Json:
        """Press a button (or dispatch an input) of a modal or the Home tab; in this block, if several have one."""
        block, element = _in_view(view, action_id, block_id)
        shown = ("type", "text", "value", "style", "url")
        state = view.values().get(block["block_id"], {}).get(action_id, {})
        action = {
            **{name: element[name] for name in shown if name in element},
            **state,
            "action_id": action_id,
            "block_id": block["block_id"],
            "action_ts": f"{time.time():.6f}",
        }
        payload = {
            "type": "block_actions",
            **self._about(view, person),
            "container": {"type": "view", "view_id": view.id},
            "actions": [action],
        }
        return _outcome(await self.transport.send_interaction("interactive", payload))

    async def suggest(self, view: View, person: User, action_id: str, value: str) -> list[Json]:
        """Type into an external select: the options that the app gives, none when it does not answer in time."""
        block, _ = _in_view(view, action_id)
        payload = {
            "type": "block_suggestion",
            **self._about(view, person),
            "container": {"type": "view", "view_id": view.id},
            "action_id": action_id,
            "block_id": block["block_id"],
            "value": value,
        }
        answer = await self.transport.send_interaction("interactive", payload, accepts_response_payload=True)
        answered: Any = answer.payload
        given: Json = cast(Json, answered) if isinstance(answered, dict) else {}
        groups: list[Json] = given.get("option_groups", [])
        found = [*given.get("options", []), *(option for group in groups for option in group["options"])]
        view.suggested[action_id] = found
        return found

    async def submit(self, view: View, person: User) -> Json:
        """Submit a modal: `{"acknowledged", "seconds", "errors"}`. It closes, unless the app answers otherwise."""
        payload: Json = {
            "type": "view_submission",
            **self._about(view, person),
            "response_urls": [],
        }
        view.errors = {}
        answer = await self.transport.send_interaction("interactive", payload, accepts_response_payload=True)
        if answer.acknowledged:
            self._follow(view, answer.payload or {})
        return {**_outcome(answer), "errors": view.errors}

    def _follow(self, view: View, answer: Json) -> None:
        """Do what the acknowledgement of a submission says (`response_action`)."""
        try:
            match answer.get("response_action"):
                case None:
                    self.views.close(view.user)
                case "clear":
                    self.views.close(view.user, every=True)
                case "errors":
                    view.errors = answer["errors"]
                    self.views.show(view)
                case "update":
                    view.become(checked_view(answer.get("view"), "modal"))
                    self.views.show(view)
                case "push":
                    self.views.push(view.user, checked_view(answer.get("view"), "modal"))
                case other:
                    raise ControlError(f"Slack knows no response_action {other!r}.")
        except SlackError as error:
            raise ControlError(f"Slack would not show the app's view: {error} {error.more}.") from error

    def _about(self, view: View, person: User) -> Json:
        return {
            **sent_by(self.workspace, person),
            "trigger_id": self.triggers.mint(person.id),
            "view": view.as_json(self.workspace),
        }


def _in_view(view: View, action_id: str, block_id: str | None = None) -> tuple[Json, Json]:
    for block in view.given["blocks"]:
        if block_id not in (None, block["block_id"]):
            continue
        for element in elements(block):
            if element["action_id"] == action_id:
                return block, element
    raise ControlError(f"The view has no {action_id}.")


def _outcome(answer: Acknowledgement) -> Json:
    return {"acknowledged": answer.acknowledged, "seconds": answer.seconds}
