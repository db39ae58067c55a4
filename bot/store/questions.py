"""Questions: cards that ask which case a thread is about; one in a thread, once."""

import json
from collections.abc import Sequence

from sqlalchemy import ColumnElement, select, update

from bot.model import Case, Question, Thread
from bot.store import Store, cases, now, schema
from bot.store.cards import bump, create
from bot.store.conditions import in_thread
from bot.store.connection import Connection
from bot.store.jobs import enqueue
from bot.store.transaction import JobKind, Transaction

NO = "no"

_card = schema.cards.c


async def was_asked(connection: Connection, thread: Thread) -> bool:
    """Whether this thread has had its question."""
    return (await connection.execute(select(_card.id).where(_in(thread)).limit(1))).first() is not None


async def ask(tx: Transaction, thread: Thread, about: Sequence[Case], at: float) -> None:
    """Have a card ask which of these cases the thread is about, unless it was asked before."""
    if await was_asked(tx, thread):
        return
    first = about[0]
    asks = json.dumps([[case.org, case.case_id] for case in about])
    card = await create(tx, "tie", thread, first.org, first.case_id, at, version=1, open=False, asks=asks)
    await enqueue(tx, JobKind.CARD, card.id)


async def get(connection: Connection, card: str) -> Question | None:
    """What this card asks; None when it is no question. Cases that are not stored any more are left out."""
    row = (await connection.execute(select(schema.cards).where(_card.id == card))).one_or_none()
    if row is None or row.asks is None:
        return None
    known = [await cases.get(connection, org, case_id) for org, case_id in json.loads(row.asks)]
    asks = tuple(case for case in known if case)
    return Question(card, row.version, asks, row.answer, row.answered_by, row.answered_at or 0.0)


async def tied_to(connection: Connection, question: Question) -> str | None:
    """The key of the case that was chosen; None: nobody answered, or the answer was no."""
    if question.answer is None or question.answer == NO:
        return None
    org, _, case_id = question.answer.partition("/")
    case = await cases.get(connection, org, case_id)
    return case.key if case else case_id


async def refuse(store: Store, card: str, by: str) -> bool:
    """Answer that the thread is about none of these cases; nobody is asked again. False: it was answered before."""
    async with store.write() as tx:
        await enqueue(tx, JobKind.CARD, card)
        answer = {"answer": NO, "answered_by": by, "answered_at": await now(tx), "version": _card.version + 1}
        open_card = (_card.id == card) & _card.answer.is_(None)
        return bool((await tx.execute(update(schema.cards).where(open_card).values(**answer))).rowcount)


async def settle(tx: Transaction, thread: Thread, answer: str, by: str, at: float) -> None:
    """Answer the thread's question, because the thread was tied, by this card or otherwise."""
    unanswered = select(_card.id).where(_in(thread), _card.answer.is_(None))
    for card in sorted((await tx.execute(unanswered)).scalars()):
        await bump(tx, card)
        said = {"answer": answer, "answered_by": by, "answered_at": at}
        await tx.execute(update(schema.cards).where(_card.id == card).values(**said))


def _in(thread: Thread) -> ColumnElement[bool]:
    return in_thread(schema.cards, thread) & (_card.kind == "tie")
