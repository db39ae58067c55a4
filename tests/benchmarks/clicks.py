"""From a click to the case: until the PUT leaves, until the card says so, and how many calls a card costs."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from tests.benchmarks import measure, peers
from tests.benchmarks.measure import Row
from tests.e2e.bench import CHANNEL, GET, KEY, PUT, Bench, Json, monitor

CARDS = 40
WARM = 5
ANSWERS_IN = 0.05
"""Seconds that Datadog takes for a PUT, in the second half."""


async def run() -> list[Row]:
    async with peers.bot() as b:
        cards = await _offered(b, WARM + 2 * CARDS)
        for root, card in cards[:WARM]:
            await _press(b, root, card)
        connections = _connections(b)
        at_first, spent = len(connections), measure.cpu(peers.pid(b.bot))
        puts: list[float] = []
        commits: list[float] = []
        with _database(b.database.parent) as database:
            for root, card in cards[WARM : WARM + CARDS]:
                puts.append((await _press(b, root, card))[0])
                commits += [_commit(database) for _ in range(5)]
                connections |= _connections(b)
        spent = (measure.cpu(peers.pid(b.bot)) - spent) / CARDS
        b.control.rule("datadog", PUT, delay=ANSWERS_IN)
        shown: list[float] = []
        updates: list[float] = []
        async with aiohttp.ClientSession() as session:
            client = AsyncWebClient("xoxb-sandbox", b.slack.url, session=session)
            for root, card in cards[WARM + CARDS :]:
                shown.append((await _press(b, root, card))[1])
                updates += [await _update(client, cards[0][1]) for _ in range(3)]
        to_put, to_card = median(puts) * 1e3, median(shown) * 1e3
        floor = (ANSWERS_IN + 2 * median(updates)) * 1e3
        more = {**measure.spread(puts), "CPU_of_the_bot_until_all_is_done_ms": round(spent * 1e3, 1)}
        card_name = 'click -> card shows "added", Datadog answering in 50 ms'
        return [
            Row("click -> PUT leaves the process, idle bot", "ms", to_put, median(commits) * 1e3, 4.0, more=more),
            Row(card_name, "ms", to_card, floor, 1.5, more=measure.spread(shown)),
            _calls(b, len(cards), len(updates), len(connections), len(connections) - at_first),
        ]


async def _offered(b: Bench, count: int) -> list[tuple[str, Json]]:
    """Threads about the case, each with its card."""
    roots = [b.start_thread() for _ in range(count)]
    await b.handled()
    for number, root in enumerate(roots, 1):
        b.reply(root, monitor(number))
    found = [(root, await b.card(root, f"Add 1 insight to {KEY}")) for root in roots]
    await b.handled()
    return found


async def _press(b: Bench, root: str, card: Json) -> tuple[float, float]:
    """Seconds from the click until its PUT arrived, and until the card says added."""
    await b.control.quiet(0.05)
    before = len(b.calls(PUT))
    began = time.time()
    await b.click(card, "insights.add", "U0BEN")
    await b.card(root, f"Added to {KEY}")
    shown = time.time() - began
    return b.calls(PUT)[before].at - began, shown


@contextlib.contextmanager
def _database(directory: Path) -> Iterator[sqlite3.Connection]:
    """A database on the same disk as the bot's."""
    database = sqlite3.connect(directory / "floor.db", isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE rows (a TEXT, b TEXT)"):
        database.execute(statement)
    with contextlib.closing(database):
        yield database


def _commit(database: sqlite3.Connection) -> float:
    began = time.perf_counter()
    database.execute("BEGIN IMMEDIATE")
    database.execute("INSERT INTO rows VALUES ('confirmed', 'U0BEN')")
    database.execute("COMMIT")
    return time.perf_counter() - began


async def _update(client: AsyncWebClient, card: Json) -> float:
    began = time.perf_counter()
    await client.chat_update(channel=CHANNEL, ts=card["ts"], text=card["text"], blocks=card["blocks"])
    return time.perf_counter() - began


def _calls(b: Bench, cards: int, not_the_bots: int, connections: int, opened: int) -> Row:
    """The bot's calls per card; `opened`: the connections opened while people clicked one after the other."""
    posts = len(b.calls("chat.postMessage")) / cards
    updates = (len(b.calls("chat.update")) - not_the_bots) / cards
    puts, gets = len(b.calls(PUT)) / cards, len(b.calls(GET))
    more = {"posts": posts, "updates": updates, "PUTs": puts, "GETs_of_the_case_in_all": gets}
    more |= {"connections": connections, "opened_while_clicking": opened}
    holds = posts == 1 and updates <= 2 and puts == 1 and gets <= 1 and opened <= 1
    goal = "1 post, <= 2 updates, 1 PUT; <= 1 GET a case; no connection per call"
    return Row("calls per card", "calls", posts + updates + puts + gets / cards, holds=holds, goal=goal, more=more)


def _connections(b: Bench) -> set[tuple[str, str]]:
    """The bot's open connections, including the websocket, by both addresses."""
    pid = peers.pid(b.bot)
    links = [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()]
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    lines = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return {(line[1], line[2]) for line in lines if line[9] in inodes and line[3] == "01"}
