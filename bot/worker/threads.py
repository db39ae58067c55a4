"""The job of a thread: which case it is about, found out once and written down, then its pending links are offered.

Only a definite answer is remembered as "no case": a 429, a 5xx, or a channel that the bot is not in says nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.links import extract, parse
from bot.messages import replies
from bot.model import Case, CaseName, Thread, Tie, TieKind
from bot.policy import account_of, counts_as, is_app
from bot.services import authors, decision_log, repeats, watching
from bot.services.cases import resolve
from bot.services.context import PERSON_WITHIN, Context
from bot.store import jobs, now, offers, questions, scans, ties
from bot.store.offers import Rules, SightingDecision
from bot.store.transaction import Job, Transaction
from bot.worker.outcomes import Done, GiveUp, More, Outcome, RetryAfter
from bot.worker.scans import read_page
from bot.worker.whispers import whisper


@dataclass(frozen=True, slots=True)
class _Learned:
    """What Slack and Datadog said about a thread whose own tie was `own` when they were asked.

    `root`: the cases that its root names, None where nobody had to ask; `replied`: those that a reply names; `by`: who
    wrote the one that counts, see `policy.counts_as`. `unknown`: what the root names and Datadog does not know.
    """

    own: Tie | None
    root: Sequence[Case] | None
    replied: Sequence[Case]
    by: str | None
    unknown: Sequence[CaseName] = ()

    @property
    def is_old(self) -> bool:
        """Whether Datadog did not know the same before, when the root was looked up last."""
        return self.own is not None and self.own.kind is TieKind.NO_CASE and self.own.named == tuple(self.unknown)


Written = tuple[Tie | None, Sequence[SightingDecision]]
"""What was decided of a thread's links, by which tie."""


async def work(context: Context, job: Job) -> Outcome:
    """Find out this thread's case, read its earlier messages where that was asked for, and offer what waits."""
    thread = jobs.thread_of(job.key)
    await context.slack(thread.workspace)  # else it is not known which organisations it may use
    async with context.store.read() as connection:
        tie, own = await ties.of(connection, thread), await ties.own(connection, thread)
        scan, at = await scans.waiting(connection, thread), await now(connection)
    if own is not None and own.at > at:
        return RetryAfter(own.at - at, "", counts=False)
    if scan is not None and tie is not None and tie.kind is not TieKind.NAMED and not (own and own.replied):
        return await read_page(context, job, thread, scan)
    learned = await _learn(context, thread, tie, own)
    rules = await watching.rules(context, thread, by=learned.by)

    async def write(tx: Transaction) -> Written:
        return await _write(tx, thread, learned, rules)

    async def after(written: Written) -> None:
        repeats.report_decisions(context, thread, *written)
        if learned.unknown and written[0] is not None and not learned.is_old:
            await _tell_unknown(context, thread, learned)

    return More(write=write, after=after) if scan is not None else Done(write=write, after=after)


async def give_up(context: Context, job: Job, end: GiveUp) -> Done:
    """Decide not to offer what waits, and end a scan. The thread's case stays unknown: the next link asks again."""
    thread = jobs.thread_of(job.key)
    async with context.store.read() as connection:
        scan = await scans.waiting(connection, thread)

    async def write(tx: Transaction) -> Sequence[SightingDecision]:
        if scan is not None and await scans.waiting(tx, thread) == scan:
            await scans.finish(tx, thread)
        return await offers.set_aside(tx, thread, end.reason)

    async def after(decisions: Sequence[SightingDecision]) -> None:
        decision_log.write(context, thread, None, decisions)
        if scan is not None and scan.by is not None:
            await whisper(
                context, thread, scan.by, replies.scan_given_up(end.words or replies.slack_refused(end.reason))
            )

    return Done(write=write, after=after)


