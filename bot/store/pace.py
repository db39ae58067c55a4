"""The pace at which one poster makes the bot post and look up in one thread; apps are one poster.

It is read off what is stored, so it holds for all replicas and over restarts.
"""

from typing import Any

from sqlalchemy import Row, bindparam, func, or_, select

from bot.insights import CARDS_A_MINUTE, TITLES_A_MINUTE
from bot.model import State, Thread
from bot.policy import is_app
from bot.store.conditions import in_states, place, this_thread
from bot.store.connection import Connection
from bot.store.schema import card_insights, cards, insights

MINUTE = 60.0

_POSTED = or_(cards.c.posting_since > bindparam("since"), cards.c.ts > bindparam("since_ts"))
# An old card takes links, too; what was offered long ago and is decided now is not asked for again.
_NEW = in_states(insights.c.state, (State.OFFERED, State.WITHDRAWN)) & (insights.c.at > bindparam("since"))
_LATELY = (
    select(cards.c.id, cards.c.first_link_at, card_insights.c.poster, _POSTED.label("posted"), func.count().label("n"))
    .join(card_insights, card_insights.c.card == cards.c.id)
    .join(insights, insights.c.id == card_insights.c.insight)
    .where(this_thread(cards), or_(cards.c.id == bindparam("of_card"), _POSTED, cards.c.ts.is_not(None) & _NEW))
    .group_by(cards.c.id, card_insights.c.poster)
)


async def may_post(connection: Connection, thread: Thread, card: str, at: float) -> bool:
    """Whether one of this card's posters got few other cards in its thread in the minute before `at`."""
    mine, others = await _lately(connection, thread, card, at)
    posted = [who for who, _ in {(who, row.id) for who, row in others if row.posted}]
    return not mine or any(posted.count(who) < CARDS_A_MINUTE for who in mine)


async def titles_left(connection: Connection, thread: Thread, card: str, at: float) -> dict[str, int]:
    """For how many insights of each poster on this card titles may be looked up; of cards made at once, in their order.

    A card with one insight need not ask: such cards are few, and allowed for.
    """
    mine, others = await _lately(connection, thread, card, at)
    left = dict.fromkeys(mine, TITLES_A_MINUTE - CARDS_A_MINUTE)
    for who, row in others:
        if who in mine and (row.first_link_at != mine[who].first_link_at or row.id < card):
            left[who] -= row.n
    return left


async def _lately(
    connection: Connection, thread: Thread, card: str, at: float
) -> tuple[dict[str, Row[Any]], list[tuple[str, Row[Any]]]]:
    """By poster: this card, and the others of its thread that were posted or took links in the minute before `at`."""
    since = at - MINUTE
    values = {**place(thread), "of_card": card, "since": since, "since_ts": f"{since:.6f}"}
    rows = [("" if is_app(row.poster) else row.poster, row) for row in await connection.execute(_LATELY, values)]
    return {who: row for who, row in rows if row.id == card}, [each for each in rows if each[1].id != card]
