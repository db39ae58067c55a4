"""Which workspaces the bot listens to, where they install it themselves.

This comes before Bolt asks who the bot is there: of one that took it out, the token is dead already.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_bolt.response import BoltResponse

from bot.listeners.installation import installation_of
from bot.messages import modal, sentences
from bot.slack.client import SlackPermanent
from bot.slack.workspaces import InstalledWorkspaces

Json = dict[str, Any]

log = structlog.get_logger(__name__)


def guarding(workspaces: InstalledWorkspaces) -> Callable[..., Awaitable[BoltResponse | None]]:
    """What Bolt runs before it authorises; raises SlackLater where Slack does not say who the bot is."""

    async def guard(body: Json, next: Callable[[], Awaitable[BoltResponse]]) -> BoltResponse | None:  # noqa: A002  Bolt's name
        if body.get("type") != "url_verification":
            if _is_removal(body):
                # It has no authorization left that would tell a Grid's from a team's.
                gone = str(body.get("team_id") or body.get("enterprise_id"))
                await workspaces.removed(gone, float(body["event_time"]))
                log.info("installation.removed", workspace=gone, why=body["event"]["type"])
                return BoltResponse(status=200)
            there = installation_of(body)
            try:
                await workspaces.at(there)
            except SlackPermanent as end:
                log.warning("workspace.refused", workspace=there, why=end.reason)
                return _not_here(body)
        await next()
        return None

    return guard


def _not_here(body: Json) -> BoltResponse:
    """Said wherever an answer is shown; nothing would close a modal as if it had been saved."""
    if "command" in body:
        return BoltResponse(status=200, body=sentences.not_here())
    match body.get("type"):
        case "view_submission":
            said = {"response_action": "update", "view": modal.message(sentences.not_here())}
            return BoltResponse(status=200, body=said)
        case "block_suggestion":
            return BoltResponse(status=200, body={"options": []})
        case _:
            return BoltResponse(status=200)


def _is_removal(body: Json) -> bool:
    event: Json = body.get("event") or {}
    tokens: Json = event.get("tokens") or {}
    return event.get("type") == "app_uninstalled" or (event.get("type") == "tokens_revoked" and bool(tokens.get("bot")))
