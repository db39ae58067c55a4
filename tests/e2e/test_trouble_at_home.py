"""The database is full or locked: whoever clicks is told, nothing is half done, and all resumes.

The full one is real: the kernel lets the bot's files grow no further, whoever it runs as. One that became read-only is
in `test_failover`.
"""

import os
import resource

from bot.messages import sentences
from tests.e2e.bench import PUT, Bench, monitor


async def test_a_full_disk_is_said_and_what_was_clicked_or_pasted_then_works_once_there_is_room(own: Bench) -> None:
    root, card = await own.offer(1, 2)
    await own.handled()
    let_files_grow_to(own, os.stat(f"{own.database}-wal").st_size)
    assert (await own.click(card, "insights.add"))["acknowledged"]
    assert await own.answer_to("U0ANA") == sentences.NOT_SAVED
    own.reply(root, monitor(3))
    await own.control.until(
        lambda: own.calls("socket:events_api")[-1].done and own.calls("socket:events_api")[-1].status is None,
        what="a message that is not acknowledged",
    )
    assert "Add 2 insights" in own.cards(root)[0]["text"]
    assert own.calls(PUT) == []

    let_files_grow_to(own, resource.RLIM_INFINITY)
    card = await own.card(root, "Add 3 insights")
    await own.click(card, "insights.add")
    await own.card(root, "Added to CASEM-4523 by Ana")
    await own.handled()
    assert sorted(insight[1] for insight in own.on_case) == ["1", "2", "3"]
    assert len(own.calls(PUT)) == 1
    assert len(own.cards(root)) == 1


async def test_a_database_that_is_locked_for_long_is_said_in_time_and_the_next_click_works(b: Bench) -> None:
    root, card = await b.offer(1)
    await b.handled()
    with b.locked_database():
        result = await b.click(card, "insights.add")
    assert result["acknowledged"]
    assert await b.answer_to("U0ANA") == sentences.NOT_SAVED
    assert "Add 1 insight" in b.cards(root)[0]["text"]

    await b.click(card, "insights.add")
    await b.card(root, "Added to CASEM-4523 by Ana")
    await b.handled()
    assert len(b.calls(PUT)) == 1


def let_files_grow_to(b: Bench, size: int) -> None:
    """The bot's log is much smaller than its database and still has room."""
    assert b.bot._process is not None
    resource.prlimit(b.bot._process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
