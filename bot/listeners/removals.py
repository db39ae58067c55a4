"""The app was taken out of a workspace, or its token revoked: what is stored of it goes.

This comes before Bolt asks who the bot is there: the token is dead already.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_bolt.response import BoltResponse

from bot.delivery import InstalledWorkspaces
from bot.listeners.whence import workspace

Json = dict[str, Any]

log = structlog.get_logger(__name__)


def forgetting(workspaces: InstalledWorkspaces) -> Callable[..., Awaitable[BoltResponse | None]]:
    """What Bolt runs before it authorises."""

    async def forget(body: Json, next: Callable[[], Awaitable[BoltResponse]]) -> BoltResponse | None:  # noqa: A002  Bolt's name
        event: Json = body.get("event") or {}
        tokens: Json = event.get("tokens") or {}
        revoked = event.get("type") == "tokens_revoked" and bool(tokens.get("bot"))
        if revoked or event.get("type") == "app_uninstalled":
            await workspaces.removed(workspace(body), float(body["event_time"]))
            log.info("installation.removed", workspace=workspace(body), why=event["type"])
            return BoltResponse(status=200)
        await next()
        return None

    return forget
