"""The Slack app manifest: what the bot may do, and which events it gets.

Facts: docs.slack.dev/reference/app-manifest.
"""

import json
from collections.abc import Mapping
from typing import Any

from bot.commands import COMMAND, CREATE_SHORTCUT, MENTION, SHORTCUT

Json = dict[str, Any]

EVENTS_PATH = "/slack/events"
INSTALL_PATH = "/slack/install"
REDIRECT_PATH = "/slack/oauth_redirect"
"""The bot's own addresses over HTTP: for Slack, and for people who install it."""
DISPLAY_NAME = MENTION.removeprefix("@")
SCOPES: Mapping[str, str] = {  # with the reason for each
    "app_mentions:read": "hear `@Case Insights …`",
    "chat:write": "post its card in the thread and keep it up to date",
    "channels:history": "read messages of public channels that it was invited to",
    "commands": "`/insight` and the message shortcuts *Add to case* and *Create case*",
    "groups:history": "read messages of private channels that it was invited to",
    "users:read": "tell full members from guests and strangers, and call people by their names",
}
OPTIONAL_SCOPES: Mapping[str, str] = {
    "channels:read": "Home's list of channels, commands about other channels, and whether one is shared outside",
    "groups:read": "the same as `channels:read`, for private channels",
    "usergroups:read": "user groups in `CASE_INSIGHTS_CONFIRMERS`; without it such a group lets nobody in",
}
REACTION_SCOPES: Mapping[str, str] = {
    "reactions:read": "`CASE_INSIGHTS_REACTION`, with the events `reaction_added` and `reaction_removed`"
}
REACTION_EVENTS = ("reaction_added", "reaction_removed")
"""For `CASE_INSIGHTS_REACTION` alone."""
EVENTS = ("app_home_opened", "app_mention", "message.channels", "message.groups")
OAUTH_EVENTS = ("app_uninstalled", "tokens_revoked")
"""Where workspaces install the bot themselves: so that it forgets their tokens."""


def optional_scopes(*, reaction: bool) -> Mapping[str, str]:
    """Without which a part stops, with the reason for each; `reaction`: that door is open."""
    return {**OPTIONAL_SCOPES, **(REACTION_SCOPES if reaction else {})}


def app_manifest(url: str | None = None, *, oauth: bool = False, reaction: bool = False) -> Json:
    """The manifest for HTTP mode at this address (without a slash at the end); without one, for Socket Mode.

    `oauth`: for workspaces, and whole Enterprise Grids, that install the bot themselves. `reaction`: with what
    `CASE_INSIGHTS_REACTION` needs.
    """
    scopes = {"bot": list(SCOPES), "bot_optional": list(optional_scopes(reaction=reaction))}
    events = [*EVENTS, *(REACTION_EVENTS if reaction else ()), *(OAUTH_EVENTS if oauth else ())]
    request_url = None if url is None else f"{url}{EVENTS_PATH}"
    redirect: Json = {"redirect_urls": [f"{url}{REDIRECT_PATH}"]} if oauth else {}
    request: Json = {} if request_url is None else {"request_url": request_url}
    # For the options of menus, those in modals too, in spite of the field's name.
    options: Json = {} if request_url is None else {"message_menu_options_url": request_url}
    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {
            "name": DISPLAY_NAME,
            "description": "Adds the Datadog links of a thread to the case the thread is about.",
            "background_color": "#2c2d72",
        },
        "features": {
            "bot_user": {"display_name": DISPLAY_NAME, "always_online": True},
            # Read-only: cards for people outside a channel land here; nobody writes to the bot here.
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "shortcuts": [
                {
                    "name": "Add to case",
                    "type": "message",
                    "callback_id": SHORTCUT,
                    "description": "Adds the Datadog links of this message to a case",
                },
                {
                    "name": "Create case",
                    "type": "message",
                    "callback_id": CREATE_SHORTCUT,
                    "description": "Creates a Datadog case from this message's thread",
                },
            ],
            "slash_commands": [
                {
                    "command": COMMAND,
                    **({} if request_url is None else {"url": request_url}),
                    "description": "Ties channels to Datadog cases, adds links, explains",
                    "usage_hint": "help",
                    "should_escape": True,
                }
            ],
        },
        "oauth_config": {**redirect, "scopes": scopes},
        "settings": {
            "event_subscriptions": {**request, "bot_events": events},
            "interactivity": {"is_enabled": True, **request, **options},
            "org_deploy_enabled": oauth,
            "socket_mode_enabled": url is None,
            "token_rotation_enabled": False,
        },
    }


def as_json(url: str | None = None, *, oauth: bool = False, reaction: bool = False) -> str:
    """The manifest as text, to paste under "From a manifest", JSON."""
    return json.dumps(app_manifest(url, oauth=oauth, reaction=reaction), indent=2, ensure_ascii=False)
