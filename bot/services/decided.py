"""What is decided on a card: shown to one person in full, and added back on purpose."""

from functools import partial

from bot.messages import replies, sentences
from bot.messages.card_view import Message, label, needs_id
from bot.messages.settled import everything
from bot.model import Card, CardItem, Insight, Thread
from bot.services import additions
from bot.services.additions import Addition, Earlier
from bot.services.card_views import view
from bot.services.checks import UserError, permit
from bot.services.context import PERSON_WITHIN, Context
from bot.services.responder import Answer
from bot.store import cards, cases


async def add_back(
    context: Context, here: Thread, user: str, card_id: str, insight: int, message_ts: str, *, tell: bool
) -> Answer:
    """Add what was removed, dismissed or left out, on purpose; raises UserError.

    `message_ts`: the message here that brings it once more, if it was offered back for that: the result is shown here.
    `tell`: they pressed it where the card is not.
    """
    async with context.store.read() as connection:
        card = await cards.get(connection, card_id)
        items = await cards.items(connection, card_id) if card else []
        case = await cases.get(connection, card.org, card.case_id) if card else None
    item = next((item for item in items if item.id == insight and not needs_id(item)), None)
    if card is None or card.thread.workspace != here.workspace or case is None or item is None:
        raise UserError(sentences.GONE_CARD)
    await permit(context, here.workspace, user, case.key, org=case.org)
    wanted = Insight(item.type, item.resource_id, item.ref, item.host, item.scope)
    thread, source, poster = card.thread, item.message_ts, item.poster
    if message_ts and here.ts:
        thread, source, poster = here, message_ts, user
    async with context.store.write() as tx:
        added = await additions.add(tx, Addition(thread, case.org, case.case_id, [wanted], user, source, poster))
    if added.earlier:
        return partial(_added_before, context, here.workspace, item, added.earlier[0])
    return partial(additions.told, context, case, thread, added, {}) if tell else ""


async def _added_before(context: Context, workspace: str, item: CardItem, earlier: Earlier) -> str:
    names = await (await context.slack(workspace)).names({earlier.by} if earlier.by else set(), within=PERSON_WITHIN)
    return replies.added_before(label(item), earlier.state, names.get(earlier.by or "", ""), earlier.at)


async def show(context: Context, workspace: str, card_id: str) -> Answer:
    """All that is decided on a card, for one person, who sees the card; raises UserError."""
    async with context.store.read() as connection:
        card = await cards.get(connection, card_id)
    if card is None or card.thread.workspace != workspace:
        raise UserError(sentences.GONE_CARD)
    return partial(_everything, context, card)


async def _everything(context: Context, card: Card) -> Message | str:
    shown = await view(context, card)
    return everything(shown) if shown else sentences.GONE_CARD
