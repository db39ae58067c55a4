"""Which installation an event, a click or a command is for, and who sent it."""

from typing import Any

from slack_bolt.request.internals import extract_enterprise_id, extract_is_enterprise_install, extract_team_id

from bot.services.responder import Interaction

Json = dict[str, Any]


def installation_of(body: Json) -> str:
    """The enterprise of an org-wide install, else the team (docs.slack.dev/enterprise/organization-ready-apps).

    Bolt reads it from the same places when it authorises.
    """
    return str(extract_enterprise_id(body) if extract_is_enterprise_install(body) else extract_team_id(body))


def interaction(body: Json) -> Interaction:
    """What a click, a shortcut or a command (which alone has a `user_id`) says of itself."""
    user: str = body["user_id"] if "command" in body else body["user"]["id"]
    container: Json = body.get("container") or {}
    return Interaction(
        installation_of(body),
        user,
        str(body.get("type") or body.get("command")),
        str(body.get("response_url") or ""),
        container.get("thread_ts"),
    )
