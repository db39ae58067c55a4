"""The job of a thread's comment on a case: it is written, changed and taken off as insights come and go.

Before a call leaves, `sent_at` is committed. A call that got no answer may still be carried out, and a comment that is
written twice would stay: so the job waits until that call has surely ended, and looks for the comment by its marker.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from bot.datadog.errors import DatadogPermanent, DatadogTransient, TransientReason
from bot.messages import sentences
from bot.messages.case_comment import case_comment, marker
from bot.messages.text import readable
from bot.model import CardItem
from bot.services.context import PERSON_WITHIN, Context, Organization
from bot.slack.client import DIRECT
from bot.store import now, shared_channels, thread_comments
from bot.store.cards import Timing
from bot.store.thread_comments import ThreadComment
from bot.store.transaction import Job
from bot.worker.backoff import answer_is_due, not_now
from bot.worker.lease import fenced
from bot.worker.outcomes import Done, GiveUp, More, Outcome, RetryAfter

_ANSWERED = {"sent_at": None, "removing": False}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _CommentTurn:
    """What one turn works with. `added`: what the comment has to tell, as of `at` (the database's time).

    `shared`: other organisations read its channel.
    """

    context: Context
    org: Organization
    job: Job
    comment: ThreadComment
    added: Sequence[CardItem]
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
    if comment.lost or context.timing.comment is None:
        return Done()
    org = context.orgs.get(comment.org)
    if org is None:
        return RetryAfter(context.retry_cap, readable(sentences.org_gone(comment.org)))
    if org.breaker.open_for:
        return RetryAfter(org.breaker.open_for, not_now(TransientReason(org.breaker.reason)), counts=False)
    due = answer_is_due(context.lease)
    if comment.sent_ago is not None and comment.sent_ago < due:
        return RetryAfter(due - comment.sent_ago, sentences.not_answering(None), counts=False)
    if (wait := collects(context.timing, evidence.changes, at)) > 0:
        return RetryAfter(wait, "More may change.", counts=False)
    turn = _CommentTurn(context, org, job, comment, evidence.added, at, shared)
    if comment.cell == "" or (comment.cell is None and comment.sent_ago is not None):
        return await _find(turn)
    if comment.removing or not turn.added:
        return await _remove(turn) if comment.cell else _done(turn)
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
    return _ended(comment, lost=comment.lost or comment.cell == "")


async def _find(turn: _CommentTurn) -> Outcome:
    """Look in the case's timeline for a comment that may be there, or is there under an id that was not told."""
    comment, found, unreadable = turn.comment, "", False
    word = marker(comment.thread, comment.case_id)
    try:
        async for one in turn.org.datadog.comments(comment.case_id):
            unreadable = unreadable or one.text is None
            if one.text is not None and word in one.text:
                found = one.cell_id or found  # the oldest: others quote it
    except DatadogPermanent as error:
        log.warning("comment.unsettled", case=comment.case_id, status=error.status)
        return Done()
    if found:
        return _more(comment, cell=found)
    if unreadable or comment.cell == "":
        return RetryAfter(None, sentences.NOT_LISTED)
    return _more(comment)  # it never arrived


async def _write(turn: _CommentTurn) -> Outcome:
    text, comment, datadog = await _text(turn), turn.comment, turn.org.datadog
    at = await _leaves(turn)
    try:
        if comment.cell:
            cell: str | None = comment.cell
            await datadog.change_comment(comment.case_id, comment.cell, text)
        else:
            cell = await datadog.comment(comment.case_id, text)
    except DatadogPermanent as error:
        return _refused(turn, error, lost=error.status == 404 and comment.cell is not None)
    except DatadogTransient as error:
        return _not_now(turn, error, at)
    log.info("comment.written", case=comment.case_id, insights=len(turn.added), first=comment.cell is None)
    return _done(turn, cell=cell or "")


async def _remove(turn: _CommentTurn) -> Outcome:
    comment = turn.comment
    assert comment.cell, "only what is there is removed"  # noqa: S101
    at = await _leaves(turn, removing=True)
    try:
        await turn.org.datadog.remove_comment(comment.case_id, comment.cell)
    except DatadogPermanent as error:
        if error.status != 404:  # where it is gone, somebody else or an earlier call has removed it
            return _refused(turn, error)
    except DatadogTransient as error:
        return _not_now(turn, error, at, removing=True)
    log.info("comment.removed", case=comment.case_id)
    return _more(comment, cell=None) if turn.added else _done(turn, cell=None)


async def _text(turn: _CommentTurn) -> str:
    """What the comment says now; raises as `workspaces.at` does."""
    thread, added = turn.comment.thread, turn.added
    workspace = await turn.context.workspaces.at(thread.workspace)
    by = set[str]() if turn.shared else {item.by for item in added if item.by}
    names = await workspace.slack.names(by, within=PERSON_WITHIN)
    titles = turn.org.names.cached(item.identity for item in added)
    here = thread.permalink(workspace.myself.url, thread.ts).removesuffix("/p")  # of a whole channel, its own address
    link = "" if thread.channel.startswith(DIRECT) else here
    named = [replace(item, name=titles.get(item.identity, "")) for item in added]
    return case_comment(named, link, names, marker(thread, turn.comment.case_id))


async def _leaves(turn: _CommentTurn, *, removing: bool = False) -> float:
    """Commit that a call leaves now; returns that time."""
    async with fenced(turn.context, turn.job, case=turn.comment.case) as (tx, at):
        await thread_comments.write(tx, turn.comment, {"sent_at": at, "removing": removing})
    return at


def _not_now(turn: _CommentTurn, error: DatadogTransient, at: float, *, removing: bool = False) -> RetryAfter:
    """Try again; what was answered has ended, whether or not it was done."""
    sent_at = (at if error.status is None else 0.0) if error.sent else None
    comment = turn.comment
    values = {"sent_at": sent_at, "removing": removing and (error.sent or comment.removing)}
    return RetryAfter(
        error.after,
        not_now(error.why, error.status),
        error.counts,
        write=lambda tx: thread_comments.write(tx, comment, values),
        case=comment.case,
    )


def _refused(turn: _CommentTurn, error: DatadogPermanent, *, lost: bool = False) -> Done:
    """The end until something changes again; `lost`: for good. Datadog's words may quote the comment."""
    log.warning("comment.deleted" if lost else "comment.refused", case=turn.comment.case_id, status=error.status)
    return _done(turn, lost=lost)


def _done(turn: _CommentTurn, **values: object) -> Done:
    """The end until something changes again, with every call answered."""
    return _ended(turn.comment, **_ANSWERED, told_at=turn.at, **values)


def _ended(comment: ThreadComment, **values: object) -> Done:
    return Done(write=lambda tx: thread_comments.write(tx, comment, values), case=comment.case)


def _more(comment: ThreadComment, **values: object) -> More:
    return More(write=lambda tx: thread_comments.write(tx, comment, {**_ANSWERED, **values}), case=comment.case)
