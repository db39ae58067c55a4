"""The test bench: both servers in this process, the real bot in a child process, and helpers to drive them."""

import asyncio
import contextlib
import re
import sqlite3
import sys
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg
from sqlalchemy import update

from bot.config.database import file_of
from bot.sandbox.bot_process import BotProcess, environment
from bot.sandbox.control import Call, Control
from bot.sandbox.datadog.server import DatadogServer
from bot.sandbox.render import as_text
from bot.sandbox.slack.server import SlackServer
from bot.slack.manifest import app_manifest
from bot.store import Store, migrate, schema
from bot.store.transaction import JobKind, Transaction
from tests import manifest_coverage
from tests.e2e.balancer import Balancer, balancer
from tests.forked_bot import ForkedBot

Json = dict[str, Any]

EMOJI = "card_index"
CHANNEL = "C0INCIDENTS"
KEY, TITLE = "CASEM-4523", "Memory leak investigation on API"
CASE_LINK = f"https://app.datadoghq.com/cases/{KEY}"
PUT = "PUT /api/v2/cases/{case_id}/insights"
DELETE = "DELETE /api/v2/cases/{case_id}/insights"
GET = "GET /api/v2/cases/{case_id}"
COMMENT = "POST /api/v2/cases/{case_id}/comment"
SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SETTINGS = {
    "CASE_INSIGHTS_CARD_DELAY": "200ms",
    "CASE_INSIGHTS_RETRY_CAP": "1s",
    # The leases of a killed bot end after this; calls time out after a quarter of it.
    "CASE_INSIGHTS_LEASE": "4s",
}


def monitor(number: int) -> str:
    return f"https://app.datadoghq.com/monitors/{number}"


