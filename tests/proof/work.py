"""What people do in the proof and the soak, how Datadog fails meanwhile, and what must be true at the end."""

import contextlib
import re
from collections import Counter

from bot.sandbox.control import Json
from tests.e2e.bench import CHANNEL, Bench, as_read, boxes, monitor, options

MONITORS, CHANGES, TRACES = 6, 20, 2
"""Links in one thread: monitors, code changes, and notes, on two cards, as one card holds 20."""
EACH = MONITORS + CHANGES + TRACES
PATIENT_SLACK = (0.5, 1.0, 2.0, *[4.0] * 6)
"""Seconds between Slack's repetitions of an event."""
FAILURES: tuple[Json, ...] = (
    {"status": 500, "probability": 0.10},
    {"status": 503, "body": "<html>upstream</html>", "probability": 0.045},
    {"status": 429, "headers": {"X-RateLimit-Reset": "0.2"}, "probability": 0.04},
    {"drop": "before", "probability": 0.06},
    {"drop": "after", "probability": 0.06},
    {"delay": 1.5, "probability": 0.04},  # longer than the bot's timeout, and still applied
    # Done, and told so that it can be read in part or not at all.
    {"body": {"data": {"id": None, "attributes": {"title": 7, "insights": None}}}, "apply": True, "probability": 0.03},
    {"body": {"data": {"attributes": {"insights": [{"type": "MONITOR"}, 7]}}}, "apply": True, "probability": 0.03},
    {"body": "<html>Sign in</html>", "apply": True, "probability": 0.02},
)
"""30 % of all calls to Datadog fail, and 5 % are answered oddly: the first that its own probability picks."""


def spoil(b: Bench, seed: int) -> None:
    for number, failure in enumerate(FAILURES):
        b.control.rule("datadog", "*", seed=seed + number, **failure)


class Shown:
    """The threads' current cards, from the stream of events: searching the channel each time would be too slow."""

    def __init__(self, b: Bench) -> None:
        self._control = b.control
        self._seen = b.control.last_event
        self._cards: dict[str, dict[str, Json]] = {}

    def of(self, root: str) -> list[Json]:
        self._catch_up()
        return list(self._cards.get(root, {}).values())

    def one(self, root: str, ts: str) -> Json:
        self._catch_up()
        return self._cards[root][ts]

    def _catch_up(self) -> None:
        new: list[Json] = []
        for event in reversed(self._control.events):
            if event.id <= self._seen:
                break
            if event.kind == "message" and event.data["message"].get("metadata"):
                new.append(event.data["message"])
        self._seen = self._control.last_event
        for message in reversed(new):
            self._cards.setdefault(message["thread_ts"], {})[message["ts"]] = message


def key(number: int) -> str:
    return f"PROOF-{number + 1}"


def links(number: int) -> list[str]:
    """The links pasted about this case: monitors have titles to look up, code changes and traces have none."""
    monitors = [monitor(100 * number + each) for each in range(1, MONITORS + 1)]
    changes = [f"https://github.com/acme/api/pull/{100 * number + each}" for each in range(1, CHANGES + 1)]
    return [*monitors, *changes, *(f"https://app.datadoghq.com/apm/trace/{trace}" for trace in traces(number))]


def traces(number: int) -> list[str]:
    """The notes that belong in this thread's comment on the case."""
    return [str(100 * number + each) for each in range(1, TRACES + 1)]


def wanted(number: int) -> set[str]:
    """The resource ids that belong on this case: every tenth thread leaves the first monitor out."""
    ids = [link.rpartition("/")[2] if "/monitors/" in link else link for link in links(number)[:-TRACES]]
    return set(ids[1:] if number % 10 == 0 else ids)


