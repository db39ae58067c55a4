"""Which installation an event, a click or a command is for, and who sent it."""

import re
from typing import Any

from slack_bolt.request.internals import extract_enterprise_id, extract_is_enterprise_install, extract_team_id

from bot.messages.modal import Malformed
from bot.model import Thread
from bot.services.responder import Caller

Json = dict[str, Any]

ID = re.compile(r"[A-Za-z0-9]{1,32}")
TS = re.compile(r"[0-9]{1,16}\.[0-9]{1,9}")
NUMBER = re.compile(r"[0-9]{1,9}")


def installation_of(body: Json) -> str:
    """The enterprise of an org-wide install, else the team (docs.slack.dev/enterprise/organization-ready-apps).

    Bolt reads it from the same places when it authorises. Raises Malformed.
    """
    workspace = extract_enterprise_id(body) if extract_is_enterprise_install(body) else extract_team_id(body)
    if workspace is None:
        raise Malformed("of no workspace")
    return workspace


def caller_of(body: Json) -> Caller:
    """Who sent a click, a shortcut or a command, and from where: Home is in no channel."""
    channel: Json = body.get("channel") or {"id": body.get("channel_id", "")}
    container: Json = body.get("container") or {}
    return Caller(
        Thread(installation_of(body), channel["id"], container.get("thread_ts") or ""),
        body["user"]["id"] if "user" in body else body["user_id"],
        str(body.get("command") or body.get("type")),
        str(body.get("response_url") or ""),
        trigger=str(body.get("trigger_id") or ""),
    )


def parts(control: Json) -> tuple[str, str]:
    """The two parts of a control's value: its card or channel, and what else it says; raises Malformed."""
    first, colon, second = control.get("value", "").partition(":")
    if not (ID.fullmatch(first) and colon):
        raise Malformed("no value of a control of ours")
    return first, second


def number(text: str) -> int:
    """An id or a version, as databases keep them; raises Malformed."""
    if not NUMBER.fullmatch(text):
        raise Malformed("no number of ours")
    return int(text)


def timestamp(text: str) -> str:
    """A message's ts; raises Malformed."""
    if not TS.fullmatch(text):
        raise Malformed("no timestamp")
    return text


def is_shared(body: Json) -> bool | None:
    """Whether other organisations are in the channel of this event; None where it does not say."""
    shared = body.get("is_ext_shared_channel")
    return shared if isinstance(shared, bool) else None
