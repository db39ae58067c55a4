"""What Slack sends, in the shape that the listeners rely on: the one reader of its payloads.

The law: a field of another type counts as absent, and so does an id that is none; what a payload cannot do without is
needed. Fields that are not named here stay as they are: whoever reads them, as `links.extract` does, expects anything.
https://docs.slack.dev/reference/interaction-payloads, https://docs.slack.dev/reference/events
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from bot.slack.json import Json

Shape = Callable[[Any], Any]
"""The value in this shape; None where it has another."""


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _matching(pattern: re.Pattern[str]) -> Shape:
    """A string that matches as a whole."""
    fullmatch = pattern.fullmatch
    return lambda value: value if isinstance(value, str) and fullmatch(value) else None


def _fields(shapes: Mapping[str, Shape], *needed: str) -> Shape:
    """An object with fields of these shapes; without a `needed` one it counts as absent itself."""

    def read(value: Any) -> Json | None:
        if not isinstance(value, dict):
            return None
        kept: Json = {}
        for name, each in cast(Json, value).items():
            shape = shapes.get(name)
            if shape is None or (each := shape(each)) is not None:
                kept[name] = each
        return None if any(name not in kept for name in needed) else kept

    return read


def _each(shape: Shape) -> Shape:
    """An object whose every value has this shape."""

    def read(value: Any) -> Json:
        pairs = cast(Json, value).items() if isinstance(value, dict) else ()
        return {name: read for name, each in pairs if (read := shape(each)) is not None}

    return read


def _list_of(shape: Shape) -> Shape:
    def read(value: Any) -> list[Any] | None:
        elements = cast(list[Any], value) if isinstance(value, list) else []
        return [read for each in elements if (read := shape(each)) is not None] or None

    return read


_ID = _matching(re.compile(r"[A-Za-z0-9._-]{1,32}"))
_TS = _matching(re.compile(r"[0-9]{1,16}(\.[0-9]{1,9})?"))
_HALVES = re.compile(r"\\u[dD][89a-fA-F]")
"""As JSON escapes them; two that belong together are one character."""

_OPTION = _fields({"value": _string, "text": _fields({"text": _string})}, "value")
_CONTROL: Mapping[str, Shape] = {
    "value": _string,
    "selected_option": _OPTION,
    "selected_options": _list_of(_OPTION),
}
_STATE = _fields({"values": _each(_each(_fields(_CONTROL)))})
_MESSAGE: Mapping[str, Shape] = {
    "type": _string,
    "subtype": _string,
    "user": _ID,
    "bot_id": _ID,
    "app_id": _ID,
    "text": _string,
    "ts": _TS,
    "thread_ts": _TS,
    "metadata": _fields({"event_type": _string}),
}
_INSTALLATION: Mapping[str, Shape] = {"team_id": _ID, "enterprise_id": _ID, "is_enterprise_install": _boolean}
_ADDRESSED: Mapping[str, Shape] = {
    **_INSTALLATION,
    "authorizations": _list_of(_fields(_INSTALLATION)),
    "response_urls": _list_of(_fields({"response_url": _string})),
}
"""Where Bolt looks in whatever there is."""
_INSIDE = _fields(_MESSAGE, "ts")
_MESSAGES = _list_of(_INSIDE)
_EVENT: Mapping[str, Shape] = {
    **_MESSAGE,
    **dict.fromkeys(("channel", "team", "user_team", "team_id", "enterprise_id", "channel_id", "user_id"), _ID),
    "channel_type": _string,
    "deleted_ts": _TS,
    "tab": _string,
    "enterprise": _ID,
    "message": _INSIDE,
    "previous_message": _INSIDE,
    "tokens": _fields({"bot": _list_of(_string)}),
    "reaction": _string,
    "item": _fields({"type": _string, "channel": _ID, "ts": _TS}, "channel", "ts"),
    "item_user": _ID,
    "event_ts": _TS,
}
_ENVELOPE = _fields(
    {
        **_ADDRESSED,
        **dict.fromkeys(("enterprise", "team", "user", "channel"), _ID),
        "event": _fields(_EVENT, "type"),
        "event_time": _number,
        "is_ext_shared_channel": _boolean,
    },
    "event",
)
_CHALLENGE = _fields({"challenge": _string}, "challenge")
_VIEW = _fields(
    {
        **_INSTALLATION,
        **dict.fromkeys(("id", "app_installed_team_id"), _ID),
        **dict.fromkeys(("type", "callback_id", "private_metadata"), _string),
        "state": _STATE,
    },
    "type",
    "callback_id",
)
_PLACE = _fields({"id": _ID, "team_id": _ID, "enterprise_id": _ID}, "id")
_INTERACTION: Mapping[str, Shape] = {
    **_ADDRESSED,
    "type": _string,
    "callback_id": _string,
    "action_id": _string,
    "value": _string,
    "trigger_id": _string,
    "response_url": _string,
    "is_ext_shared_channel": _boolean,
    **dict.fromkeys(("team", "user", "channel", "enterprise"), _PLACE),
    "container": _fields({"thread_ts": _TS}),
    "actions": _list_of(_fields({**_CONTROL, "type": _string, "action_id": _string, "block_id": _string}, "action_id")),
    "state": _STATE,
    "view": _VIEW,
    "event": _fields(_EVENT),  # of no interaction, but Bolt looks
    "message": _INSIDE,
}
_COMMAND: Mapping[str, Shape] = {
    **_ADDRESSED,
    **dict.fromkeys(("user_id", "channel_id", "team_id", "enterprise_id"), _ID),
    "is_enterprise_install": _string,
}
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "message": ("channel", "ts"),
    "app_mention": ("channel", "ts"),
    "app_home_opened": ("user",),
    **dict.fromkeys(("reaction_added", "reaction_removed"), ("user", "reaction", "event_ts")),
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
        return json.loads(whole(text))
    fields = dict(parse_qsl(text, keep_blank_values=True))
    if "command" in fields or "payload" not in fields:
        return fields
    return json.loads(whole(fields["payload"]))


def whole(text: str) -> str:
    """JSON without halves of characters, which no database and no address takes; raises as `json.loads` does."""
    if not _HALVES.search(text):  # as nearly always
        return text
    halves = json.dumps(json.loads(text), ensure_ascii=False).encode("utf-16", "surrogatepass")
    return halves.decode("utf-16", "replace")


def read(payload: object) -> Json | None:
    """The payload with what its listeners may rely on; None where it is of no kind that Slack sends."""
    if not isinstance(payload, dict):
        return None
    body = cast(Json, payload)
    if "command" in body:
        return _fields({**dict.fromkeys(body, _string), **_COMMAND}, "command", "user_id", "channel_id")(body)
    match body.get("type"):
        case "event_callback":
            return _event_callback(body)
        case "url_verification":
            return _CHALLENGE(body)
        case "block_actions" | "message_action" | "view_submission" | "block_suggestion" as kind:
            return _fields(_INTERACTION, *_NEEDED[kind])(body)
        case str() as kind if kind:  # a notice, or what nobody here listens for
            return {"type": kind}
        case _:  # Slack tries a command's address, see docs.slack.dev/interactivity/implementing-slash-commands
            return {"ssl_check": "1"} if body.get("ssl_check") == "1" else None


def messages(response: Json) -> list[Json]:
    """The messages in an answer of Slack's, as those in events are read."""
    return _MESSAGES(response.get("messages")) or []


def is_notice(payload: Json) -> bool:
    """Whether this is no event, interaction or command: Slack wants an acknowledgement and nothing else."""
    return payload.keys() == {"type"}


def _event_callback(body: Json) -> Json | None:
    envelope = _ENVELOPE(body)
    if envelope is None or any(name not in envelope["event"] for name in _NEEDED.get(envelope["event"]["type"], ())):
        return None
    named = envelope.pop("authorizations", ())
    named = [each for each in named if each.get("is_enterprise_install") or "team_id" in each]
    return {**envelope, "authorizations": named} if named else envelope  # else the envelope's own team counts
