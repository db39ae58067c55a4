"""Each field of what Slack sends, gone or of another type, one at a time: 200 or 400, and what can be done is done."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from bot.store import schema
from tests.e2e.bench import Bench, monitor
from tests.proof.test_fuzzed_payloads import encoded, real_payloads, send

pytestmark = pytest.mark.proof

Json = dict[str, Any]
Path = tuple[Any, ...]

AT_ONCE = 8
NEEDED: frozenset[Path] = frozenset({
    *(("type",), ("event",), ("team_id",), ("enterprise_id",), ("is_ext_shared_channel",)),
    *(("event", name) for name in ("type", "channel", "ts", "thread_ts", "text", "blocks", "channel_type")),
})  # fmt: skip
"""What a link in a thread cannot do without: where it is, and what it says. All else may be missing or odd."""


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """Every field, and the first element of each list, however deep."""
    names: Any = list(value) if isinstance(value, dict) else [0] if isinstance(value, list) and value else []
    for name in names:
        yield (*at, name)
        yield from paths(value[name], (*at, name))


def without(payload: Json, path: Path) -> Json:
    changed, container = _copy(payload, path)
    del container[path[-1]]
    return changed


def retyped(payload: Json, path: Path) -> Json:
    changed, container = _copy(payload, path)
    container[path[-1]] = 7 if isinstance(container[path[-1]], str | dict | list) else "seven"
    return changed


def _copy(payload: Json, path: Path) -> tuple[Json, Any]:
    changed: Json = json.loads(json.dumps(payload))
    container: Any = changed
    for name in path[:-1]:
        container = container[name]
    return changed, container


async def answers(b: Bench, payloads: list[Json]) -> Counter[int]:
    todo, statuses = iter(payloads), Counter[int]()

    async def work(client: aiohttp.ClientSession) -> None:
        for payload in todo:
            statuses[await send(b, client, *encoded(payload))] += 1

    async with aiohttp.ClientSession() as client:
        await asyncio.gather(*(work(client) for _ in range(AT_ONCE)))
    return statuses


async def test_no_field_of_any_payload_is_relied_on(web: Bench) -> None:
    kinds: dict[str, Json] = {}
    for payload in await real_payloads(web):
        event = payload.get("event", {})
        kinds.setdefault(f"{payload.get('type')} {event.get('type')} {event.get('subtype')}", payload)
    odd = [
        change(payload, path) for payload in kinds.values() for path in paths(payload) for change in (without, retyped)
    ]
    assert len(odd) > 500
    statuses = await answers(web, odd)
    await web.handled()
    assert (set(statuses) <= {200, 400}, "Traceback" in web.log) == (True, False), statuses


async def test_a_link_is_offered_whatever_else_its_event_lacks(web: Bench) -> None:
    root = web.start_thread()
    web.reply(root, monitor(1))
    await web.card(root, "Add 1 insight")
    bodies = [call.arguments["body"] for call in web.control.calls if call.method.startswith("http:")]
    [event] = [body for body in bodies if monitor(1) in str(body) and body["event"].get("thread_ts") == root]
    sent: list[Json] = []
    changes = [(change, path) for path in paths(event) for change in (without, retyped) if path not in NEEDED]
    for number, (change, path) in enumerate(change for change in changes if change[1][:2] != ("event", "blocks")):
        payload = json.loads(json.dumps(event).replace(monitor(1), monitor(1000 + number)))
        payload["event"]["ts"] = f"{root.partition('.')[0]}.{900_000 + number:06}"
        sent.append(change(payload, path))
    assert len(sent) > 30
    await answers(web, sent)
    await web.handled()
    async with web.transaction() as tx:
        stored = set((await tx.execute(select(schema.sightings.c.resource_id))).scalars())
    missing = {str(1000 + number) for number in range(len(sent))} - stored
    assert [sent[int(number) - 1000] for number in sorted(missing)] == []