class Bench:
    """One test's Slack, Datadog and bot."""

    def __init__(
        self,
        slack: SlackServer,
        datadog: DatadogServer,
        directory: Path,
        replicas: int,
        settings: Mapping[str, str],
        load_balancer: Balancer | None = None,
        without: Collection[str] = (),
    ) -> None:
        self.slack, self.datadog, self.balancer = slack, datadog, load_balancer
        self.control: Control = slack.control
        self.database = directory / "case-insights.db"
        self.bots: list[BotProcess] = []
        for number in range(replicas):
            (home := directory / f"bot-{number}").mkdir()
            env = environment(slack.url, datadog.url, self.database, {**SETTINGS, **settings})
            env = {name: value for name, value in env.items() if name not in without}
            # Modules on a PYTHONPATH are imported only by a start from nothing.
            self.bots.append((BotProcess if "PYTHONPATH" in settings else ForkedBot)(env, home))

    # The bot

    async def reset(self) -> None:
        """Start over for the next test with the same bot: no messages, no ties, a new case."""
        self.control.clear_rules()
        self.control.release()
        await self.handled()
        self.note_coverage()
        self.control.reset()
        self.datadog.keys_valid = self.datadog.may_write = True
        self.datadog.refused.clear()
        self.datadog.add_case(KEY, TITLE)
        async with self.transaction() as tx:
            await forget(tx)

    def note_coverage(self) -> None:
        """Before the journal is cleared: note what of the manifest was used, see `tests.manifest_coverage`."""
        channels = self.slack.workspace.channels.values()
        private = frozenset(channel.id for channel in channels if channel.is_private)
        manifest_coverage.note(self.control.calls, private)

    @property
    def bot(self) -> BotProcess:
        """The bot, or the first replica."""
        return self.bots[0]

    async def start(self) -> None:
        """Start every replica that is not running, and wait until Slack can reach all of them."""
        for bot in self.bots:
            if not bot.runs:
                bot.log.unlink(missing_ok=True)
                await bot.start()
        if self.balancer is not None:
            self.balancer.targets = [await self._ready(bot) for bot in self.bots]
            await self.slack.verify_request_url()
            return

        def connected() -> bool:
            return len(self.slack.socket.connections) >= len(self.bots) or not all(bot.runs for bot in self.bots)

        await self.control.until(connected, timeout=60, what="the bot to connect")
        assert all(bot.runs for bot in self.bots), self.log

    async def _ready(self, bot: BotProcess) -> str:
        """The address of this replica, once it reports that it is ready."""
        async with httpx.AsyncClient() as client:
            while bot.runs:
                address = re.search(r"address=(http://[^/]+)/healthz", bot.log.read_text(encoding="utf-8"))
                if address is not None and (await client.get(f"{address[1]}/readyz")).status_code == 200:
                    return address[1]
                await asyncio.sleep(0.02)
        raise AssertionError(self.log)

    async def kill(self, *numbers: int) -> None:
        """Kill these replicas, or all, without warning."""
        for bot in [self.bots[number] for number in numbers] or self.bots:
            await bot.kill()
        left = sum(bot.runs for bot in self.bots)
        await self.control.until(
            lambda: len(self.slack.socket.connections) <= left, what="the dead bot's websocket to close"
        )

    async def restart(self) -> None:
        await self.kill()
        await self.age_unfinished_work()
        await self.start()

    @contextlib.asynccontextmanager
    async def killed_at(self, method: str, **hold: Any) -> AsyncGenerator[None]:
        """Kill the bot while a rule (`hold`, `drop`) holds a call of this method; the call ends, the rest ages."""
        self.control.rule("*", method, times=1, **hold)
        yield
        call = await self.held(method)
        await self.kill()
        self.control.release()
        await self.control.until(lambda: call.done, what=f"the end of {method}")
        await self.age_unfinished_work()

    @property
    def log(self) -> str:
        """The logs of all replicas, one after the other."""
        return "".join(bot.log.read_text(encoding="utf-8") for bot in self.bots if bot.log.exists())

    @contextlib.contextmanager
    def locked_database(self) -> Iterator[None]:
        """Hold the write lock of the database, as a long transaction would."""
        url = self.bot.env["DATABASE_URL"]
        if url.startswith("sqlite"):
            connection: Any = sqlite3.connect(self.database, isolation_level=None)
            connection.execute("BEGIN IMMEDIATE")
        else:
            connection = psycopg.connect(url)
            connection.execute("LOCK TABLE jobs IN EXCLUSIVE MODE")  # every write enqueues a job
        try:
            yield
        finally:
            connection.rollback()
            connection.close()

    async def run_command(self, *words: str) -> list[str]:
        """Run `case-insights …` with the bot's settings; returns the lines it prints."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *words, env=self.bot.env, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert process.returncode == 0
        return out.decode().splitlines()

    # The clock is the database's and no test can turn it: these make what is stored older instead.

    async def age_cases(self) -> None:
        """As if every case had been read from Datadog an hour ago."""
        async with self.transaction() as tx:
            await tx.execute(update(schema.cases).values(read_at=schema.cases.c.read_at - 3600))

    async def age_confirmations(self, seconds: float) -> None:
        """As if the clicks on Add that are not done yet had come this much earlier."""
        at = schema.insights.c.confirmed_at
        async with self.transaction() as tx:
            await tx.execute(update(schema.insights).where(at.is_not(None)).values(confirmed_at=at - seconds))

    async def age_unfinished_work(self) -> None:
        async with self.transaction() as tx:
            await age_unfinished_work(tx)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Transaction]:
        """A transaction in the bot's own database."""
        store = Store(self.bot.env["DATABASE_URL"])
        try:
            async with store.write(patience=5.0) as tx:
                yield tx
        finally:
            await store.close()

    # What people do

    def start_thread(self, text: str = f"Memory keeps growing, see {CASE_LINK}", **more: Any) -> str:
        """Start a thread about the case; returns its ts."""
        return self.slack.message(CHANNEL, "U0ANA", text, **more)["ts"]

    def reply(self, root: str, text: str, as_user: str = "U0ANA", **more: Any) -> str:
        return self.slack.message(CHANNEL, as_user, text, thread_ts=root, **more)["ts"]

    async def offer(self, *numbers: int) -> tuple[str, Json]:
        """A thread about the case and a card that offers these monitors: the thread's ts, and the card."""
        root = self.start_thread()
        self.reply(root, " ".join(monitor(number) for number in numbers))
        return root, await self.card(root, f"Add {len(numbers)} insight")

    async def added(self, *numbers: int) -> tuple[str, Json]:
        """Like `offer`, and Ana has added them."""
        root, card = await self.offer(*numbers)
        await self.click(card, "insights.add")
        return root, await self.card(root, f"Added to {KEY} by Ana")

    async def click(self, card: Json, action: str, as_user: str = "U0ANA", *, late: bool = False) -> Json:
        """Press a button; `late`: on an earlier version of the card, which this person still sees."""
        return await self.slack.click(CHANNEL, card["ts"], action, as_user, late=late)

    async def tick(self, card: Json, as_user: str, *numbers: int) -> None:
        """Leave only these monitors ticked, in every group of checkboxes."""
        for block_id, options in boxes(card).items():
            values = [option["value"] for option in options if _number(option) in numbers]
            await self.slack.tick(CHANNEL, card["ts"], as_user, "insights.select", block_id, values)

    # What people see

    def cards(self, root: str) -> list[Json]:
        """The thread's cards as they are now, oldest first."""
        replies = self.slack.conversations.replies(CHANNEL, root)
        return [posted.message for posted in replies if posted.message.get("metadata")]

    async def card(self, root: str, words: str = "", *, within: float = 20.0) -> Json:
        """Wait for the thread's newest card to say these words."""

        def newest() -> Json | None:
            cards = self.cards(root)
            return cards[-1] if cards and words in as_read(cards[-1]) else None

        try:
            return await self.control.until(newest, timeout=within, what=f"a card that says {words!r}")
        except TimeoutError as error:
            shown = "\n".join(as_text(card) for card in self.cards(root))
            raise AssertionError(f"{error}\nCards:\n{shown}\nLog:\n{self.log[-3000:]}") from error

    async def handled(self) -> None:
        await handled(self.slack, self.bot)

    def calls(self, method: str) -> list[Call]:
        return self.control.matching(method=method)

    async def held(self, method: str) -> Call:
        """Wait for a call of this method that a rule holds."""
        return await self.control.until(
            lambda: next((call for call in self.control.held() if call.method == method), None),
            timeout=20,
            what=f"{method} to be held",
        )

    @property
    def on_case(self) -> list[tuple[str, str, str]]:
        return [tuple(insight) for insight in self.datadog.cases[KEY].insights]

    def private(self, user: str) -> list[str]:
        return [message["text"] for message in self.slack.private if message["user"] == user]

    async def answer_to(self, user: str) -> str:
        """Wait for a message that only this person sees; the last one."""
        return (await self.control.until(lambda: self.private(user), what=f"a private answer to {user}"))[-1]


