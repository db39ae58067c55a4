"""Ties and modes as people set them: policy, one transaction, and an announcement in the open.

The law: each act is one function, whichever button, command or page it is asked for with.
"""

from functools import partial

from bot.commands import CaseReference
from bot.insights import Mode
from bot.messages import replies, sentences
from bot.messages.announcements import mode_set, tied, untied
from bot.model import Case, Thread, TieKind
from bot.services import shared_channels
from bot.services.checks import UserError, in_channels, named_case, permit
from bot.services.context import PERSON_WITHIN, Context
from bot.services.responder import Answer, announce
from bot.store import cards, modes, questions, tie_changes, ties
from bot.store.tie_changes import Untied


async def tie(context: Context, place: Thread, reference: CaseReference, user: str) -> Answer:
    """Tie a thread or a channel to the case that this person names; raises UserError."""
    await permit(context, place.workspace, user, sentences.settings_of(place.ts))
    case = await named_case(context, place.workspace, reference)
    await shared_channels.is_shared(context, place)  # stored, because the cards of what it reads depend on it
    if not await tie_changes.tie(context.store, place, case, user):
        unwatched = await shared_channels.unwatched(context, place)
        return replies.tied_already(case.key, unwatched, thread=bool(place.ts))
    return announced(context, place, case, user)


def announced(context: Context, place: Thread, case: Case, user: str) -> Answer:
    """Say in the open that this person tied a place, once that is committed."""
    words = partial(tied, case_key=case.key, thread_ts=place.ts)
    return partial(announce, context, place, user, words, partial(replies.tied_here, case.key, thread=bool(place.ts)))


async def untie(context: Context, place: Thread, user: str) -> Answer:
    """Untie a thread or a channel: it is about no case, or about what it was before a person said; raises UserError."""
    await permit(context, place.workspace, user, sentences.settings_of(place.ts))
    became = await tie_changes.untie(context.store, place, user)
    again = became is Untied.AS_BEFORE_IT
    now = partial(replies.untied_here, thread=bool(place.ts), again=again)
    if became is Untied.BEFORE:
        return now()
    return partial(announce, context, place, user, partial(untied, thread_ts=place.ts, again=again), now)


async def set_mode(context: Context, place: Thread, mode: Mode, user: str) -> Answer:
    """Set the mode of a thread or a channel; raises UserError."""
    await permit(context, place.workspace, user, sentences.settings_of(place.ts))
    changed = await modes.say(context.store, place, mode, user)
    async with context.store.read() as connection:
        tie = await ties.of(connection, place, bare_root=True)
    tied = tie is not None and tie.kind is TieKind.TIED and tie.org in context.orgs_for(place.workspace)
    now = partial(replies.in_mode, mode, thread=bool(place.ts), tied=tied)
    if not changed:
        return now(await shared_channels.unwatched(context, place))
    words = partial(mode_set, mode=mode, thread_ts=place.ts, tied=tied)
    return partial(announce, context, place, user, words, now)


async def choose(context: Context, here: Thread, user: str, card_id: str, choice: str) -> Answer:
    """Do what a card's menu offers, in the card's thread or channel; raises UserError.

    `here`: where the card is shown, perhaps in this person's direct messages, of a channel that they have left.
    `choice`: `untie`, or a mode and how far it goes (`off.thread`, `auto.channel`).
    """
    async with context.store.read() as connection:
        card = await cards.get(connection, card_id)
    if card is None or card.thread.workspace != here.workspace:
        raise UserError(sentences.GONE_CARD)
    await in_channels(context, here.workspace, user, {card.thread.channel} - {here.channel})
    if choice == "untie":
        return await untie(context, card.thread, user)
    mode, _, where = choice.partition(".")
    return await set_mode(context, card.thread if where == "thread" else card.thread.whole_channel, Mode(mode), user)


async def answer_question(context: Context, workspace: str, user: str, card_id: str, number: int | None) -> Answer:
    """Tie a thread to the case with this number on a card that asks, or (None) to none of them; raises UserError.

    The card itself shows the answer: there is more to tell only where somebody else was first.
    """
    async with context.store.read() as connection:
        card = await cards.get(connection, card_id)
        question = await questions.get(connection, card_id)
    if card is None or card.thread.workspace != workspace or not question or (number or 0) >= len(question.asks):
        raise UserError(sentences.GONE_CARD)
    case = question.asks[number or 0]
    await permit(context, workspace, user, case.key, org=None if number is None else case.org)
    if number is None:
        is_first = await questions.refuse(context.store, card_id, user)
    else:
        is_first = await tie_changes.answer(context.store, card_id, card.thread, case, user)
    return "" if is_first else partial(_who_was_first, context, workspace, card_id)


async def _who_was_first(context: Context, workspace: str, card_id: str) -> str:
    async with context.store.read() as connection:
        question = await questions.get(connection, card_id)
        case_key = await questions.tied_to(connection, question) if question else None
    if question is None:
        return sentences.GONE_CARD
    by = question.by or ""
    names = await (await context.slack(workspace)).names({by}, within=PERSON_WITHIN)
    return sentences.already_answered(names.get(by, "Someone"), case_key)
