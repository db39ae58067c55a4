"""Which installation an event, a click or a command is for, and who sent it."""

from typing import Any

from slack_bolt.request.internals import extract_enterprise_id, extract_is_enterprise_install, extract_team_id

from bot.model import Thread
from bot.services.responder import Caller

Json = dict[str, Any]


def installation_of(body: Json) -> str:
    """The enterprise of an org-wide install, else the team (docs.slack.dev/enterprise/organization-ready-apps).

    Bolt reads it from the same places when it authorises.
    """
    return str(extract_enterprise_id(body) if extract_is_enterprise_install(body) else extract_team_id(body))


def caller_of(body: Json) -> Caller:
    """Who sent a click, a shortcut or a command, and from where: Home is in no channel."""
    channel: Json = body.get("channel") or {"id": body.get("channel_id", "")}
    container: Json = body.get("container") or {}
    return Caller(
        Thread(installation_of(body), channel["id"], container.get("thread_ts") or ""),
        body["user"]["id"] if "user" in body else body["user_id"],
        str(body.get("command") or body.get("type")),
        str(body.get("response_url") or ""),
    )


def is_shared(body: Json) -> bool | None:
    """Whether other organisations are in the channel of this event; None where it does not say."""
    shared = body.get("is_ext_shared_channel")
    return shared if isinstance(shared, bool) else None
