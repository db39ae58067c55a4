"""Ticks and clicks on the blocks of a message, and the `block_actions` payloads that Slack sends.

https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

import time
from collections.abc import Callable
from typing import Any

from bot.sandbox.control import ControlError
from bot.sandbox.slack.blockkit.rules import elements
from bot.sandbox.slack.conversations import Conversations, Place, Posted
from bot.sandbox.slack.inputs import MANY, ONE, chosen, entered, options
from bot.sandbox.slack.response_urls import ResponseUrls
from bot.sandbox.slack.transport import Transport
from bot.sandbox.slack.triggers import Triggers
from bot.sandbox.slack.workspace import OUR_APP, User, Workspace

Json = dict[str, Any]
Ticks = dict[Place, list[str]]
Version = tuple[Json, Ticks]
"""A message as somebody sees it, and who has ticked what on it."""


class Clicks:
    """Ticks and clicks of all people. Methods raise ControlError for what a person could not do in Slack."""

    def __init__(
        self,
        conversations: Conversations,
        transport: Transport,
        responses: ResponseUrls,
        triggers: Triggers,
        address: Callable[[], str],
        *,
        enabled: bool,
    ) -> None:
        self.conversations = conversations
        self.transport = transport
        self.response_urls = responses
        self.triggers = triggers
        self.address = address
        self.enabled = enabled
        self._last_ticket = 0

    async def tick(
        self, channel: str, ts: str, as_user: str, action_id: str, block_id: str | None, values: list[str]
    ) -> Json:
        """Set what this person has ticked in an input; the app gets the toggle, as from Slack."""
        posted, person = self._seen(channel, ts, as_user)
        block, element, shown = _element(posted, action_id, block_id)
        known = [option["value"] for option in options(element)]
        if element["type"] not in (*MANY, *ONE) or set(values) - set(known):
            raise ControlError(f"{action_id} is a {element['type']} with {known}, not {values}.")
        posted.ticks[as_user, block["block_id"], action_id] = values
        action = {"type": element["type"], **chosen(element, values)}
        return await self._send(posted, person, block, element, action, shown)

    async def click(
        self,
        channel: str,
        ts: str,
        action_id: str,
        as_user: str,
        block_id: str | None,
        option: str | None,
        *,
        late: bool,
    ) -> Json:
        """Press a button, or choose `option` (its value) of an overflow menu."""
        posted, person = self._seen(channel, ts, as_user)
        block, element, version = _element(posted, action_id, block_id, late=late)
        match element["type"]:
            case "button":
                shown = ("type", "text", "value", "style", "url", "confirm")
                action = {name: element[name] for name in shown if name in element}
            case "overflow":
                picked = next((choice for choice in element["options"] if choice["value"] == option), None)
                if picked is None:
                    raise ControlError(f"The menu {action_id} has no option {option!r}.")
                action = {"type": "overflow", "selected_option": picked}
            case kind:
                raise ControlError(f"{action_id} is a {kind}: tick it.")
        return await self._send(posted, person, block, element, action, version)

    def _seen(self, channel: str, ts: str, as_user: str) -> tuple[Posted, User]:
        """The message as this person sees it."""
        workspace = self.conversations.workspace
        person, where = workspace.users.get(as_user), workspace.channels.get(channel)
        if not self.enabled:
            raise ControlError("Interactivity is off in the manifest.")
        if not workspace.installation.active:
            raise ControlError("The app is not installed.")
        if person is None or where is None or as_user not in where.members:
            raise ControlError(f"{as_user} is not in {channel}.")
        posted = self.conversations.find(channel, ts) or self.conversations.find_private(channel, ts)
        if posted is None or posted.only not in (None, as_user):
            raise ControlError(f"{as_user} sees no message {ts} in {channel}.")
        return posted, person

    async def _send(
        self, posted: Posted, person: User, block: Json, element: Json, action: Json, shown: Version
    ) -> Json:
        self._last_ticket += 1
        ticket = self._last_ticket
        moment = time.time()
        action = {
            "action_id": element["action_id"],
            "block_id": block["block_id"],
            **action,
            "action_ts": f"{moment:.6f}",
        }
        payload = self._payload(posted, person, action, state_values(*shown, person.id))
        answer = await self.transport.send_interaction("interactive", payload)
        return {"acknowledged": answer.acknowledged, "seconds": answer.seconds, "ticket": ticket}

    def _payload(self, posted: Posted, person: User, action: Json, values: Json) -> Json:
        workspace = self.conversations.workspace
        source = {} if posted.only else {"message": self.conversations.read(posted, metadata=True)}
        return {
            "type": "block_actions",
            **sent_by(workspace, person),
            "container": _container(posted),
            "trigger_id": self.triggers.mint(person.id),
            "channel": {"id": posted.channel, "name": workspace.channels[posted.channel].name},
            **source,
            "state": {"values": values},
            "response_url": self.response_urls.mint(self.address(), person.id, posted.channel, posted),
            "actions": [action],
        }


def sent_by(workspace: Workspace, person: User) -> Json:
    """The fields of every interaction that say who acted, and for which app and workspace.

    For an org-wide installation `team` is null, and the workspace is in `user` only.
    """
    team: Json = {"id": workspace.team_id, "domain": workspace.domain}
    team |= {f"enterprise_{name}": value for name, value in (workspace.enterprise or {}).items()}
    is_org_wide = workspace.installation.is_org_wide
    return {
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team_id},
        "api_app_id": OUR_APP,
        "token": "sandbox",
        "team": None if is_org_wide else team,
        "enterprise": workspace.enterprise,
        "is_enterprise_install": is_org_wide,
    }


def _container(posted: Posted) -> Json:
    container: Json = {
        "type": "message",
        "message_ts": posted.ts,
        "channel_id": posted.channel,
        "is_ephemeral": posted.only is not None,
    }
    return container if posted.thread_ts is None else {**container, "thread_ts": posted.thread_ts}


def state_values(message: Json, ticks: Ticks, user: str) -> Json:
    """`state.values`: what this person has ticked and chosen in each input, or its `initial_…` values."""
    values: Json = {}
    for block in message.get("blocks", []):
        for element in elements(block):
            ticked = ticks.get((user, block["block_id"], element["action_id"]))
            if (state := entered(element, ticked)) is not None:
                values.setdefault(block["block_id"], {})[element["action_id"]] = state
    return values


def _element(posted: Posted, action_id: str, block_id: str | None, *, late: bool = False) -> tuple[Json, Json, Version]:
    """The element with this `action_id` (in this block, if given), its block, and the version of the message it is on.

    `late`: look in past versions too, the newest first.
    """
    known: list[str] = []
    now: Version = (posted.message, posted.ticks)
    for version in [now, *(posted.past[::-1] if late else [])]:
        for block in version[0].get("blocks", []):
            for element in elements(block):
                known.append(f"{block['block_id']}/{element['action_id']}")
                if element["action_id"] == action_id and block_id in (None, block["block_id"]):
                    return block, element, version
    raise ControlError(f"There is no {block_id or '*'}/{action_id} on this message; there are {known}.")