async def _learn(context: Context, thread: Thread, tie: Tie | None, own: Tie | None) -> _Learned:
    """Ask for the root's cases where they are not known, and for a reply's where the root names none."""
    by = own.by if own is not None else None
    root: Sequence[Case] | None = None
    named: Sequence[CaseName] = ()
    if tie is not None and tie.kind is TieKind.NAMED:
        named = tie.named
        root = await _known(context, thread, named)
    elif tie is None:
        named, author = await _find_out(context, thread)
        root = await _known(context, thread, named)
        by = author if named else by
    by = await _counts_as(context, thread, by)
    asks = not root and (tie is None or tie.kind in (TieKind.NO_CASE, TieKind.NAMED))
    replied = await _known(context, thread, own.replied) if own is not None and asks else ()
    return _Learned(own, root, replied, by, () if root else named)


async def _find_out(context: Context, thread: Thread) -> tuple[Sequence[CaseName], str | None]:
    """The cases that the root names; and its author, see `authors.author_of`."""
    root = await (await context.slack(thread.workspace)).root(thread)
    if root is None:
        return (), None
    named = watching.names_of(context, thread.workspace, [parse(link, context.routes) for link in extract(root)])
    return named, authors.author_of(root)


async def _counts_as(context: Context, thread: Thread, author: str | None) -> str | None:
    workspace = await context.workspaces.at(thread.workspace)
    accounts = await workspace.slack.lately({account_of(author)}, within=PERSON_WITHIN)
    return counts_as(author, accounts, workspace.home)


async def _tell_unknown(context: Context, thread: Thread, learned: _Learned) -> None:
    """Tell the person who named a case that Datadog does not know it; others are told nothing of cases."""
    if learned.by and not is_app(learned.by) and await context.outsider(thread.workspace, learned.by) is None:
        await whisper(context, thread, learned.by, replies.root_unknown([name.case for name in learned.unknown]))


async def _known(context: Context, thread: Thread, named: Iterable[CaseName]) -> Sequence[Case]:
    orgs = context.orgs_for(thread.workspace)
    found = [await resolve(context, name) for name in named if name.org in orgs]
    return tuple({case.case_id: case for case in found if case is not None}.values())


async def _write(tx: Transaction, thread: Thread, learned: _Learned, rules: Rules) -> Written:
    if await ties.own(tx, thread) != learned.own:
        return None, ()  # the root was edited, or somebody tied the thread: that enqueued the job anew
    at = await now(tx)
    if learned.root is not None:
        await write_root(tx, thread, learned.root, at, learned.by, learned.unknown)
    tie = await ties.of(tx, thread)
    decisions: Sequence[SightingDecision] = ()
    if tie is not None and tie.kind is TieKind.TIED:
        if not await ties.lock_tied(tx, thread, tie):
            return None, ()  # whoever changed the tie enqueued the job anew
        decisions = await offers.offer_pending(tx, thread, tie, rules, at)
    elif tie is not None:
        decisions = await offers.set_aside(tx, thread, tie.kind)
        if about := learned.replied or (tie.kind is TieKind.SEVERAL and learned.root):
            await questions.ask(tx, thread, about, at)
    await ties.asked(tx, thread)
    return tie, decisions


async def write_root(
    tx: Transaction,
    thread: Thread,
    named: Sequence[Case],
    at: float,
    by: str | None,
    unknown: Sequence[CaseName] = (),
) -> None:
    """Store what the root turned out to say, by the cases it names; `unknown`: all that it names, if none exists."""
    for case in sorted(named, key=lambda case: (case.org, case.case_id)):  # in one order, whoever locks them
        await ties.lock_case(tx, case.org, case.case_id)
    if len(named) == 1:
        await ties.set_from_root(tx, thread, TieKind.TIED, at, org=named[0].org, case_id=named[0].case_id, by=by)
    else:
        kind = TieKind.SEVERAL if named else TieKind.NO_CASE
        await ties.set_from_root(tx, thread, kind, at, by=by, unknown=unknown)
