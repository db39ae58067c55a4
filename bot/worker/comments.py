"""A comment for a case is sent once: if the answer gets lost, nobody knows whether it arrived, and the bot says so."""

import structlog

from bot.datadog.errors import DatadogPermanent, DatadogTransient
from bot.messages import sentences
from bot.services.context import Context, Organization
from bot.store import cases, comments, jobs
from bot.store.comments import Comment, CommentState
from bot.store.transaction import Job
from bot.worker.lease import fenced
from bot.worker.outcomes import More
from bot.worker.whispers import whisper

log = structlog.get_logger(__name__)


async def add_comment(context: Context, org: Organization, job: Job, comment: Comment) -> More:
    """Send this comment, or give up one whose sender died before the answer; raises DatadogTransient if not sent."""
    case = jobs.case_of(job.key)
    if comment.state is CommentState.SENT:
        return _settled(context, case, comment, CommentState.UNKNOWN)
    async with fenced(context, job, case=case) as (tx, _):
        await comments.settle(tx, comment, CommentState.SENT)
    try:
        await org.datadog.comment(case[1], comment.text)
    except DatadogPermanent as error:
        log.warning("comment.refused", case=case[1], status=error.status)  # its words may quote the comment
        return _settled(context, case, comment, CommentState.FAILED)
    except DatadogTransient as error:
        if error.sent:
            return _settled(context, case, comment, CommentState.UNKNOWN)
        async with fenced(context, job, case=case) as (tx, _):
            await comments.settle(tx, comment, CommentState.ASKED)
        raise
    return _settled(context, case, comment, CommentState.DONE)


def given_up(context: Context, case: tuple[str, str], comment: Comment, words: str) -> More:
    """End a comment that could not be sent for too long. `words`: why, a sentence."""
    state = CommentState.UNKNOWN if comment.state is CommentState.SENT else CommentState.FAILED
    return _settled(context, case, comment, state, words)


def _settled(context: Context, case: tuple[str, str], comment: Comment, state: CommentState, words: str = "") -> More:
    async def tell(_: object) -> None:
        async with context.store.read() as connection:
            row = await cases.get(connection, *case)
        key = row.key if row else case[1]
        not_sent = words and state is CommentState.FAILED
        text = sentences.comment_given_up(key, words) if not_sent else sentences.commented(state.value, key)
        await whisper(context, comment.thread, comment.by, text)

    return More(write=lambda tx: comments.settle(tx, comment, state), case=case, after=tell)
