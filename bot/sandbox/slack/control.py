"""The control routes that only Slack has: `POST /_sandbox/<verb>` with the verb's arguments as JSON."""

import inspect
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.sandbox.control import ControlError, Json, body_of, control_route
from bot.sandbox.slack.user_actions import UserActions

Fields = dict[str, type]

MESSAGE: Fields = {"channel": str, "ts": str}
VIEW: Fields = {"view_id": str, "as_user": str}


@dataclass(frozen=True, slots=True)
class Verb:
    """A method of `UserActions` as a route. `answer`: the field for what it returns, unless that is an object."""

    name: str
    required: Fields
    optional: Fields = field(default_factory=Fields)
    answer: str = ""


VERBS = (
    Verb(
        "message",
        {"channel": str, "as_user": str, "text": str},
        {
            "thread_ts": str,
            "blocks": list,
            "attachments": list,
            "subtype": str,
            "files": list,
            "raw": bool,
            "broadcast": bool,
            "deliver": bool,
        },
    ),
    Verb("edit", {**MESSAGE, "text": str}, {"as_user": str, "raw": bool}),
    Verb("delete", MESSAGE),
    Verb("react", {**MESSAGE, "as_user": str, "name": str}, {"take_off": bool}),
    Verb("unfurl", {**MESSAGE, "attachments": list}),
    Verb(
        "click",
        {**MESSAGE, "action_id": str, "as_user": str},
        {"block_id": str, "option": str, "late": bool},
    ),
    Verb("tick", {**MESSAGE, "as_user": str, "action_id": str, "values": list}, {"block_id": str}),
    Verb("mention", {"channel": str, "as_user": str, "text": str}, {"thread_ts": str}),
    Verb("shortcut", {**MESSAGE, "as_user": str, "callback_id": str}),
    Verb("command", {"channel": str, "as_user": str, "command": str}, {"text": str}),
    Verb("home", {"as_user": str}),
    Verb("suggest", {**VIEW, "action_id": str, "value": str}, answer="options"),
    Verb("press", {**VIEW, "action_id": str}, {"values": dict, "block_id": str}),
    Verb("submit", VIEW, {"values": dict}),
    Verb("dismiss", VIEW),
    Verb("event", {"event": dict}),
    Verb("redeliver", {"event": str}, {"copies": int, "new_ids": bool}, "sent"),
    Verb("drop_socket", {}, answer="dropped"),
    Verb("refresh", {}, {"reason": str}, "told"),
    Verb("silence_socket", {}, answer="silent"),
    Verb("verify_request_url", {}),
    Verb("uninstall", {}),
)


def slack_routes(slack: UserActions) -> list[web.RouteDef]:
    """What people and Slack do, and the state to look at."""

    async def repeat_events(request: web.Request) -> Json:
        fields = await body_of(request, copies=int)
        need(fields, "copies")
        slack.repeat_events = fields["copies"]
        return {"repeat_events": slack.repeat_events}

    async def state(_: web.Request) -> Json:
        return slack.state()

    async def private(_: web.Request) -> Json:
        return {"private": slack.private}

    return [
        *(_route(slack, verb) for verb in VERBS),
        control_route("POST", "/_sandbox/repeat_events", repeat_events),
        control_route("GET", "/_sandbox/state", state),
        control_route("GET", "/_sandbox/private", private),
    ]


def _route(slack: UserActions, verb: Verb) -> web.RouteDef:
    async def run(request: web.Request) -> Json:
        fields = await body_of(request, **verb.required, **verb.optional)
        need(fields, *verb.required)
        result: Any = getattr(slack, verb.name)(**fields)
        if inspect.isawaitable(result):
            result = await result
        if verb.answer:
            return {verb.answer: result}
        return {"ok": True} if result is None else result

    return control_route("POST", f"/_sandbox/{verb.name}", run)


def need(fields: Json, *names: str) -> None:
    """Raises ControlError when one of these is missing."""
    missing = [name for name in names if name not in fields]
    if missing:
        raise ControlError(f"{' and '.join(missing)} is missing.")
