"""SQLite's file or disk fails while the bot works: it says what is wrong, and works on once that is mended."""

import re
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.messages import sentences
from tests.e2e.bench import PUT, Bench, monitor
from tests.e2e.test_health import ready

Change = Callable[[Bench], None]
SMALL = 32 * 1024
"""Bytes: the log of a database in use is longer, and the bot's own log shorter."""


def may_write(most: int) -> Change:
    """Files of the bot may grow to so many bytes, as on a disk that is full."""

    def change(b: Bench) -> None:
        resource.prlimit(b.bot._process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    return change


def move(start: str, end: str) -> Change:
    def change(b: Bench) -> None:
        folder: Path = b.database.parent
        (folder / start).rename(folder / end)

    return change


FAULTS = {
    "full": (may_write(SMALL), may_write(resource.RLIM_INFINITY), r"disk I/O error|database or disk is full"),
    "gone": (
        move("case-insights.db", "away.db"),
        move("away.db", "case-insights.db"),
        r"case-insights\.db is gone: put it back",
    ),
}


@pytest.mark.parametrize("what", FAULTS)
async def test_what_fails_is_said_and_the_work_goes_on_once_it_is_mended(own: Bench, what: str) -> None:
    spoil, mend, words = FAULTS[what]
    root, card = await own.offer(1)
    await own.handled()
    spoil(own)
    [reason] = await ready(own, when=False)
    assert re.search(words, reason), reason
    assert (await own.click(card, "insights.add"))["acknowledged"]
    assert await own.answer_to("U0ANA") == sentences.NOT_SAVED
    own.reply(root, monitor(2))
    await own.control.until(lambda: re.search(rf"store\.failed.*({words})", own.log), what="an event to be refused")
    assert "Add 1 insight" in own.cards(root)[0]["text"]
    mend(own)
    card = await own.card(root, "Add 2 insights")
    await own.click(card, "insights.add")
    await own.card(root, "Added to CASEM-4523 by Ana")
    assert [call.status for call in own.calls(PUT)] == [200]
    assert len(own.on_case) == 2
    assert len(own.cards(root)) == 1
    assert await ready(own, when=True) == []
