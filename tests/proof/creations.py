"""Cases that Ana wants from threads in the proof: each form is sent until it is acknowledged, and judged at the end."""

import contextlib
from collections.abc import Callable
from functools import partial

from bot.sandbox.control import Json
from tests.e2e.bench import CHANNEL, Bench, as_read
from tests.e2e.test_commands import said_in


async def create_cases(b: Bench, enough: Callable[[], bool]) -> dict[str, str]:
    """Have cases created, one after the other, until it is `enough`; returns their threads' roots by title.

    The next form comes once Datadog has the case, or seems never to get it: else thousands would, on a fast machine.
    """
    roots: dict[str, str] = {}
    while not enough():
        title = f"Wanted {len(roots):04}"
        roots[title] = b.slack.message(CHANNEL, "U0ANA", title)["ts"]
        view = await _opened(b, title, roots[title])
        project = next(block for block in view["blocks"] if block["block_id"] == "project.known")["element"]["options"][
            0
        ]
        fields = {"project.known": {"case.project": project["value"]}}
        while not _is_taken(await b.slack.submit(view["id"], "U0ANA", fields)):
            await _connected(b)
        with contextlib.suppress(TimeoutError):
            await b.control.until(partial(_is_there, b, title), timeout=3, what=title)
    return roots


def _is_there(b: Bench, title: str) -> bool:
    return any(case.title == title for case in b.datadog.cases)


async def _opened(b: Bench, title: str, root: str) -> Json:
    """The form for this thread, with what can be chosen."""

    def known() -> Json | None:
        view = b.slack.modal("U0ANA")
        return view if view and all(words in str(view) for words in (title, "project.known", "type.known")) else None

    while True:
        await b.slack.shortcut(CHANNEL, root, "U0ANA", "create_case")
        with contextlib.suppress(TimeoutError):
            return await b.control.until(known, timeout=3, what="the form")
        await _connected(b)


async def _connected(b: Bench) -> None:
    await b.control.until(lambda: b.slack.socket.connections, timeout=60, what="a bot")


def _is_taken(answer: Json) -> bool:
    return answer["acknowledged"] and not answer["errors"]


def judge_created(b: Bench, title: str, root: str) -> bool:
    """Whether its thread tells the case, once; else the person was told that there is none, or may be."""
    keys = [case.key for case in b.datadog.cases if case.title == title]
    said = [as_read(message) for message in b.slack.thread(CHANNEL, root) if message.get("bot_id")]
    assert len(keys) <= 1, f"{title}: {keys}"
    if said:
        assert [f"Ana created {keys[0]}, {title}, and tied this thread to it." in each for each in said] == [True], said
    else:
        assert f"“{title}”" in said_in(b, "D0ANA"), f"{title}: {keys}"
    return bool(said)
