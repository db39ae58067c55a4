"""Which workspaces the bot listens to: it may be removed from one, or not be allowed any more.

This runs before Bolt asks who the bot is in a workspace: where the app was removed, its token is dead already.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_bolt.response import BoltResponse

from bot.listeners.payloads import installation_of
from bot.messages import form_view, sentences
from bot.services.context import Context

Json = dict[str, Any]

log = structlog.get_logger(__name__)


def guarding(context: Context) -> Callable[..., Awaitable[BoltResponse | None]]:
    """What Bolt runs before it authorises; raises SlackTransient where Slack does not say who the bot is."""

    async def guard(body: Json, next: Callable[[], Awaitable[BoltResponse]]) -> BoltResponse | None:  # noqa: A002  Bolt's name
        if body.get("type") != "url_verification":
            if _is_removal(body):
                # It has no authorization left that would tell a Grid's from a team's.
                workspace = str(body.get("team_id") or body.get("enterprise_id"))
                await context.workspaces.removed(workspace, float(body.get("event_time", 0.0)))
                log.info("installation.removed", workspace=workspace, why=body["event"]["type"])
                return BoltResponse(status=200)
            if not await context.works_in(installation_of(body)):
                return _refusal(body)
        await next()
        return None

    return guard


def _refusal(body: Json) -> BoltResponse:
    """A sentence wherever Slack shows one; without it a modal would close as if it had been saved."""
    if "command" in body:
        return BoltResponse(status=200, body=sentences.NOT_HERE)
    match body.get("type"):
        case "view_submission":
            view = form_view.message(sentences.NOT_HERE)
            return BoltResponse(status=200, body={"response_action": "update", "view": view})
        case "block_suggestion":
            return BoltResponse(status=200, body={"options": []})
        case _:
            return BoltResponse(status=200)


def _is_removal(body: Json) -> bool:
    event: Json = body.get("event") or {}
    tokens: Json = event.get("tokens") or {}
    return event.get("type") == "app_uninstalled" or (event.get("type") == "tokens_revoked" and bool(tokens.get("bot")))