async def handled(slack: SlackServer, bot: BotProcess) -> None:
    """Wait until every event is acknowledged, no job is due, and no call is made any more."""
    await slack.control.until(lambda: slack.transport.undelivered == 0, timeout=20, what="acknowledgements")
    await slack.control.quiet(0.15, timeout=20)
    while _work_soon(bot.env["DATABASE_URL"]):
        await slack.control.quiet(0.15, timeout=20)


def _work_soon(url: str) -> bool:
    """Whether a job is under way, or due within half a second. Later ones wait for something else."""
    if file := file_of(url):
        now, connection = "(julianday('now') - 2440587.5) * 86400.0", sqlite3.connect(file)
    else:
        now, connection = "extract(epoch from clock_timestamp())", psycopg.connect(url)
    with contextlib.closing(connection):  # type: ignore[type-var]
        due: Any = connection.execute(f"SELECT count(*) FROM jobs WHERE due_at < {now} + 0.5 OR token IS NOT NULL")  # noqa: S608
        return due.fetchone()[0] > 0


def as_read(message: Json) -> str:
    """A message as text, as a person reads it: without the addresses of its links."""
    return re.sub(r" \(https?://[^\s)]*\)", "", as_text(message))


async def forget(tx: Transaction) -> None:
    """Delete what is stored per channel or case key: it would outlive a test."""
    for table in (schema.ties, schema.modes, schema.channels, schema.cases, schema.sites, schema.thread_comments):
        await tx.execute(table.delete())
    await tx.execute(schema.jobs.delete().where(schema.jobs.c.kind == JobKind.COMMENT))


