"""Events as Slack documents them, and as they came to others, through the real bot: offered, and all acknowledged."""

import json
from itertools import zip_longest
from pathlib import Path
from typing import Any

from tests.e2e.bench import CHANNEL, Bench, options

Json = dict[str, Any]

ROWS: list[Json] = json.loads((Path(__file__).parent / "events.json").read_text(encoding="utf-8"))
"""`events` in a thread about a case, where `{root}` is its ts and `{1}`, `{2}` … later ones; `offered`: monitors."""


def placed(events: list[Json], root: str, row: int) -> list[Json]:
    text = json.dumps(events).replace("{root}", root)
    seconds = root.partition(".")[0]
    for number in range(1, 10):
        text = text.replace(f"{{{number}}}", f"{seconds}.{900_000 + row * 10 + number:06}")
    return json.loads(text)


async def test_each_event_is_acknowledged_and_what_can_be_read_of_it_is_offered(b: Bench) -> None:
    roots = [b.start_thread() for _ in ROWS]
    await b.handled()
    events = [placed(row["events"], root, number) for number, (row, root) in enumerate(zip(ROWS, roots, strict=True))]
    for together in zip_longest(*events):  # one after the other for each row
        for event in filter(None, together):
            b.slack.event(event)
        await b.handled()
    came = {row["source"]: offered(b, root) for row, root in zip(ROWS, roots, strict=True)}
    assert came == {row["source"]: row["offered"] for row in ROWS}
    assert "store.failed" not in b.log


def offered(b: Bench, root: str) -> list[int]:
    """The monitors that the thread's cards offer."""
    cards = [message for message in b.slack.thread(CHANNEL, root) if message.get("metadata")]
    texts = [option["text"]["text"] for card in cards for option in options(card)]
    return [int(text.removeprefix("Monitor · ")) for text in texts]
