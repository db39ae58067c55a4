"""Conditions that statements on several tables share: the rows of a thread, a channel or a case."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, and_, bindparam, literal_column
from sqlalchemy.engine import Row

from bot.model import Identity, InsightType, NoteType, State, Thread, item_type

TYPES = frozenset(map(str, (*InsightType, NoteType.NOTE)))
"""Those that this version knows; a newer one that was taken back may have left others."""

UNDECIDED = tuple(state for state in State if state.is_undecided)
AT_WORK = tuple(state for state in State if state.is_at_work)
UNFINISHED = (*AT_WORK, State.FAILED)
"""What Home shows first."""


def in_states(column: Column[str], states: Iterable[str]) -> ColumnElement[bool]:
    """With the states as literals: only a statement with the same term as a partial index uses that index."""
    return column.in_([literal_column(f"'{state}'") for state in states])


def place(thread: Thread) -> dict[str, str]:
    """The columns of a thread, or (no `ts`) of a whole channel: for rows to insert, and as values of `this_thread`."""
    return {"workspace": thread.workspace, "channel": thread.channel, "thread_ts": thread.ts}


def in_channel(table: Table, thread: Thread) -> ColumnElement[bool]:
    """The rows of a thread's channel."""
    return and_(table.c.workspace == thread.workspace, table.c.channel == thread.channel)


def in_thread(table: Table, thread: Thread) -> ColumnElement[bool]:
    """The rows of a thread alone; with no `ts`, those of the channel as a whole."""
    return in_channel(table, thread) & (table.c.thread_ts == thread.ts)


def in_place(table: Table, place: Thread) -> ColumnElement[bool]:
    """The rows of a thread, or of all threads of a channel."""
    return in_thread(table, place) if place.ts else in_channel(table, place)


def this_channel(table: Table) -> ColumnElement[bool]:
    """`in_channel` for a statement that is made once; its values are in `place`."""
    return and_(table.c.workspace == bindparam("workspace"), table.c.channel == bindparam("channel"))


def this_thread(table: Table) -> ColumnElement[bool]:
    """`in_thread` for a statement that is made once; its values are in `place`."""
    return this_channel(table) & (table.c.thread_ts == bindparam("thread_ts"))


def of_case(table: Table, org: str, case_id: str) -> ColumnElement[bool]:
    """The rows of a case."""
    return and_(table.c.org == org, table.c.case_id == case_id)


def this_case(table: Table) -> ColumnElement[bool]:
    """`of_case` for a statement that is made once, with the values `org` and `case_id`."""
    return and_(table.c.org == bindparam("org"), table.c.case_id == bindparam("case_id"))


def same_case(one: Table, other: Table) -> ColumnElement[bool]:
    """To join two tables by their case."""
    return and_(one.c.org == other.c.org, one.c.case_id == other.c.case_id)


def thread_at(row: Row[Any]) -> Thread:
    """The thread that a row is of; without a `ts`, the channel as a whole."""
    return Thread(row.workspace, row.channel, row.thread_ts)


def identity_of(row: Row[Any]) -> Identity:
    """What a row of `sightings` or `insights` is about; raises ValueError for none of `TYPES`."""
    return Identity(item_type(row.type), row.scope, row.resource_id)
