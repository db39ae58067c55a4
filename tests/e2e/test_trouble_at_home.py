"""The database is locked: whoever clicks is told, nothing is half done, and all resumes.

One that is full or gone is in `test_disk`, one that became read-only in `test_failover`.
"""

from bot.messages import sentences
from tests.e2e.bench import PUT, Bench


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