async def age_unfinished_work(tx: Transaction) -> None:
    """As if a killed bot had been dead for longer than its leases: no test waits for them to end, but one."""
    await tx.execute(update(schema.jobs).values(due_at=0.0))
    times = (schema.insights.c.sent_at, schema.cards.c.posting_since, schema.cards.c.late_reply_since)
    creations = schema.creations.c
    for at in (*times, schema.thread_comments.c.sent_at, creations.sent_at, creations.posting_since):
        await tx.execute(update(at.table).where(at > 0).values({at: at - 60}))


def boxes(card: Json) -> dict[str, list[Json]]:
    """The options of each group of checkboxes, by block_id."""
    return {
        block["block_id"]: element["options"]
        for block in card.get("blocks", [])
        if block["type"] == "actions"
        for element in block["elements"]
        if element["type"] == "checkboxes"
    }


def options(card: Json) -> list[Json]:
    return [option for group in boxes(card).values() for option in group]


def _number(option: Json) -> int:
    return int(option["text"]["text"].rpartition(" ")[2])


_schema: list[bytes] = []


async def prepared_database(directory: Path) -> bytes:
    """A database with the schema, made once: running Alembic takes a third of a bot's start."""
    if not _schema:
        store = Store(f"sqlite:///{directory / 'schema.db'}")
        await migrate.upgrade(store)
        await store.close()
        _schema.append((directory / "schema.db").read_bytes())
    return _schema[0]


async def comment_is_due(b: Bench) -> None:
    """Comments on cases are written now, rather than half a minute after the last change."""
    async with b.transaction() as tx:
        await age_unfinished_work(tx)
        await tx.execute(update(schema.insights).values(at=schema.insights.c.at - 60))


@contextlib.asynccontextmanager
async def bench(
    directory: Path,
    *,
    replicas: int = 1,
    settings: Mapping[str, str] | None = None,
    http: bool = False,
    without: Collection[str] = (),
    **slack_options: Any,
) -> AsyncGenerator[Bench]:
    """Both servers with one case, and a connected bot with these settings added to the bench's own.

    `http`: in HTTP mode behind a load balancer; `without`: settings that the bot does not get.
    """
    control = Control()
    options = {"ack_seconds": 2.5, "retry_delays": (0.3, 1.0, 2.0, 4.0), **slack_options}
    chosen = dict(settings or {})
    async with contextlib.AsyncExitStack() as stack:
        front = await stack.enter_async_context(balancer()) if http else None
        if http:
            options["signing_secret"] = SIGNING_SECRET
            chosen |= {"SLACK_SIGNING_SECRET": SIGNING_SECRET, "SLACK_APP_TOKEN": ""}
        manifest = app_manifest(front and front.url, reaction="CASE_INSIGHTS_REACTION" in chosen)
        slack = await stack.enter_async_context(SlackServer(manifest, control, **options))
        datadog = await stack.enter_async_context(DatadogServer(control))
        built = Bench(slack, datadog, directory, replicas, chosen, front, without)
        if "DATABASE_URL" not in chosen:
            built.database.write_bytes(await prepared_database(directory))
        try:
            await built.start()
            await built.reset()
            yield built
        finally:
            built.note_coverage()
            for bot in built.bots:
                await bot.kill()
