"""The job of a thread's comment on a case: it is written, changed and taken off as insights come and go.

Before a call leaves, `sent_at` is committed. A call that got no answer may still be carried out, and a comment that is
written twice would stay: so the job waits until that call has surely ended, and looks for the comment by its marker.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from bot.datadog.errors import DatadogPermanent, DatadogTransient, TransientReason
from bot.messages import sentences
from bot.messages.case_comment import NOTES_HELD, case_comment, fitting, marker
from bot.messages.text import readable
from bot.model import CardItem, State
from bot.services.context import PERSON_WITHIN, Context, Organization
from bot.services.responder import new_reference
from bot.slack.client import DIRECT
from bot.store import cards, cases, now, shared_channels, thread_comments
from bot.store.cards import Timing
from bot.store.cases import DeliveryResult
from bot.store.thread_comments import Evidence, ThreadComment
from bot.store.transaction import Job, Transaction
from bot.store.work_items import WorkItem
from bot.worker.backoff import answer_is_due, not_now
from bot.worker.failures import failure, key_of
from bot.worker.lease import fenced
from bot.worker.outcomes import Done, GiveUp, More, Outcome, RetryAfter

_ANSWERED = {"sent_at": None, "removing": False}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _CommentTurn:
    """What one turn works with, as of `at` (the database's time). `shared`: other organisations read its channel."""

    context: Context
    org: Organization
    job: Job
    comment: ThreadComment
    evidence: Evidence
    at: float
    shared: bool


async def work(context: Context, job: Job) -> Outcome:
    """One call at most that changes the comment."""
    wanted = thread_comments.of_key(job.key)
    async with context.store.snapshot() as connection:
        comment = await thread_comments.get(connection, wanted)
        evidence = await thread_comments.evidence(connection, comment)
        at = await now(connection)
        shared = await shared_channels.is_shared(connection, wanted.thread)
    notes = evidence.at_work
    if context.timing.comment is None:
        return _ended(context, comment, _not_kept(notes, sentences.comments_off()))
    if comment.lost:
        return _ended(context, comment, await _lost(context, comment, notes))
    org = context.orgs.get(comment.org)
    if org is None:
        return _wait(comment, notes, context.retry_cap, readable(sentences.org_gone(comment.org)))
    if org.breaker.open_for:
        words = not_now(TransientReason(org.breaker.reason))
        return _wait(comment, notes, org.breaker.open_for, words, counts=False)
    due = answer_is_due(context.lease)
    if comment.sent_ago is not None and comment.sent_ago < due:
        return _wait(comment, notes, due - comment.sent_ago, sentences.not_answering(None), counts=False)
    if (wait := collects(context.timing, evidence.changes, at)) > 0:
        return RetryAfter(wait, "", counts=False)
    turn = _CommentTurn(context, org, job, comment, evidence, at, shared)
    if comment.cell == "" or (comment.cell is None and comment.sent_ago is not None):
        return await _find(turn)
    if comment.removing or not evidence.told:
        return await _remove(turn) if comment.cell else _done(turn, _removed(notes))
    return await _write(turn)


def collects(timing: Timing, changes: Sequence[float], at: float) -> float:
    """Seconds for which more changes are waited for; 0 or less: none. `changes`: when each happened."""
    if not changes or timing.comment is None:
        return 0.0
    return min(max(changes) + timing.comment, min(changes) + timing.comment_at_most) - at


async def give_up(context: Context, job: Job, end: GiveUp) -> Done:
    """The comment stays as it is until something changes again; one that is nowhere to be found was deleted."""
    async with context.store.read() as connection:
        comment = await thread_comments.get(connection, thread_comments.of_key(job.key))
        notes = (await thread_comments.evidence(connection, comment)).at_work
    failed = _not_kept(notes, sentences.gave_up(context.give_up_after / 3600, end.words or end.reason))
    return _ended(context, comment, failed, lost=comment.lost or comment.cell == "")


async def _find(turn: _CommentTurn) -> Outcome:
    """Look in the case's timeline for a comment that may be there, or is there under an id that was not told."""
    comment, found, unreadable = turn.comment, "", False
    word = marker(comment.thread, comment.case_id)
    try:
        async for one in turn.org.datadog.comments(comment.case_id):
            unreadable = unreadable or one.text is None
            if one.text is not None and one.text.rstrip().endswith(word):
                found = one.cell_id or found  # the oldest: others quote it
    except DatadogPermanent as error:
        log.warning("comment.unsettled", case=comment.case_id, status=error.status)
        return _ended(turn.context, comment, await _refused(turn, error))
    if found:
        return _more(comment, cell=found)
    if unreadable or comment.cell == "":
        return _wait(comment, turn.evidence.at_work, None, sentences.NOT_LISTED)
    return _more(comment)  # it never arrived


async def _write(turn: _CommentTurn) -> Outcome:
    comment, notes, datadog = turn.comment, turn.evidence.at_work, turn.org.datadog
    told, left_out = fitting(turn.evidence.told)
    text = await _text(turn, told)
    full = _not_kept([note for note in notes if note.id in left_out], sentences.comment_full(NOTES_HELD))
    notes = [note for note in notes if note.id not in left_out]
    at = await _leaves(turn, notes)
    if at is None:
        return More()
    try:
        if comment.cell:
            cell: str | None = comment.cell
            await datadog.change_comment(comment.case_id, comment.cell, text)
        else:
            cell = await datadog.comment(comment.case_id, text)
    except DatadogPermanent as error:
        lost = error.status == 404 and comment.cell is not None
        log.warning("comment.deleted" if lost else "comment.refused", case=comment.case_id, status=error.status)
        ends = await _lost(turn.context, comment, notes) if lost else await _refused(turn, error)
        return _done(turn, ends, lost=lost)
    except DatadogTransient as error:
        return _not_now(turn, error, at)
    log.info("comment.written", case=comment.case_id, insights=len(told), first=comment.cell is None)
    added = [DeliveryResult(note, State.ADDED, ours=True) for note in notes if note.state is State.CONFIRMED]
    return _done(turn, [*added, *_removed(notes), *full], cell=cell or "")


async def _remove(turn: _CommentTurn) -> Outcome:
    comment, notes = turn.comment, [note for note in turn.evidence.at_work if note.state is State.UNDOING]
    assert comment.cell, "only what is there is removed"  # noqa: S101
    at = await _leaves(turn, notes, removing=True)
    if at is None:
        return More()
    lost = False
    try:
        await turn.org.datadog.remove_comment(comment.case_id, comment.cell)
    except DatadogPermanent as error:
        if error.status != 404:
            log.warning("comment.refused", case=comment.case_id, status=error.status)
            return _done(turn, await _refused(turn, error))
        lost = not comment.removing  # else an earlier call of ours has removed it
    except DatadogTransient as error:
        return _not_now(turn, error, at, removing=True)
    log.info("comment.deleted" if lost else "comment.removed", case=comment.case_id)
    ended = _done(turn, _removed(notes), cell=None, lost=lost)
    return More(write=ended.write, case=ended.case) if turn.evidence.told else ended


async def _text(turn: _CommentTurn, told: Sequence[CardItem]) -> str:
    """What the comment says now; raises as `workspaces.at` does."""
    thread = turn.comment.thread
    workspace = await turn.context.workspaces.at(thread.workspace)
    by = set[str]() if turn.shared else {item.by for item in told if item.by}
    names = await workspace.slack.names(by, within=PERSON_WITHIN)
    titles = turn.org.names.cached(item.identity for item in told)
    here = thread.permalink(workspace.myself.url, thread.ts).removesuffix("/p")  # of a whole channel, its own address
    link = "" if thread.channel.startswith(DIRECT) else here
    named = [replace(item, name=titles.get(item.identity, "")) for item in told]
    return case_comment(named, link, names, marker(thread, turn.comment.case_id))


async def _leaves(turn: _CommentTurn, notes: Sequence[WorkItem], *, removing: bool = False) -> float | None:
    """Commit that a call with these notes leaves now; that time, or None where somebody changed one of them."""
    async with fenced(turn.context, turn.job, case=turn.comment.case) as (tx, at):
        if notes and len(await cases.mark_sent(tx, notes, at)) < len(notes):
            return None
        await thread_comments.write(tx, turn.comment, {"sent_at": at, "removing": removing})
    return at


async def _lost(context: Context, comment: ThreadComment, notes: Sequence[WorkItem]) -> list[DeliveryResult]:
    """What becomes of notes where somebody deleted the comment: none is kept there any more."""
    return [*_not_kept(notes, sentences.no_comment(await key_of(context, comment.case)), kept=False), *_removed(notes)]


async def _refused(turn: _CommentTurn, error: DatadogPermanent) -> list[DeliveryResult]:
    """What becomes of notes where Datadog does not take the comment."""
    notes = turn.evidence.at_work
    if not notes:
        return []
    key = await key_of(turn.context, turn.comment.case)
    words = sentences.refused_by_datadog(error.words)
    if error.status in (401, 403):
        reference = new_reference()
        log.error("datadog.permission", job=turn.job.key, status=error.status, reference=reference)
        words = sentences.comment_refused(error.status, key, reference)
    if error.status == 404:
        words = sentences.case_gone(key)
    return _not_kept(notes, words)


def _not_kept(notes: Sequence[WorkItem], words: str, *, kept: bool = True) -> list[DeliveryResult]:
    """Notes that could not be added fail; `kept`: those that could not be taken off are there still."""
    return [failure(note, words) for note in notes if kept or note.state is State.CONFIRMED]


def _removed(notes: Sequence[WorkItem]) -> list[DeliveryResult]:
    return [DeliveryResult(note, State.UNDONE) for note in notes if note.state is State.UNDOING]


def _not_now(turn: _CommentTurn, error: DatadogTransient, at: float, *, removing: bool = False) -> RetryAfter:
    """Try again; what was answered has ended, whether or not it was done."""
    sent_at = (at if error.status is None else 0.0) if error.sent else None
    comment, notes = turn.comment, turn.evidence.at_work
    values = {"sent_at": sent_at, "removing": removing and (error.sent or comment.removing)}

    async def write(tx: Transaction) -> None:
        await thread_comments.write(tx, comment, values)
        if not error.sent:
            await cases.unsent(tx, [note.id for note in notes if not note.sent])
        await cards.touch(tx, [note.id for note in notes])

    return RetryAfter(error.after, not_now(error.why, error.status), error.counts, write=write, case=comment.case)


def _wait(
    comment: ThreadComment, notes: Sequence[WorkItem], seconds: float | None, reason: str, *, counts: bool = True
) -> RetryAfter:
    """Try again in `seconds` (None: the usual back-off); cards whose notes wait say so."""
    return RetryAfter(
        seconds, reason, counts, write=lambda tx: cards.touch(tx, [note.id for note in notes]), case=comment.case
    )


def _done(turn: _CommentTurn, results: Sequence[DeliveryResult] = (), **values: object) -> Done:
    """The end until something changes again, with every call answered."""
    return _ended(turn.context, turn.comment, results, **_ANSWERED, told_at=turn.at, **values)


def _ended(context: Context, comment: ThreadComment, results: Sequence[DeliveryResult] = (), **values: object) -> Done:
    async def write(tx: Transaction) -> None:
        if values:
            await thread_comments.write(tx, comment, values)
        if results:
            await cases.settle(tx, results, context.timing)

    return Done(write=write, case=comment.case)


def _more(comment: ThreadComment, **values: object) -> More:
    return More(write=lambda tx: thread_comments.write(tx, comment, {**_ANSWERED, **values}), case=comment.case)
