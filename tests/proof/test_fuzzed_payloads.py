"""Thousands of payloads that are nearly Slack's, signed as Slack signs: the bot refuses or ignores, and goes on."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from sqlalchemy import select

from bot.sandbox.slack.http_mode import signature
from bot.store import schema
from tests.e2e.bench import CHANNEL, EMOJI, KEY, SIGNING_SECRET, Bench, monitor
from tests.e2e.test_modal import opened, submit, until_shown

pytestmark = pytest.mark.proof

Json = dict[str, Any]
Place = tuple[Any, Any]
"""A container and the name or number of one of its elements."""

PAYLOADS, AT_ONCE = 4_000, 8
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
# fmt: off
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 10**30, 1e308, "", " ", "x" * 70_000, "C/1", "None", "0", "1:2:3", ":", "T0OTHER",
    "-1:99999999999999999999", "../..", "<!channel>", "\x00", "a\x00b", "\ud800", "\u202e", [], [[]], [None], {},
    {"id": None}, {"id": [1]}, {"value": {}},
)
# fmt: on


async def real_payloads(b: Bench) -> list[Json]:
    """One of each kind at least, as Slack sent them in a short life of a bot."""
    root, card = await b.added(1, 2)
    await b.click(card, "insights.undo")
    ts = b.reply(root, f"see {monitor(3)}")
    b.slack.edit(CHANNEL, ts, f"rather {monitor(4)}")
    b.slack.delete(CHANNEL, ts)
    for take_off in (False, True):
        b.slack.react(CHANNEL, root, "U0ANA", EMOJI, take_off=take_off)
    b.slack.message(CHANNEL, "U0ANA", "<@U0CASES> status", thread_ts=root)
    await b.slack.command(CHANNEL, "U0ANA", "/insight", "status")
    form = await opened(b, b.start_thread(monitor(5)))
    await b.slack.suggest(form["id"], "U0ANA", "case.search", "memory")
    await submit(b, form, {"key": {"key": KEY}})
    b.slack.mention(CHANNEL, "U0ANA", "new Slow", thread_ts=root)
    await b.handled()
    offered = next(message for message in b.slack.private if "case.new" in str(message))
    await b.slack.click(CHANNEL, offered["ts"], "case.new", "U0ANA")
    await b.slack.shortcut(CHANNEL, root, "U0ANA", "create_case")
    form = await until_shown(b, "project.known")
    await submit(b, form)
    await b.handled()
    sent = [call.arguments["body"] for call in b.control.calls if call.method.startswith("http:")]
    return [*sent, {"type": "url_verification", "challenge": "x", "token": "x"}]


def places(value: Any) -> Iterator[Place]:
    """Every field and element in it, however deep."""
    names: list[Any] = []
    if isinstance(value, dict | list):
        names = [*value] if isinstance(value, dict) else [*range(len(value))]  # pyright: ignore[reportUnknownArgumentType]
    for name in names:
        yield value, name
        yield from places(value[name])


def mutate(payload: Json, chance: random.Random) -> Json:
    """The same with one to four things wrong."""
    mutated: Json = json.loads(json.dumps(payload))
    for _ in range(chance.randint(1, 4)):
        spots = list(places(mutated))
        if not spots:
            break
        container, name = chance.choice(spots)
        match chance.randrange(6):
            case 0:
                del container[name]
            case 1 | 2:
                container[name] = json.loads(json.dumps(chance.choice(ODD)))
            case 3:
                other, its = chance.choice(spots)
                container[name] = json.loads(json.dumps(other[its]))
            case 4:
                container[name] = [container[name]] if chance.random() < 0.5 else {"id": container[name]}
            case _:
                for _ in range(chance.choice((3, 100))):
                    container[name] = {"a": container[name]} if chance.random() < 0.5 else [container[name]]
    return mutated


def encoded(payload: Json) -> tuple[bytes, str]:
    """The body and its content type, as Slack sends them."""
    text = json.dumps(payload)
    if "command" in payload:
        return urlencode(payload, errors="surrogatepass").encode(), FORM
    if payload.get("type") in ("event_callback", "url_verification"):
        return text.encode(), JSON
    return urlencode({"payload": text}).encode(), FORM


def disguised(payload: Json, chance: random.Random) -> tuple[bytes, str]:
    """The same, now and then in the wrong form."""
    (body, kind), text = encoded(payload), json.dumps(payload)
    match chance.randrange(40):
        case 0:
            body = urlencode({"payload": json.dumps({"payload": payload})}).encode()
        case 1:
            body = urlencode([("payload", text), ("payload", "[]"), ("command", "/insight")]).encode()
        case 2:
            body = text[: chance.randrange(len(text))].encode()
        case 3:
            kind = chance.choice((JSON, FORM, "text/plain", "multipart/form-data", "", "application/json; charset=x"))
        case _:
            pass
    return body, kind


async def send(b: Bench, client: aiohttp.ClientSession, body: bytes, kind: str) -> int:
    """The answer; as Slack does, once more where the bot could not reach its database in time."""
    return await _sent(b, client, body, kind) if (status := await _sent(b, client, body, kind)) == 500 else status


async def _sent(b: Bench, client: aiohttp.ClientSession, body: bytes, kind: str) -> int:
    at = str(int(time.time()))
    headers = {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": signature(SIGNING_SECRET, at, body)}
    assert b.balancer is not None
    address = f"{b.balancer.targets[0]}/slack/events"
    async with client.post(address, data=body, headers={**headers, "Content-Type": kind}) as response:
        return response.status


def errors(b: Bench) -> list[str]:
    """The lines of the log that could tell what went wrong."""
    return [line for line in b.log.splitlines() if "[error" in line or "store." in line or line.startswith(" ")][:40]


async def test_nearly_slacks_payloads_end_in_200_or_400_and_the_bot_goes_on(web: Bench) -> None:
    kinds: dict[str, list[Json]] = {}
    for payload in await real_payloads(web):
        event = payload.get("event", {})
        kinds.setdefault(f"{payload.get('type')} {event.get('type')} {event.get('subtype')}", []).append(payload)
    assert len(kinds) >= 11, list(kinds)
    chance = random.Random(4_000)  # noqa: S311  the same payloads each time
    bodies = [disguised(mutate(chance.choice(kinds[chance.choice([*kinds])]), chance), chance) for _ in range(PAYLOADS)]
    statuses: Counter[int] = Counter()
    wrong: list[tuple[int, bytes]] = []
    todo = iter(bodies)

    async def work(client: aiohttp.ClientSession) -> None:
        for body, kind in todo:
            status = await send(web, client, body, kind)
            statuses[status] += 1
            if status not in (200, 400):
                wrong.append((status, body[:2_000]))

    async with aiohttp.ClientSession() as client:
        await asyncio.gather(*(work(client) for _ in range(AT_ONCE)))
    assert (wrong[:3], "Traceback" in web.log) == ([], False), errors(web)
    assert min(statuses[200], statuses[400]) > 200, statuses
    await web.handled()
    assert "unexpected" not in web.log
    async with web.transaction() as tx:
        stuck = [row._asdict() for row in await tx.execute(select(schema.jobs).where(schema.jobs.c.attempts > 0))]
    assert stuck == []
    root = web.start_thread()
    web.reply(root, monitor(77))
    await web.card(root, "Add 1 insight")
