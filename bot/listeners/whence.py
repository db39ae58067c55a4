"""Which installation an event, a click or a command is for."""

from typing import Any, cast

Json = dict[str, Any]


def workspace(body: Json) -> str:
    """The enterprise of an org-wide install, else the team.

    Events and commands carry `team_id`, clicks a `team` object; commands say `"false"` where others say false
    (docs.slack.dev/enterprise/organization-ready-apps).
    """
    if str(body.get("is_enterprise_install")).lower() == "true":
        return str(body.get("enterprise_id") or _id(body.get("enterprise")))
    return str(body.get("team_id") or _id(body.get("team")))


def _id(value: Any) -> Any:
    return cast(Json, value).get("id") if isinstance(value, dict) else None