async def work_a_case(b: Bench, shown: Shown, number: int) -> str:
    """Start a thread about a case, paste the links and press Add on each card until it took; returns the root's ts."""
    root = b.slack.message(CHANNEL, "U0ANA", f"https://app.datadoghq.com/cases/{key(number)}")["ts"]
    b.reply(root, " ".join(links(number)))
    await b.control.until(
        lambda: sum(len(options(card)) for card in shown.of(root)) == EACH, timeout=180, what=f"cards of {number}"
    )
    for card in shown.of(root):
        await _press(b, shown, root, card["ts"], 100 * number + 1 if number % 10 == 0 else None)
    return root


async def _press(b: Bench, shown: Shown, root: str, ts: str, left_out: int | None) -> None:
    """Press Add until the card offers nothing."""

    def offered() -> bool:
        return bool(options(shown.one(root, ts)))

    while offered():
        for block_id, group in boxes(shown.one(root, ts)).items():
            values = [each["value"] for each in group if each["text"]["text"] != f"Monitor · {left_out}"]
            if len(values) < len(group):
                await b.slack.tick(CHANNEL, ts, "U0BEN", "insights.select", block_id, values)
        if offered():
            await b.click(shown.one(root, ts), "insights.add", "U0BEN", late=True)
        with contextlib.suppress(TimeoutError):
            await b.control.until(lambda: not offered(), timeout=3)


def on_case(b: Bench, number: int) -> Counter[str]:
    return Counter(insight.resource_id for insight in b.datadog.cases[key(number)].insights)


def judge(b: Bench, number: int, root: str) -> None:
    """The case has exactly the confirmed insights, each once, and the thread's cards say so."""
    have, want = on_case(b, number), Counter(wanted(number))
    assert have == want, f"{key(number)}: {have - want} too many, {want - have} missing.\n{_calls(b, number)}"
    cards = b.cards(root)
    assert len({card["metadata"]["event_payload"]["card"] for card in cards}) == len(cards), "a card twice"
    texts = [as_read(card) for card in cards]
    assert all(f"Added to {key(number)} by Ben" in text for text in texts), texts
    assert sum(_claimed(text) for text in texts) == len(wanted(number)) + TRACES, texts
    assert sum(_leaves_out(text) for text in texts) == (number % 10 == 0), texts


def judge_comment(b: Bench, number: int) -> None:
    """The case has one comment, which tells of exactly the confirmed insights and notes, each once."""
    comments = b.datadog.cases[key(number)].comments
    assert len(comments) == 1, f"{key(number)}: {comments}\n{_calls(b, number)}"
    lines = [line.split("`") for line in comments[0].splitlines() if line.startswith("- ")]
    told = Counter((before, name) for before, name, *_ in lines if before == "- Trace ")
    assert told == Counter(("- Trace ", trace) for trace in traces(number)), f"{key(number)}: {comments}"
    told = Counter(name for before, name, *_ in lines if before != "- Trace ")
    assert told == Counter(wanted(number)), f"{key(number)}: {comments}\n{_calls(b, number)}"


def _calls(b: Bench, number: int) -> str:
    """The calls to Datadog about this case: time, method, number of insights, status."""
    case = b.datadog.cases[key(number)]
    calls = [call for call in b.control.calls if key(number) in call.path or str(case.id) in call.path]
    counts = [str(call.arguments).count("resource_id") for call in calls]
    return "\n".join(f"{call.at:.3f} {call.method} {n} {call.status}" for call, n in zip(calls, counts, strict=True))


def _leaves_out(text: str) -> bool:
    return "Left out by Ben" in text or re.search(r"^and \d+ more: .*\b1 left out", text, re.MULTILINE) is not None


def _claimed(text: str) -> int:
    """How many insights a card says were added."""
    folded = re.search(r"^and \d+ more: (?:.*, )?(\d+) added", text, re.MULTILINE)
    count, heading = int(folded[1]) if folded else 0, ""
    for line in text.splitlines():
        heading = heading if line.startswith("•") else line
        count += line.startswith("•") and heading.startswith("Added")
    return count
