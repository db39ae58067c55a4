"""Questions: cards that ask which case a thread is about; one in a thread, once."""

import json
import secrets
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import Case, Question, Thread
from bot.store import Store, cards, cases, now, schema
from bot.store.jobs import JobKind, enqueue

NO = "no"


async def was_asked(connection: AsyncConnection, thread: Thread) -> bool:
    """Whether this thread has had its question."""
    return (await connection.execute(select(schema.cards.c.id).where(_of(thread)).limit(1))).one_or_none() is not None


async def ask(tx: AsyncConnection, thread: Thread, about: Sequence[Case], at: float) -> None:
    """Have a card ask whether the thread is about one of these cases, unless it was asked before."""
    if await was_asked(tx, thread):
        return
    card = secrets.token_hex(6)
    await enqueue(tx, JobKind.CARD, card)
    await tx.execute(
        insert(schema.cards).values(
            id=card,
            kind="tie",
            workspace=thread.workspace,
            channel=thread.channel,
            thread_ts=thread.ts,
            org=about[0].org,
            case_id=about[0].case_id,
            version=1,
            shown_version=0,
            first_link_at=at,
            open=False,
            continued=False,
            asks=json.dumps([[case.org, case.case_id] for case in about]),
        )
    )


async def get(connection: AsyncConnection, card: str) -> Question | None:
    """What this card asks; None when it is no question, or none of its cases is known any more."""
    row = (await connection.execute(select(schema.cards).where(schema.cards.c.id == card))).one_or_none()
    if row is None or row.asks is None:
        return None
    found = [await cases.get(connection, org, case_id) for org, case_id in json.loads(row.asks)]
    asks = tuple(case for case in found if case)
    return Question(card, row.version, asks, row.answer, row.answered_by, row.answered_at or 0.0)


async def tied_to(connection: AsyncConnection, asked: Question) -> str | None:
    """The key of the case that was chosen; None: nobody has, or none of them."""
    if asked.answer is None or asked.answer == NO:
        return None
    org, _, case_id = asked.answer.partition("/")
    case = await cases.get(connection, org, case_id)
    return case.key if case else case_id


async def refuse(store: Store, card: str, by: str) -> bool:
    """Nobody is asked again: this thread is about none of these cases. False: it was answered before."""
    async with store.write() as tx:
        mine = and_(schema.cards.c.id == card, schema.cards.c.answer.is_(None))
        await enqueue(tx, JobKind.CARD, card)
        said = {"answer": NO, "answered_by": by, "answered_at": await now(tx), "version": schema.cards.c.version + 1}
        return bool((await tx.execute(update(schema.cards).where(mine).values(**said))).rowcount)


async def settle(tx: AsyncConnection, thread: Thread, answer: str, by: str, at: float) -> None:
    """The thread was tied, by this card or in another way: what it asks is answered."""
    open_ones = select(schema.cards.c.id).where(_of(thread), schema.cards.c.answer.is_(None))
    for card in sorted((await tx.execute(open_ones)).scalars()):
        await cards.bump(tx, card)
        said = {"answer": answer, "answered_by": by, "answered_at": at}
        await tx.execute(update(schema.cards).where(schema.cards.c.id == card).values(**said))


def _of(thread: Thread) -> ColumnElement[bool]:
    return and_(
        schema.cards.c.workspace == thread.workspace,
        schema.cards.c.channel == thread.channel,
        schema.cards.c.thread_ts == thread.ts,
        schema.cards.c.kind == "tie",
    )
