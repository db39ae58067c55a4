"""A comment for a case: sent once. Where its answer got lost, nobody knows whether it arrived, and that is said."""

import structlog

from bot.datadog.client import DatadogPermanent, DatadogTransient
from bot.messages import sentences
from bot.services.context import Context, Organization
from bot.slack.client import SlackPermanent, SlackTransient
from bot.store import cases, comments, jobs
from bot.store.comments import Comment, CommentState
from bot.store.jobs import Job
from bot.worker.lease import fenced
from bot.worker.outcomes import More

log = structlog.get_logger(__name__)


async def work(context: Context, org: Organization, job: Job, comment: Comment) -> More:
    """Send this comment, or settle one whose answer got lost with its sender; raises DatadogTransient if not sent."""
    case = jobs.case_of(job.key)
    if comment.state is CommentState.SENT:
        return _settled(context, case, comment, CommentState.UNKNOWN)
    async with fenced(context, job, case=case) as (tx, _):
        await comments.settle(tx, comment, CommentState.SENT)
    try:
        await org.datadog.comment(case[1], comment.text)
    except DatadogPermanent as refused:
        log.warning("comment.refused", case=case[1], status=refused.status, words=refused.words)
        return _settled(context, case, comment, CommentState.FAILED)
    except DatadogTransient as error:
        if error.sent:
            return _settled(context, case, comment, CommentState.UNKNOWN)
        async with fenced(context, job, case=case) as (tx, _):
            await comments.settle(tx, comment, CommentState.ASKED)
        raise
    return _settled(context, case, comment, CommentState.DONE)


def _settled(context: Context, case: tuple[str, str], comment: Comment, state: CommentState) -> More:
    async def tell(_: object) -> None:
        async with context.store.read() as connection:
            known = await cases.get(connection, *case)
        text = sentences.commented(state.value, known.key if known else case[1])
        try:
            await (await context.slack(comment.thread.workspace)).whisper(comment.thread, comment.by, text)
        except (SlackTransient, SlackPermanent) as error:
            log.warning("answer.lost", user=comment.by, why=str(error))

    return More(write=lambda tx: comments.settle(tx, comment, state), case=case, after=tell)
