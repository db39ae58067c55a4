"""`case-insights audit`: what an operator reads out of either database."""

import json
import os
from pathlib import Path

import pytest
from sqlalchemy import text, update

from bot.config import ConfigError
from bot.insights.clicks import Action
from bot.ops import audit, database
from bot.store import Store, schema
from tests.store.conftest import CASE, card_of, monitor, paste, press, run, tie


async def lines(since: str | None = None, *, as_json: bool = False) -> list[str]:
    return [line async for line in audit.lines(since, as_json=as_json)]


@pytest.fixture
async def dismissed(asked: Store) -> None:
    """A link was pasted in the year 2001 and is dismissed in 2002."""
    await tie(asked)
    await paste(asked, monitor(9))
    await press(asked, await card_of(asked), Action.DISMISS, by="U0BEN")
    move = schema.transitions.c.new
    for new, at in (("offered", 978307200.0), ("dismissed", 1009843200.0)):
        await run(asked, update(schema.transitions).where(move == new).values(at=at))


async def test_the_audit_has_one_line_for_every_move_oldest_first(dismissed):
    assert await lines() == [
        "2001-01-01T00:00:00Z  CASEM-4523  MONITOR  9  new → offered  the bot  T0ACME/C0INCIDENTS/1000.000200",
        "2002-01-01T00:00:00Z  CASEM-4523  MONITOR  9  offered → dismissed  U0BEN",
    ]


async def test_the_audit_as_json_says_the_same(dismissed):
    offered, dismissal = [json.loads(line) for line in await lines(as_json=True)]
    what = {"case": CASE.key, "type": "MONITOR", "resource_id": "9"}
    move = {"at": 1009843200.0, "old": "offered", "new": "dismissed", "by": "U0BEN", "message": None, "note": ""}
    assert dismissal == what | move
    assert (offered["old"], offered["by"], offered["message"]) == (None, None, "T0ACME/C0INCIDENTS/1000.000200")


async def test_what_is_stored_moves_no_cursor_of_a_terminal(dismissed, asked):
    await run(asked, update(schema.cases).values(key="A\x1b[2J\u202e\x9b1m-1"))
    for as_json in (False, True):
        assert all(line.isprintable() for line in await lines(as_json=as_json))


@pytest.mark.parametrize(("since", "left"), [("2001-06-01", 1), ("2002-01-01T00:00", 1), ("2002-01-01T01:00+00:30", 0)])
async def test_the_audit_can_begin_at_a_moment(dismissed, since: str, left: int):
    assert len(await lines(since)) == left


async def test_a_moment_that_is_none_is_refused_in_words(asked):
    with pytest.raises(ConfigError, match="'yesterday' is no date: write it like 2026-11-23"):
        await lines("yesterday")


async def test_there_is_no_audit_of_a_database_that_is_not_there_and_none_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/new.db")
    with pytest.raises(ConfigError, match=f"There is no database yet at {tmp_path}/new.db: case-insights run or"):
        await lines()
    assert os.listdir(tmp_path) == []

    await database.upgrade()
    assert await lines() == []


async def test_the_audit_of_a_newer_bots_database_is_refused_in_words(asked):
    await run(asked, text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="the database has schema 9999"):
        await lines()
