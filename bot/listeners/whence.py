"""Which installation an event, a click or a command is for: as Bolt tells it, who authorises by the same."""

from typing import Any

from slack_bolt.request.internals import extract_enterprise_id, extract_is_enterprise_install, extract_team_id

Json = dict[str, Any]


def workspace(body: Json) -> str:
    """The enterprise of an org-wide install, else the team (docs.slack.dev/enterprise/organization-ready-apps)."""
    return str(extract_enterprise_id(body) if extract_is_enterprise_install(body) else extract_team_id(body))
