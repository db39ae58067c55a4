"""What Slack sends, in the shape that the listeners rely on: the one reader of its payloads.

The law: a field of another type counts as absent, and so does an id that is none; what a payload cannot do without is
needed. Fields that are not named here stay as they are: whoever reads them, as `links.extract` does, expects anything.
https://docs.slack.dev/reference/interaction-payloads, https://docs.slack.dev/reference/events
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl

from bot.slack.json import Json


@dataclass(frozen=True, slots=True)
class Fields:
    """An object with fields of these shapes; without a `needed` one it counts as absent itself."""

    shapes: Mapping[str, "Shape"]
    needed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Every:
    """An object whose every value has this shape, and a list of these where `listed`."""

    shape: "Shape"
    listed: bool = False


Shape = type[str] | type[bool] | type[float] | re.Pattern[str] | Fields | Every
"""A pattern: a string that matches it as a whole; float: any number."""

ID = re.compile(r"[A-Za-z0-9._-]{1,32}")
_HALVES = re.compile(r"\\u[dD][89a-fA-F]")
"""As JSON escapes them; two that belong together are one character."""
TS = re.compile(r"[0-9]{1,16}(\.[0-9]{1,9})?")

_OPTION = Fields({"value": str, "text": Fields({"text": str})}, ("value",))
_CONTROL: Mapping[str, Shape] = {
    "value": str,
    "selected_option": _OPTION,
    "selected_options": Every(_OPTION, listed=True),
}
_STATE = Fields({"values": Every(Every(Fields(_CONTROL)))})
_MESSAGE: Mapping[str, Shape] = {
    "type": str,
    "subtype": str,
    "user": ID,
    "bot_id": ID,
    "app_id": ID,
    "text": str,
    "ts": TS,
    "thread_ts": TS,
    "metadata": Fields({"event_type": str}),
}
_INSTALLATION: Mapping[str, Shape] = {"team_id": ID, "enterprise_id": ID, "is_enterprise_install": bool}
_ADDRESSED: Mapping[str, Shape] = {
    **_INSTALLATION,
    "authorizations": Every(Fields(_INSTALLATION), listed=True),
    "response_urls": Every(Fields({"response_url": str}), listed=True),
}
"""Where Bolt looks in whatever there is."""
_INSIDE = Fields(_MESSAGE, ("ts",))
_EVENT: Mapping[str, Shape] = {
    **_MESSAGE,
    **dict.fromkeys(("channel", "team", "user_team", "team_id", "enterprise_id", "channel_id", "user_id"), ID),
    "channel_type": str,
    "deleted_ts": TS,
    "tab": str,
    "enterprise": ID,
    "message": _INSIDE,
    "previous_message": _INSIDE,
    "tokens": Fields({"bot": Every(str, listed=True)}),
}
_ENVELOPE = Fields(
    {
        **_ADDRESSED,
        **dict.fromkeys(("enterprise", "team", "user", "channel"), ID),
        "event": Fields(_EVENT, ("type",)),
        "event_time": float,
        "is_ext_shared_channel": bool,
    },
    ("event",),
)
_VIEW = Fields(
    {
        **_INSTALLATION,
        **dict.fromkeys(("id", "app_installed_team_id"), ID),
        **dict.fromkeys(("type", "callback_id", "private_metadata"), str),
        "state": _STATE,
    },
    ("type", "callback_id"),
)
_PLACE = Fields({"id": ID, "team_id": ID, "enterprise_id": ID}, ("id",))
_INTERACTION: Mapping[str, Shape] = {
    **_ADDRESSED,
    "type": str,
    "callback_id": str,
    "action_id": str,
    "value": str,
    "trigger_id": str,
    "response_url": str,
    "is_ext_shared_channel": bool,
    **dict.fromkeys(("team", "user", "channel", "enterprise"), _PLACE),
    "container": Fields({"thread_ts": TS}),
    "actions": Every(Fields({**_CONTROL, "type": str, "action_id": str, "block_id": str}, ("action_id",)), listed=True),
    "state": _STATE,
    "view": _VIEW,
    "event": Fields(_EVENT),  # of no interaction, but Bolt looks
    "message": _INSIDE,
}
_COMMAND: Mapping[str, Shape] = {
    **_ADDRESSED,
    **dict.fromkeys(("user_id", "channel_id", "team_id", "enterprise_id"), ID),
    "is_enterprise_install": str,
}
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "message": ("channel", "ts"),
    "app_mention": ("channel", "ts"),
    "app_home_opened": ("user",),
    "block_actions": ("user", "actions"),
    "message_action": ("user", "channel", "message", "callback_id"),
    "view_submission": ("user", "view"),
    "block_suggestion": ("user", "action_id"),
}
"""What the events and interactions that we know cannot do without."""
DROPPED = "app_rate_limited"
"""Slack drops this minute's events, because there were more than 30,000 in an hour: docs.slack.dev/apis/events-api."""


