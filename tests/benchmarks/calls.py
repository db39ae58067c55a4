"""How many calls, and connections, a card costs from the link to the case."""

from pathlib import Path

from tests.benchmarks import peers
from tests.benchmarks.measure import Row
from tests.e2e.bench import GET, KEY, PUT, Bench, Json, monitor

CARDS = 40
WARM = 5


async def run() -> list[Row]:
    async with peers.bot() as b:
        cards = await _offered(b, WARM + CARDS)
        for root, card in cards[:WARM]:
            await _press(b, root, card)
        connections = _connections(b)
        at_first = len(connections)
        for root, card in cards[WARM:]:
            await _press(b, root, card)
            connections |= _connections(b)
        return [_calls(b, len(cards), len(connections), len(connections) - at_first)]


async def _offered(b: Bench, count: int) -> list[tuple[str, Json]]:
    """Threads about the case, each with its card."""
    roots = [b.start_thread() for _ in range(count)]
    await b.handled()
    for number, root in enumerate(roots, 1):
        b.reply(root, monitor(number))
    found = [(root, await b.card(root, f"Add 1 insight to {KEY}")) for root in roots]
    await b.handled()
    return found


async def _press(b: Bench, root: str, card: Json) -> None:
    await b.click(card, "insights.add", "U0BEN")
    await b.card(root, f"Added to {KEY}")


def _calls(b: Bench, cards: int, connections: int, opened: int) -> Row:
    """The bot's calls per card; `opened`: the connections opened while people clicked one after the other."""
    posts, updates = (len(b.calls(method)) / cards for method in ("chat.postMessage", "chat.update"))
    puts, gets = len(b.calls(PUT)) / cards, len(b.calls(GET))
    more = {"posts": posts, "updates": updates, "PUTs": puts, "GETs_of_the_case_in_all": gets}
    more |= {"connections": connections, "opened_while_clicking": opened}
    holds = posts == 1 and updates == 1 and puts == 1 and gets <= 1 and opened <= 1
    goal = "1 post, 1 update, 1 PUT; <= 1 GET a case; no connection per call"
    return Row("calls per card", "calls", posts + updates + puts + gets / cards, holds=holds, goal=goal, more=more)


def _connections(b: Bench) -> set[tuple[str, str]]:
    """The bot's open connections, including the websocket, by both addresses."""
    pid = peers.pid(b.bot)
    links = [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()]
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    lines = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return {(line[1], line[2]) for line in lines if line[9] in inodes and line[3] == "01"}
