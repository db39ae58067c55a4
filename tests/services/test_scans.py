"""A scan of a thread's earlier messages: whoever asks for one while another is read gets one of their own."""

import asyncio

import pytest
from sqlalchemy import update

from bot.insights import Mode
from bot.model import State
from bot.services import watching
from bot.services.commands import SCANNED
from bot.store import modes, now, scans, schema
from bot.store.scans import ScanProgress
from bot.store.transaction import JobKind
from bot.worker.outcomes import Done, More
from bot.worker.scans import read_page
from bot.worker.threads import work
from tests.services.conftest import ANA, BEN, CHANNEL, TEAM, Office, link
from tests.store.conftest import claim, sighted, tie


async def test_a_scan_that_is_asked_for_while_another_is_read_is_not_lost(office: Office):
    thread = office.thread()
    office.slack.message(thread.channel, ANA, link(1), thread_ts=thread.ts)
    await tie(office.store, thread)

    async def ask(by: str) -> None:
        async with office.store.write() as tx:
            await scans.ask(tx, thread, by, SCANNED, await now(tx))

    async def waiting() -> ScanProgress | None:
        async with office.store.read() as connection:
            return await scans.waiting(connection, thread)

    await ask(ANA)
    async with office.store.write() as tx:
        await tx.execute(schema.jobs.delete().where(schema.jobs.c.kind != JobKind.THREAD))
        await tx.execute(update(schema.jobs).values(due_at=0.0))
        job = await claim(tx)
    scan = await waiting()
    assert job is not None
    assert scan is not None
    office.slack.control.rule("slack", "conversations.replies", hold="before", times=1)
    reading = asyncio.create_task(read_page(office.context, job, thread, scan))
    await office.slack.control.until(office.slack.control.held, what="the page to be read")
    await ask(BEN)
    office.slack.control.release()
    assert isinstance(await reading, More)
    assert await waiting() == ScanProgress(BEN, "", SCANNED, 0, 0)
    assert [row[1] for row in await sighted(office.store)] == ["pending"], "what was read is kept"

    [scan] = [await waiting()]
    assert scan is not None
    assert isinstance(await read_page(office.context, job, thread, scan), Done)
    assert await waiting() is None


@pytest.mark.parametrize("now_off", [True, False])
async def test_a_scan_that_somebody_asks_for_takes_up_what_was_pasted_while_watching_was_off(
    office: Office, now_off: bool
):
    thread = office.thread()
    await tie(office.store, thread)
    await modes.say(office.store, thread, Mode.OFF, ANA)
    text = link(1)
    message = office.slack.message(CHANNEL, ANA, text, thread_ts=thread.ts)
    event = {"channel": CHANNEL, "channel_type": "channel", "user": ANA, "text": text, "ts": message["ts"]}
    await watching.watch(office.context, TEAM, {**event, "thread_ts": thread.ts}, shared=False)
    assert [row[1] for row in await sighted(office.store)] == ["not"]
    if not now_off:
        await modes.say(office.store, thread, Mode.ASK, ANA)
    async with office.store.write() as tx:
        await scans.ask(tx, thread, ANA, SCANNED, await now(tx))
        await tx.execute(schema.jobs.delete().where(schema.jobs.c.kind != JobKind.THREAD))
    async with office.store.write() as tx:
        await tx.execute(update(schema.jobs).values(due_at=0.0))
        job = await claim(tx)
    assert job is not None
    outcome = await work(office.context, job)
    assert isinstance(outcome, Done)
    assert outcome.write is not None
    async with office.store.write() as tx:
        await outcome.write(tx)
    assert [row[1] for row in await sighted(office.store)] == ["offered"]
    assert await office.insights() == {"1": State.OFFERED}
