"""Modals and Home tabs: the views that the app opens and publishes, and what people enter.

https://docs.slack.dev/reference/views
"""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any, cast

from bot.sandbox.control import Control
from bot.sandbox.slack.blockkit.rules import elements, filled_in, view_problems
from bot.sandbox.slack.errors import SlackError, bad_arguments
from bot.sandbox.slack.inputs import Entry, entered
from bot.sandbox.slack.payload import Arguments
from bot.sandbox.slack.workspace import OUR_APP, Workspace

Json = dict[str, Any]

LARGEST_VIEW = 250_000
MOST_PUSHED = 3
SHOWN = ("type", "title", "submit", "close", "blocks", "callback_id", "external_id", "private_metadata",
         "clear_on_close", "notify_on_close", "submit_disabled")  # fmt: skip


@dataclass(eq=False, slots=True)
class View:
    """One view of one person. `entries` are what was entered, by (block_id, action_id); `errors` by block_id.

    `suggested`: the app's last options for each external select, by action_id.
    """

    id: str
    user: str
    given: Json
    hash: str
    below: "View | None" = None
    entries: dict[tuple[str, str], Entry] = field(default_factory=dict[tuple[str, str], Entry])
    suggested: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])
    errors: dict[str, str] = field(default_factory=dict[str, str])

    def become(self, given: Json) -> None:
        """Replace the content; entries stay where `block_id` and `action_id` stay."""
        self.given, self.hash, self.errors = given, _new_hash(), {}
        places = {(block["block_id"], element["action_id"]) for block in given["blocks"] for element in elements(block)}
        self.entries = {place: entry for place, entry in self.entries.items() if place in places}

    def values(self) -> Json:
        """`state.values`."""
        values: Json = {}
        for block in self.given["blocks"]:
            for element in elements(block):
                entry = self.entries.get((block["block_id"], element["action_id"]))
                state = entered(element, entry, self.suggested.get(element["action_id"]))
                if state is not None:
                    values.setdefault(block["block_id"], {})[element["action_id"]] = state
        return values

    def as_json(self, workspace: Workspace) -> Json:
        """As Slack sends and returns it."""
        root = self
        while root.below is not None:
            root = root.below
        return {
            "id": self.id,
            "team_id": workspace.team_id,
            "app_id": OUR_APP,
            "app_installed_team_id": workspace.installed_in,
            "bot_id": workspace.us.bot_id,
            "hash": self.hash,
            "root_view_id": root.id,
            "previous_view_id": None if self.below is None else self.below.id,
            "state": {"values": self.values()},
            "callback_id": "",
            "external_id": "",
            "private_metadata": "",
            **{name: self.given[name] for name in SHOWN if name in self.given},
        }


class Views:
    """Every person's open modal (with those below it) and Home tab."""

    def __init__(self, workspace: Workspace, control: Control) -> None:
        self.workspace = workspace
        self.control = control
        self.modals: dict[str, View] = {}
        self.homes: dict[str, View] = {}

    def open(self, user: str, given: Json) -> View:
        """Open a modal for this person, instead of any other."""
        view = self._new(user, given)
        self.modals[user] = view
        self.show(view)
        return view

    def push(self, user: str, given: Json) -> View:
        """Open a modal on top of this person's modal. Raises SlackError."""
        top = self.modals.get(user)
        if top is None:
            raise SlackError("not_found")
        if len(self.stack(user)) >= MOST_PUSHED:
            raise SlackError("push_limit_reached")
        view = self._new(user, given)
        view.below = top
        self.modals[user] = view
        self.show(view)
        return view

    def publish(self, user: str, given: Json) -> View:
        view = self.homes.get(user)
        if view is None:
            view = self.homes[user] = self._new(user, given)
        else:
            view.become(given)
        self.show(view)
        return view

    def find(self, view_id: str) -> View | None:
        everyone = [*self.homes.values(), *(view for user in self.modals for view in self.stack(user))]
        return next((view for view in everyone if view_id in (view.id, view.given.get("external_id"))), None)

    def stack(self, user: str) -> list[View]:
        """This person's modals, the topmost first."""
        stack: list[View] = []
        view = self.modals.get(user)
        while view is not None:
            stack.append(view)
            view = view.below
        return stack

    def close(self, user: str, *, every: bool = False) -> None:
        """Close this person's topmost modal, or `every` one."""
        top = self.modals.pop(user, None)
        if top is not None and top.below is not None and not every:
            self.modals[user] = top.below
        self.control.publish("view", {"user": user, "view": None})

    def show(self, view: View) -> None:
        kind = "home" if view.given["type"] == "home" else "view"
        shown = {**view.as_json(self.workspace), "errors": view.errors}
        self.control.publish(kind, {"user": view.user, "view": shown})

    def forget(self) -> None:
        self.modals.clear()
        self.homes.clear()

    def _new(self, user: str, given: Json) -> View:
        return View(f"V0{secrets.token_hex(5).upper()}", user, given, _new_hash())


def view_of(arguments: Arguments, kind: str) -> Json:
    """The checked `view` argument, of this type. Raises SlackError."""
    arguments.need("view")
    return checked_view(arguments.given["view"], kind)


def checked_view(given: Any, kind: str) -> Json:
    """A view as Slack keeps it. Raises SlackError."""
    if not isinstance(given, dict):
        raise bad_arguments("must provide an object [json-pointer:/view]")
    view = cast(Json, given)
    if len(json.dumps(view)) > LARGEST_VIEW:
        raise SlackError("view_too_large")
    if sentences := view_problems(view, kind):
        raise bad_arguments(*sentences)
    return {**view, "blocks": filled_in(view["blocks"])}


def _new_hash() -> str:
    return secrets.token_hex(8)
