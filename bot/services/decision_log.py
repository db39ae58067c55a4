"""One line of the log for each sighting: what it was read as, by which route, by which tie, and what was decided."""

from collections.abc import Iterable

import structlog

from bot.links import explain
from bot.model import Thread, Tie
from bot.services.context import Context
from bot.store.seen import SightingDecision

log = structlog.get_logger(__name__)


def tell(context: Context, thread: Thread, tie: Tie | None, decided: Iterable[SightingDecision]) -> None:
    """After the transaction that decided stands. A link's query is not logged, nor the id of a draft made from it."""
    for each in decided:
        read = explain(
            each.ref if each.ref.startswith("https://") else f"https://{each.host}{each.ref}", context.routes
        )
        log.info(
            "sighting.decided",
            workspace=thread.workspace,
            channel=thread.channel,
            thread=thread.ts,
            message=each.message_ts,
            outcome="draft" if each.draft else "insight",
            type=str(each.identity.type),
            id=None if each.draft else each.identity.resource_id,
            route=read.route,
            reason=read.reason,
            tie=tie and str(tie.source),
            case=tie and tie.case_id,
            decision=each.decision,
        )
