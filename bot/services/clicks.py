"""Pressing a card's buttons: policy, one transaction, and who was first where somebody was faster."""

from dataclasses import replace
from functools import partial

from bot.insights import Action
from bot.messages import replies, sentences
from bot.model import Thread
from bot.services.checks import UserError, permit
from bot.services.context import PERSON_WITHIN, Context
from bot.services.responder import Answer
from bot.store import cards, clicks
from bot.store.clicks import Click, Clicked


async def press(
    context: Context, workspace: str, user: str, action: Action, card: str, version: int, ticked: frozenset[int]
) -> Answer:
    """Press a button of a card; returns what to tell the person, beyond what the card shows. Raises UserError.

    `version`: the card's as the person saw it; `ticked`: the insights that they had ticked.
    """
    clicked = await _press(context, workspace, Click(card, version, action, user, ticked))
    if clicked.nothing_ticked:
        return sentences.NOTHING_TICKED
    if clicked.earlier:
        return partial(_who_was_first, context, workspace, clicked)
    return "" if clicked.moved else sentences.NOTHING_LEFT


async def undo_last(context: Context, thread: Thread, user: str) -> str:
    """Take off its case what was added last in a thread; raises UserError."""
    async with context.store.read() as connection:
        card = await cards.last_added(connection, thread)
    if card is None:
        return replies.NOTHING_TO_UNDO
    clicked = await _press(context, thread.workspace, Click(card.id, card.version, Action.UNDO, user))
    return replies.undoing(clicked.moved, clicked.case_key) if clicked.moved else replies.NOTHING_TO_UNDO


async def _press(context: Context, workspace: str, click: Click) -> Clicked:
    case = await clicks.case_of(context.store, click.card, workspace)
    if case is None:
        raise UserError(sentences.GONE_CARD)
    # A case whose organisation this workspace may not use any more can still be let go of: nothing reaches Datadog.
    org = None if click.action in (Action.CANCEL, Action.DISMISS) else case.org
    await permit(context, workspace, click.by, case.key, org=org)
    clicked = await clicks.press(context.store, click)
    if clicked is None:
        raise UserError(sentences.GONE_CARD)
    return clicked


async def _who_was_first(context: Context, workspace: str, clicked: Clicked) -> str:
    slack = await context.slack(workspace)
    people = await slack.names({item.by for item in clicked.earlier if item.by}, within=PERSON_WITHIN)
    org = context.orgs.get(clicked.org)
    titles = org.names.cached([item.identity for item in clicked.earlier]) if org else {}
    earlier = [replace(item, name=titles.get(item.identity, "")) for item in clicked.earlier]
    if clicked.moved:
        return sentences.partly_late(people, earlier, clicked.moved, clicked.case_key)
    return sentences.late_click(people, earlier)
