"""What databases refuse in a text fails no transaction: Slack would send its event again and again."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from bot.insights import Mode
from bot.model import Thread
from bot.store import Store, cases, modes, schema
from tests.store.conftest import CASE, column, run, write

BAD = [
    ("nul\0", "nul\ufffd"),
    ("half \ud83d", "half \ufffd"),
    ("other half \udc00", "other half \ufffd"),
    ("\ud800\0 both", "\ufffd\ufffd both"),
]


@pytest.mark.parametrize(("bad", "kept"), BAD, ids=["nul", "half", "other half", "both"])
async def test_nul_and_halves_of_characters_are_replaced_in_every_value(store: Store, bad: str, kept: str):
    await write(store, cases.save, replace(CASE, title=bad))
    assert await column(store, select(schema.cases.c.title)) == [kept]
    assert await column(store, select(schema.cases.c.title).where(schema.cases.c.title.in_([bad, "x"]))) == [kept]
    await run(store, update(schema.cases).values(key=bad).where(schema.cases.c.title == bad))
    assert await column(store, select(schema.cases.c.key)) == [kept]


async def test_what_was_written_under_such_a_name_is_found_under_it(store: Store):
    thread = Thread("T0\0", "C0\ud83d", "1000.000100")
    assert await modes.say(store, thread, Mode.AUTO, "U0\0")
    assert not await modes.say(store, thread, Mode.AUTO, "U0\0")
    async with store.read() as connection:
        assert await modes.of(connection, thread) is Mode.AUTO
