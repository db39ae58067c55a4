"""The Slack app manifest, from one place: what the bot may do and what it is told.

Facts: docs.slack.dev/reference/app-manifest. Each scope stands beside the reason for it.
"""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

DISPLAY_NAME = "Case Insights"
SCOPES: Mapping[str, str] = {
    "chat:write": "post its card in the thread and keep it up to date",
    "channels:history": "read messages of public channels that it was invited to",
    "groups:history": "the same for private channels",
    "users:read": "tell full members from guests and strangers, and call people by their names",
}
OPTIONAL_SCOPES: Mapping[str, str] = {
    "usergroups:read": "user groups in `CASE_INSIGHTS_CONFIRMERS`; without it such a group lets nobody in",
}
EVENTS = ("message.channels", "message.groups")


def manifest() -> Json:
    """The manifest for Socket Mode."""
    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {
            "name": DISPLAY_NAME,
            "description": "Adds the Datadog links of a thread to the case the thread is about.",
            "background_color": "#2c2d72",
        },
        "features": {"bot_user": {"display_name": DISPLAY_NAME, "always_online": True}},
        "oauth_config": {"scopes": {"bot": list(SCOPES), "bot_optional": list(OPTIONAL_SCOPES)}},
        "settings": {
            "event_subscriptions": {"bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True},
            "org_deploy_enabled": False,
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }


def as_yaml(value: Json, indent: int = 0) -> str:
    """The manifest as YAML: maps, lists of strings, strings, numbers and booleans are all it holds."""
    pad = "  " * indent
    lines: list[str] = []
    for name, each in value.items():
        if isinstance(each, dict):
            nested: Json = each  # pyright: ignore[reportUnknownVariableType]  JSON
            lines.append(f"{pad}{name}:\n{as_yaml(nested, indent + 1)}")
        elif isinstance(each, list):
            items: list[str] = each  # pyright: ignore[reportUnknownVariableType]  JSON
            lines.append(f"{pad}{name}:\n" + "\n".join(f"{pad}  - {item}" for item in items))
        elif isinstance(each, str):
            lines.append(f'{pad}{name}: "{each}"')
        else:
            lines.append(f"{pad}{name}: {str(each).lower()}")
    return "\n".join(lines)
