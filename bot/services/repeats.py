"""Telling a person, privately and once, why what they pasted gets no card: somebody said no before, or it has no id."""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from bot.insights import Decision
from bot.messages.card_view import Message
from bot.messages.repeats import offered_back, without_id
from bot.model import Thread, Tie
from bot.policy import is_app
from bot.services import decision_log
from bot.services.context import PERSON_WITHIN, Context
from bot.slack.errors import SlackPermanent, SlackTransient
from bot.store import cases, repeats
from bot.store.offers import SightingDecision

_TOLD = (Decision.DISMISSED, Decision.UNDONE, Decision.NEEDS_ID)

log = structlog.get_logger(__name__)


def report_decisions(context: Context, thread: Thread, tie: Tie | None, decided: Sequence[SightingDecision]) -> None:
    """Log these decisions, after their commit; who posted what is not offered is told after the acknowledgement."""
    decision_log.write(context, thread, tie, decided)
    silent = [sighting for sighting in decided if sighting.decision in _TOLD]
    if tie is None:
        return
    for poster in {sighting.poster for sighting in silent if sighting.poster and not is_app(sighting.poster)}:
        theirs = [sighting for sighting in silent if sighting.poster == poster]
        context.background.do(_tell(context, thread, tie, poster, theirs))


async def _tell(context: Context, thread: Thread, tie: Tie, poster: str, theirs: Sequence[SightingDecision]) -> None:
    """Guests and strangers are told nothing: it would say what is on a case."""
    try:
        if await context.outsider(thread.workspace, poster) is None and (
            said := await _said(context, thread, tie, poster, theirs)
        ):
            await (await context.slack(thread.workspace)).whisper(thread, poster, said)
    except (SlackTransient, SlackPermanent) as error:
        log.warning("answer.lost", user=poster, why=str(error))


async def _said(
    context: Context, thread: Thread, tie: Tie, poster: str, theirs: Sequence[SightingDecision]
) -> Message | str | None:
    messages = sorted({sighting.message_ts for sighting in theirs})
    alone = any(sighting.decision == Decision.NEEDS_ID for sighting in theirs)
    async with context.store.read() as connection:
        again = await repeats.first_repeats(connection, thread, poster, messages)
        case = await cases.get(connection, tie.org, tie.case_id)
        known = not alone or await repeats.pasted_without_id(connection, thread, poster, messages)
    if not again:
        return None if known else without_id()
    people = {repeat.item.by for repeat in again if repeat.item.by}
    names = await (await context.slack(thread.workspace)).names(people, within=PERSON_WITHIN)
    org = context.orgs_for(thread.workspace).get(tie.org)
    titles = org.names.cached([repeat.item.identity for repeat in again]) if org else {}
    shown = [
        (replace(each.item, name=titles.get(each.item.identity, "")), each.card, each.message_ts) for each in again
    ]
    return offered_back(shown, {**names, poster: "You"}, case.key if case else "the case")
