"""The job of a thread: which case it is about, found out once and written down, then its pending links are offered.

Only a definite answer is remembered as "no case": a 429, a 5xx, or a channel that the bot is not in says nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.datadog.client import DatadogTransient, TransientReason
from bot.links import extract, parse
from bot.messages import sentences
from bot.model import Case, CaseName, Thread, Tie, TieKind
from bot.services import decision_log, watching
from bot.services.cases import CredentialsRefused, resolve
from bot.services.context import Context
from bot.slack.client import SlackPermanent, SlackTransient
from bot.store import cases, jobs, now, offering, questions, scans, ties
from bot.store.jobs import Job, Retry
from bot.store.seen import SightingDecision
from bot.worker import scans as scanning

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Learned:
    """What Slack and Datadog told of a thread whose own row was `own` then.

    `root`: the cases that its root names, None where nobody had to ask; `replied`: those that a reply names.
    """

    own: Tie | None
    root: Sequence[Case] | None
    replied: Sequence[Case]


async def deliver(context: Context, job: Job) -> None:
    """Find out this thread's case, read its earlier messages where that was asked for, and offer what waits."""
    thread = Thread(*job.key.split("/"))
    async with context.store.read() as connection:
        tie, own = await ties.of(connection, thread), await ties.own(connection, thread)
        scan = await scans.waiting(connection, thread)
    try:
        known = tie is not None and tie.kind is not TieKind.NAMED and not (own and own.replied)
        if known and scan is not None:
            await scanning.page(context, job, thread, scan)
        else:
            await _write_down(context, job, thread, await _learn(context, thread, tie, own))
    except SlackTransient as later:
        await _again(context, job, context.later(job.attempts, str(later), later.after))
    except DatadogTransient as later:
        words = (
            sentences.rate_limited()
            if later.why is TransientReason.RATE_LIMITED
            else sentences.not_answering(later.status)
        )
        await _again(context, job, context.later(job.attempts, words, later.after))
    except CredentialsRefused:
        await _again(context, job, Retry(context.probe, sentences.credentials(), counts_as_attempt=False))
    except SlackPermanent as end:
        log.warning("thread.unreadable", channel=thread.channel, reason=end.reason, needed=end.needed)
        await _give_up(context, job, thread, end.reason)


async def _learn(context: Context, thread: Thread, tie: Tie | None, own: Tie | None) -> _Learned:
    """Ask for the root's cases where they are not known, and for a reply's where the root names none."""
    root = await _find_out(context, thread, tie) if tie is None or tie.kind is TieKind.NAMED else None
    asks = not root and (tie is None or tie.kind in (TieKind.NO_CASE, TieKind.NAMED))
    replied = await _known(context, thread, own.replied) if own is not None and asks else ()
    return _Learned(own, root, replied)


async def _find_out(context: Context, thread: Thread, tie: Tie | None) -> Sequence[Case]:
    """The cases that the root names and Datadog knows, each once."""
    if tie is not None:
        return await _known(context, thread, tie.named)
    root = await (await context.slack(thread.workspace)).root(thread)
    links = extract(root) if root is not None else ()
    named = watching.names_of(context, thread.workspace, [parse(link, context.routes) for link in links])
    return await _known(context, thread, named)


async def _known(context: Context, thread: Thread, named: Iterable[CaseName]) -> Sequence[Case]:
    ours = context.orgs_for(thread.workspace)
    found = [await resolve(context, name) for name in named if name.org in ours]
    return tuple({case.case_id: case for case in found if case is not None}.values())


async def _write_down(context: Context, job: Job, thread: Thread, learned: _Learned) -> None:
    rules = await watching.rules(context, thread)
    async with context.write() as tx:
        await jobs.check_lease(tx, job)
        if await ties.own(tx, thread) != learned.own:  # the root was edited meanwhile, or somebody tied the thread
            await jobs.complete(tx, job, more=True)
            return
        at = await now(tx)
        if learned.root is not None:
            await write_found(tx, thread, learned.root, at)
        for case in learned.replied:
            await cases.save(tx, case)
        tie = await ties.of(tx, thread)
        decided: list[SightingDecision] = []
        if tie is not None and tie.kind is TieKind.TIED:
            await ties.lock_case(tx, tie.org, tie.case_id)
            decided = await offering.offer_pending(tx, thread, tie, rules, at)
        elif tie is not None:
            decided = await offering.set_aside(tx, thread, tie.kind)
            if about := learned.replied or (tie.kind is TieKind.SEVERAL and learned.root):
                await questions.ask(tx, thread, about, at)
        await ties.asked(tx, thread)
        await jobs.complete(tx, job, more=await scans.waiting(tx, thread) is not None)
    decision_log.tell(context, thread, tie, decided)


async def write_found(tx: AsyncConnection, thread: Thread, found: Sequence[Case], at: float) -> None:
    """What the root turned out to say, with the cases it names."""
    for case in sorted(found, key=lambda case: (case.org, case.case_id)):  # in one order, whoever locks them
        await ties.lock_case(tx, case.org, case.case_id)
        await cases.save(tx, case)
    if len(found) == 1:
        await ties.set_from_root(tx, thread, TieKind.TIED, at, org=found[0].org, case_id=found[0].case_id)
    else:
        await ties.set_from_root(tx, thread, TieKind.SEVERAL if found else TieKind.NO_CASE, at)


async def _again(context: Context, job: Job, again: Retry) -> None:
    if job.since is not None and again.counts_as_attempt:
        async with context.write() as tx:
            too_late = await jobs.check_lease(tx, job) - job.since > context.give_up_after
        if too_late:
            await _give_up(context, job, Thread(*job.key.split("/")), "gave_up")
            return
    async with context.write() as tx:
        await jobs.check_lease(tx, job)
        await context.retry(tx, job, again)


async def _give_up(context: Context, job: Job, thread: Thread, reason: str) -> None:
    """Nothing is known of the thread's case, so nothing is remembered: the next link asks again."""
    async with context.write() as tx:
        await jobs.check_lease(tx, job)
        decided = await offering.set_aside(tx, thread, reason)
        await jobs.complete(tx, job, more=False)
    decision_log.tell(context, thread, None, decided)
