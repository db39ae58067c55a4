"""Scanning a thread's earlier messages: a page per turn of the thread's job, offered on one card at the end."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from bot.insights import Decision
from bot.messages import replies
from bot.model import Identity, Thread, Tie, TieKind
from bot.services import card_links, decision_log, watching
from bot.services.context import Context
from bot.store import now, offers, scans, sightings, ties
from bot.store.offers import SightingDecision
from bot.store.open_cards import CardPlace
from bot.store.scans import ScanProgress
from bot.store.transaction import Job, Transaction
from bot.worker.lease import fenced
from bot.worker.outcomes import Done, More, Outcome
from bot.worker.whispers import whisper

PAGE = 100
"""Messages asked for at once."""


async def read_page(context: Context, job: Job, thread: Thread, scan: ScanProgress) -> Outcome:
    """Read the next page of this scan and write down its links; raises SlackTransient and SlackPermanent."""
    workspace = await context.workspaces.at(thread.workspace)
    messages, cursor = await workspace.slack.page(thread, scan.cursor, min(PAGE, scan.left))
    read = [
        watching.seen(context, thread, message, edited=True)
        for message in messages
        if not (
            watching.is_ours(workspace.myself, message) or watching.command_of(workspace.myself, message) is not None
        )
    ]
    done = not cursor or scan.left <= len(messages)
    async with fenced(context, job) as (tx, _):
        at = await now(tx)
        new = sum([await sightings.insert(tx, message, at) for message in read])
        so_far = replace(
            scan, cursor=cursor, left=scan.left - len(messages), read=scan.read + len(messages), new=scan.new + new
        )
        if await scans.waiting(tx, thread) != scan:
            return More()  # somebody asked for another meanwhile, which begins with the first page
        await (scans.finish(tx, thread) if done else scans.proceed(tx, thread, so_far))
    return await _at_the_end(context, thread, so_far) if done else More()


async def _at_the_end(context: Context, thread: Thread, scan: ScanProgress) -> Done:
    rules = replace(await watching.rules(context, thread), asked=scan.by is not None)

    async def write(tx: Transaction) -> tuple[Tie | None, Sequence[SightingDecision]]:
        tie = await ties.of(tx, thread)
        if tie is None or tie.kind is not TieKind.TIED:
            return tie, ()
        if not await ties.lock_tied(tx, thread, tie):
            return None, ()  # whoever changed the tie enqueued the job anew
        return tie, await offers.offer_pending(tx, thread, tie, rules, await now(tx))

    async def after(written: tuple[Tie | None, Sequence[SightingDecision]]) -> None:
        decision_log.write(context, thread, *written)
        if scan.by is not None:
            offered = {each.identity for each in written[1] if each.decision in (Decision.OFFER, Decision.OFFER_AGAIN)}
            card = await _card(context, thread, written[0], offered) if offered else ""
            await whisper(context, thread, scan.by, replies.scanned(scan.read, scan.new, card))

    return Done(write=write, after=after)


async def _card(context: Context, thread: Thread, tie: Tie | None, offered: Collection[Identity]) -> str:
    if tie is None:
        return ""
    async with context.store.read() as connection:
        rows = await offers.stored(connection, CardPlace(thread, tie.org, tie.case_id), offered)
    return await card_links.showing(context, thread, [row.id for row in rows.values()])
