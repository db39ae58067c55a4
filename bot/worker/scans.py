"""Scanning a thread's earlier messages: a page per turn of the thread's job, offered on one card at the end."""

from dataclasses import replace

import structlog

from bot.messages import replies
from bot.model import Thread, TieKind
from bot.services import decision_log, watching
from bot.services.context import Context
from bot.slack.client import SlackPermanent, SlackTransient
from bot.store import jobs, now, offering, scans, sightings, ties
from bot.store.jobs import Job
from bot.store.scans import Scan
from bot.store.seen import SightingDecision

log = structlog.get_logger(__name__)

PAGE = 100
"""Messages asked for at once."""


async def page(context: Context, job: Job, thread: Thread, scan: Scan) -> None:
    """Read the next page of this scan and write down its links; raises SlackLater and SlackEnd."""
    there = await context.workspaces.at(thread.workspace)
    read, cursor = await there.slack.page(thread, scan.cursor, min(PAGE, scan.left))
    found = [
        watching.seen(context, thread.workspace, thread.channel, message, edited=True)
        for message in read
        if not (watching.is_ours(there.myself, message) or watching.is_command(there.myself, message))
    ]
    done = not cursor or scan.left <= len(read)
    async with context.write() as tx:
        await jobs.check_lease(tx, job)
        at = await now(tx)
        new = sum([await sightings.insert(tx, each, at) for each in found])
        so_far = replace(
            scan, cursor=cursor, left=scan.left - len(read), read=scan.read + len(read), new=scan.new + new
        )
        await (scans.finish(tx, thread) if done else scans.proceed(tx, thread, so_far))
    rules = await watching.rules(context, thread)
    async with context.write() as tx:
        await jobs.check_lease(tx, job)
        tie = await ties.of(tx, thread)
        decided: list[SightingDecision] = []
        if done and tie is not None and tie.kind is TieKind.TIED:
            await ties.lock_case(tx, tie.org, tie.case_id)
            decided = await offering.offer_pending(tx, thread, tie, rules, await now(tx))
        await jobs.complete(tx, job, more=not done)
    decision_log.tell(context, thread, tie, decided)
    if done and scan.by is not None:
        await _tell(context, thread, scan.by, replies.scanned(so_far.read, so_far.new))


async def _tell(context: Context, thread: Thread, user: str, text: str) -> None:
    """Lost with the process, as whispers are: the card stands in any case."""
    try:
        await (await context.slack(thread.workspace)).whisper(thread, user, text)
    except (SlackTransient, SlackPermanent) as error:
        log.warning("answer.lost", user=user, why=str(error))
