"""Notes alone: whether they are worth a card, where nothing else is offered."""

from sqlalchemy import and_, bindparam, not_, or_, select

from bot.insights import NOTES_EACH_SECONDS
from bot.model import NoteType, State, Thread
from bot.store.conditions import place, this_thread
from bot.store.connection import Connection
from bot.store.open_cards import HELD
from bot.store.schema import cards, insights

# Made once, see `jobs`.
_A_NOTE = HELD.where(insights.c.type == NoteType.NOTE)
_NOTES_KNOWN = (
    select(cards.c.id)
    .where(
        this_thread(cards),
        _A_NOTE.exists(),
        or_(
            _A_NOTE.where(insights.c.state == State.DISMISSED).exists(),
            and_(
                cards.c.first_link_at > bindparam("since"),
                not_(HELD.where(insights.c.type != NoteType.NOTE).exists()),
            ),
        ),
    )
    .limit(1)
)
"""A card of this thread that says that notes alone are not worth another one."""


async def may_stand_alone(connection: Connection, thread: Thread, at: float) -> bool:
    """Whether notes alone get a card: one an hour in each thread, and none once somebody dismissed one there."""
    values = {**place(thread), "since": at - NOTES_EACH_SECONDS}
    return (await connection.execute(_NOTES_KNOWN, values)).first() is None
