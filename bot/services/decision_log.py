"""One line of the log for each sighting: what it was read as, by which route, by which tie, and what was decided."""

from collections.abc import Iterable

import structlog

from bot.links import explain
from bot.model import Thread, Tie
from bot.services.context import Context
from bot.store.offers import SightingDecision

log = structlog.get_logger(__name__)


def write(context: Context, thread: Thread, tie: Tie | None, decisions: Iterable[SightingDecision]) -> None:
    """Log these decisions, after their commit. Neither a link's query nor an id that a draft made from it is logged."""
    for sighting in decisions:
        ref = sighting.ref
        reading = explain(ref if ref.startswith("https://") else f"https://{sighting.host}{ref}", context.routes)
        log.info(
            "sighting.decided",
            workspace=thread.workspace,
            channel=thread.channel,
            thread=thread.ts,
            message=sighting.message_ts,
            outcome="draft" if sighting.draft else "insight",
            type=str(sighting.identity.type),
            id=None if sighting.draft else sighting.identity.resource_id,
            route=reading.route,
            reason=reading.reason,
            tie=tie and str(tie.source),
            case=tie and tie.case_id,
            decision=sighting.decision,
        )