def parse(text: str, *, form: bool) -> object:
    """The payload in a request's body: JSON, in a `form`'s field `payload`, or a command's fields.

    Raises ValueError and RecursionError for text that is neither.
    """
    if not form:
        return whole(json.loads(text), text)
    fields = dict(parse_qsl(text, keep_blank_values=True))
    if "command" in fields or "payload" not in fields:
        return fields
    return whole(json.loads(fields["payload"]), fields["payload"])


def whole(payload: object, text: str) -> object:
    """The payload of this JSON `text` without halves of characters, which no database and no address takes."""
    if not _HALVES.search(text):
        return payload
    halves = json.dumps(payload, ensure_ascii=False).encode("utf-16", "surrogatepass")
    return json.loads(halves.decode("utf-16", "replace"))


def read(payload: object) -> Json | None:
    """The payload with what its listeners may rely on; None where it is of no kind that Slack sends."""
    if not isinstance(payload, dict):
        return None
    body = cast(Json, payload)
    if "command" in body:
        shape = Fields({**dict.fromkeys(body, str), **_COMMAND}, ("command", "user_id", "channel_id"))
        return _read(body, shape)
    match body.get("type"):
        case "event_callback":
            return _event_callback(body)
        case "url_verification":
            return _read(body, Fields({"challenge": str}, ("challenge",)))
        case "block_actions" | "message_action" | "view_submission" | "block_suggestion" as kind:
            return _read(body, Fields(_INTERACTION, _NEEDED[kind]))
        case str() as kind if kind:  # a notice, or what nobody here listens for
            return {"type": kind}
        case _:  # Slack tries a command's address, see docs.slack.dev/interactivity/implementing-slash-commands
            return {"ssl_check": "1"} if body.get("ssl_check") == "1" else None


def messages(response: Json) -> list[Json]:
    """The messages in an answer of Slack's, as those in events are read."""
    found = cast(list[Any], response["messages"]) if isinstance(response.get("messages"), list) else []
    return [message for each in found if (message := _read(each, _INSIDE)) is not None]


def is_notice(payload: Json) -> bool:
    """Whether this is no event, interaction or command: Slack wants an acknowledgement and nothing else."""
    return payload.keys() == {"type"}


def _event_callback(body: Json) -> Json | None:
    envelope = _read(body, _ENVELOPE)
    if envelope is None or any(name not in envelope["event"] for name in _NEEDED.get(envelope["event"]["type"], ())):
        return None
    named = envelope.pop("authorizations", ())
    named = [each for each in named if each.get("is_enterprise_install") or "team_id" in each]
    return {**envelope, "authorizations": named} if named else envelope  # else the envelope's own team counts


def _read(value: Any, shape: Shape) -> Any:
    """The value in this shape; None where it has another."""
    match shape:
        case Fields():
            return _fields(value, shape)
        case Every(listed=True):
            elements = cast(list[Any], value) if isinstance(value, list) else []
            return [read for each in elements if (read := _read(each, shape.shape)) is not None] or None
        case Every():
            pairs = cast(Json, value).items() if isinstance(value, dict) else ()
            return {name: read for name, each in pairs if (read := _read(each, shape.shape)) is not None}
        case re.Pattern():
            return value if isinstance(value, str) and shape.fullmatch(value) else None
        case _:
            is_number = shape is float and isinstance(value, int) and not isinstance(value, bool)
            return value if isinstance(value, shape) or is_number else None


def _fields(value: Any, shape: Fields) -> Json | None:
    if not isinstance(value, dict):
        return None
    kept = dict(cast(Json, value))
    for name in kept.keys() & shape.shapes.keys():
        kept[name] = _read(kept[name], shape.shapes[name])
        if kept[name] is None:
            del kept[name]
    return None if any(name not in kept for name in shape.needed) else kept
